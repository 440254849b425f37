/* Statements with their locks, sizes and times. */
#include "cli/plan_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/statement_text.h"

/* ---- words ---- */

/* "1,200,000" */
static void put_count(struct str *out, int64_t count)
{
    char digits[24];
    const int len = snprintf(digits, sizeof digits, "%" PRId64, count);
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            str_putc(out, ',');
        str_putc(out, digits[i]);
    }
}

static void put_size(struct str *out, const struct relation *relation)
{
    if (relation->rows >= 0) {
        put_count(out, relation->rows);
        str_puts(out, relation->rows == 1 ? " row" : " rows");
    } else {
        str_puts(out, "never analysed");
    }
    if (relation->bytes >= 0) {
        str_puts(out, ", ");
        str_put_size(out, relation->bytes);
    }
}

static void put_traffic(struct str *out, const struct relation *relation)
{
    if (relation->reads_per_s >= 0 && relation->writes_per_s >= 0)
        str_printf(out, "%.1f reads/s, %.1f writes/s", relation->reads_per_s,
                   relation->writes_per_s);
}

/* "0.4 s to 1.9 s"; "a moment" for what does not grow with the table. */
static void put_time(struct str *out, const struct cost *cost)
{
    char low[CLOCK_ISO_BYTES], high[CLOCK_ISO_BYTES];
    if (cost->high_ms < 0)
        str_puts(out, cost->lock->effect == EFFECT_ROWS ? "as long as its rows take"
                                                        : "not known how long");
    else if (cost->high_ms < 100)
        str_puts(out, "a moment");
    else {
        clock_format_elapsed_ms(cost->low_ms, low);
        clock_format_elapsed_ms(cost->high_ms, high);
        str_printf(out, "roughly %s to %s", low, high);
    }
}

static const char *work_of(const struct cost *cost)
{
    return cost->lock->effect == EFFECT_CATALOG ? "" : lock_effect_name(cost->lock->effect);
}

/* "ACCESS EXCLUSIVE on public.users (1,200,000 rows, 160 MB; 1.2 reads/s, 0.1 writes/s): readers
 * and writers wait, a moment" */
static void put_cost(struct str *out, const struct cost *cost)
{
    const char *const felt = cost_felt(cost->lock->mode);
    str_printf(out, "%s on %s (", lock_mode_name(cost->lock->mode), cost->relation.name);
    put_size(out, &cost->relation);
    if (cost->relation.reads_per_s >= 0)
        str_puts(out, "; ");
    put_traffic(out, &cost->relation);
    str_printf(out, "): %s%s%s%s", work_of(cost), work_of(cost)[0] != '\0' ? ", " : "", felt,
               felt[0] != '\0' ? ", " : "");
    put_time(out, cost);
    if (cost->lock->unless != NULL)
        str_printf(out, "; no %s if %s", lock_effect_name(cost->lock->effect), cost->lock->unless);
}

/* ---- people ---- */

static bool say_statement(struct cli *cli, const struct cost_statement *one, struct err *err)
{
    const char *const text = statement_one_line(&cli->arena, one->text, STATEMENT_SHOWN_BYTES);
    if (text == NULL)
        return err_nomem(err);
    output_result(&cli->output, "  %d:%d  %s\n", one->line, one->column, text);
    for (size_t i = 0; i < one->costs.count; i++) {
        CLEANUP(str_release) struct str line = {0};
        put_cost(&line, &one->costs.items[i]);
        const char *const safe = line.failed ? NULL : output_safe(&cli->arena, str_text(&line));
        if (safe == NULL)
            return err_nomem(err);
        output_result(&cli->output, "        %s\n", safe);
    }
    if (one->facts.unknown != NULL)
        output_result(&cli->output, "        not analysed: %s\n", one->facts.unknown);
    if (one->xray != NULL && one->xray->source == XRAY_NOT_RUN)
        output_result(&cli->output, "        not measured: %s\n", one->xray->why);
    return true;
}

static const struct cost_statement *first_of(const struct plan_shown *shown,
                                             const struct migration *migration, size_t *ret_count)
{
    const struct cost_statement *first = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < shown->count; i++) {
        if (shown->statements[i].migration != migration)
            continue;
        first = first != NULL ? first : &shown->statements[i];
        ++*ret_count;
    }
    return first;
}

bool plan_say(struct cli *cli, const struct plan_shown *shown, struct err *err)
{
    for (size_t i = 0; i < shown->plan->items.count; i++) {
        const struct plan_item *const item = &shown->plan->items.items[i];
        size_t count;
        const struct cost_statement *const first = first_of(shown, item->migration, &count);
        output_result(&cli->output, "%s%s\n", item->migration->id,
                      item->recognised ? "  (all that it replaces is applied)" : "");
        for (size_t s = 0; s < count; s++)
            if (!say_statement(cli, &first[s], err))
                return false;
    }
    if (shown->plan->items.count == 0)
        output_result(&cli->output, "nothing is pending\n");
    return true;
}

