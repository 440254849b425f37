/* A rehearsal for programs. */
#include "cli/rehearsal.h"
#include "cli/statement_text.h"

static json_t *json_locks(const struct rehearsal_locks *locks)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < locks->count; i++) {
        const struct rehearsal_lock *const lock = &locks->items[i];
        (void)json_array_append_new(
            array, json_pack("{so so so}", "relation", cli_json_text(lock->relation), "mode",
                             cli_json_text(lock->mode[0] != '\0' ? lock->mode : NULL), "work",
                             cli_json_text(lock->work[0] != '\0' ? lock->work : NULL)));
    }
    return array;
}

static json_t *json_statement(const struct rehearsed_statement *one)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct rehearsal_locks locks;
    const struct xray_statement *const x = one->xray;
    if (!rehearsal_locks(&scratch, one, &locks))
        return NULL;
    return json_pack(
        "{si si so so so so so}", "line", one->line, "column", one->column, "statement",
        cli_json_text(statement_one_line(&scratch, one->text, STATEMENT_JSON_BYTES)), "ms",
        one->ms >= 0 ? json_integer((json_int_t)one->ms) : json_null(), "not_run",
        cli_json_text(x != NULL && x->source == XRAY_NOT_RUN ? x->why : NULL), "source",
        cli_json_text(x != NULL ? xray_source_name(x->source) : NULL), "locks", json_locks(&locks));
}

static json_t *json_migrations(const struct rehearsal *rehearsal)
{
    static const char *const outcomes[] = {"applied", "failed", "not reached"};
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < rehearsal->migrations.count; i++) {
        const struct rehearsed *const one = &rehearsal->migrations.items[i];
        json_t *const statements = json_array();
        for (size_t s = 0; statements != NULL && s < one->count; s++)
            (void)json_array_append_new(
                statements, json_statement(&rehearsal->statements.items[one->first + s]));
        (void)json_array_append_new(
            array, json_pack("{so so sI so}", "id", cli_json_text(one->migration->id), "outcome",
                             cli_json_text(outcomes[one->outcome]), "ms", (json_int_t)one->ms,
                             "statements", statements));
    }
    return array;
}

static json_t *json_gaps(const struct shadow_facts *facts)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && facts != NULL && i < facts->gaps.count; i++)
        (void)json_array_append_new(
            array, json_pack("{so so}", "statement", cli_json_text(facts->gaps.items[i].statement),
                             "why", cli_json_text(facts->gaps.items[i].message)));
    return array;
}

void rehearsal_json(struct cli *cli, const struct rehearsal *rehearsal)
{
    const struct shadow_facts *const facts = rehearsal->facts;
    cli_result(cli, "rehearsed", json_migrations(rehearsal));
    cli_result(cli, "where", cli_json_text(rehearsal->where));
    cli_result(cli, "gaps", json_gaps(facts));
    cli_result(cli, "rows",
               facts != NULL ? json_integer((json_int_t)facts->row_count) : json_null());
    cli_result(cli, "changes", cli_json_text(rehearsal->changes));
    cli_result(cli, "why_no_changes", cli_json_text(rehearsal->why_no_changes));
    cli_result(cli, "kept", cli_json_text(rehearsal->kept));
    cli_result(cli, "kept_connect", cli_json_text(rehearsal->kept_connect));
}