/* ---- pull requests ---- */

static void put_markdown_row(struct cli *cli, struct str *out, const struct cost_statement *one,
                             const char *text, const struct cost *cost)
{
    str_printf(out, "| %d:%d | ", one->line, one->column);
    markdown_put_cell(out, text);
    str_puts(out, " | ");
    if (cost == NULL) {
        markdown_put_cell(out, one->facts.unknown != NULL ? "not analysed" : "");
        str_puts(out, " |  |  |  |\n");
        return;
    }
    const char *const name = output_safe(&cli->arena, cost->relation.name);
    out->failed = out->failed || name == NULL;
    str_printf(out, "%s | ", lock_mode_name(cost->lock->mode));
    markdown_put_cell(out, name != NULL ? name : "");
    str_puts(out, " | ");
    put_size(out, &cost->relation);
    str_printf(out, " | %s%s", cost_felt(cost->lock->mode),
               cost_felt(cost->lock->mode)[0] != '\0' ? ", " : "");
    put_time(out, cost);
    str_puts(out, " |\n");
}

static bool markdown_statement(struct cli *cli, struct str *out, const struct cost_statement *one,
                               struct err *err)
{
    const char *const cut = statement_one_line(&cli->arena, one->text, STATEMENT_SHOWN_BYTES);
    const char *const text = cut != NULL ? output_safe(&cli->arena, cut) : NULL;
    if (text == NULL)
        return err_nomem(err);
    if (one->costs.count == 0)
        put_markdown_row(cli, out, one, text, NULL);
    for (size_t i = 0; i < one->costs.count; i++)
        put_markdown_row(cli, out, one, text, &one->costs.items[i]);
    return true;
}

bool plan_say_markdown(struct cli *cli, const struct plan_shown *shown, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    for (size_t i = 0; i < shown->plan->items.count; i++) {
        const struct plan_item *const item = &shown->plan->items.items[i];
        size_t count;
        const struct cost_statement *const first = first_of(shown, item->migration, &count);
        str_puts(&out, "### ");
        markdown_put_cell(&out, item->migration->id);
        str_puts(&out, "\n\n| line | statement | lock | on | size | felt |\n"
                       "|---|---|---|---|---|---|\n");
        for (size_t s = 0; s < count; s++)
            if (!markdown_statement(cli, &out, &first[s], err))
                return false;
        str_putc(&out, '\n');
    }
    if (shown->plan->items.count == 0)
        str_puts(&out, "Nothing is pending.\n");
    if (out.failed)
        return err_nomem(err);
    output_result_text(&cli->output, &out);
    return true;
}

/* ---- programs ---- */

static json_t *number_or_null(int64_t number)
{
    return number >= 0 ? json_integer((json_int_t)number) : json_null();
}

static json_t *rate_or_null(double rate)
{
    return rate >= 0 ? json_real(rate) : json_null();
}

static json_t *json_cost(const struct cost *cost)
{
    const struct relation *const r = &cost->relation;
    return json_pack("{so so so so so so so so so so so}", "relation", cli_json_text(r->name),
                     "mode", cli_json_text(lock_mode_name(cost->lock->mode)), "work",
                     cli_json_text(lock_effect_name(cost->lock->effect)), "unless",
                     cli_json_text(cost->lock->unless), "rows", number_or_null(r->rows), "bytes",
                     number_or_null(r->bytes), "index_bytes", number_or_null(r->index_bytes),
                     "reads_per_s", rate_or_null(r->reads_per_s), "writes_per_s",
                     rate_or_null(r->writes_per_s), "low_ms", number_or_null(cost->low_ms),
                     "high_ms", number_or_null(cost->high_ms));
}

static json_t *json_statement(const struct cost_statement *one)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    json_t *const locks = json_array();
    for (size_t i = 0; locks != NULL && i < one->costs.count; i++)
        (void)json_array_append_new(locks, json_cost(&one->costs.items[i]));
    return json_pack(
        "{si si so so so so}", "line", one->line, "column", one->column, "statement",
        cli_json_text(statement_one_line(&scratch, one->text, STATEMENT_JSON_BYTES)),
        "not_analysed", cli_json_text(one->facts.unknown), "locks", locks, "source",
        cli_json_text(one->xray != NULL ? xray_source_name(one->xray->source) : "read"));
}

json_t *plan_json(const struct plan_shown *shown)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < shown->plan->items.count; i++) {
        const struct plan_item *const item = &shown->plan->items.items[i];
        size_t count;
        const struct cost_statement *const first = first_of(shown, item->migration, &count);
        json_t *const statements = json_array();
        for (size_t s = 0; statements != NULL && s < count; s++)
            (void)json_array_append_new(statements, json_statement(&first[s]));
        (void)json_array_append_new(
            array, json_pack("{so sb so}", "id", cli_json_text(item->migration->id), "recognised",
                             (int)item->recognised, "statements", statements));
    }
    return array;
}
