/* What is recorded, and when it is written. */
#include "deploy/black_box.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/host.h"
#include "db/sessions_text.h"
#include "db/sqlstate.h"
#include "deploy/black_box_line.h"
#include "deploy/run.h"
#include "ledger/actor.h"
#include "ledger/detail.h"
#include "sql/canonical.h"

enum {
    WRITE_EVERY_MS = 100, /* of lines that need not be there at once */
    ANSWER_WRITE_MS = 5,  /* an answer that took so long is written at once */
    LOOK_EVERY_MS = 1000, /* the same sessions in the way, and progress, once in so long */
    NOTICES_WRITTEN = 1000,
    STATEMENT_BYTES = 8 * 1024, /* of one statement's text, and of all those of a unit */
    UNIT_BYTES = 64 * 1024,
};

static json_t *describe_error(json_t *line, const struct err *err)
{
    char code[32] = "";
    const char *const name = err_name(err->code);
    for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof code; i++)
        code[i] = ascii_lower(name[i]);
    line_put_text(line, "code", code);
    line_put_text(line, "message", err->message);
    line_put_text(line, "detail", err->detail);
    line_put_text(line, "hint", err->hint);
    line_put_text(line, "sqlstate", err->sqlstate[0] != '\0' ? err->sqlstate : NULL);
    line_put_text(line, "file", err->file);
    if (err->line > 0)
        line_put_number(line, "line", err->line);
    if (err->column > 0)
        line_put_number(line, "column", err->column);
    return line;
}

/* ---- the attempt ---- */

static const char *server_version(struct run *run)
{
    CLEANUP(err_release) struct err ignored = {0};
    static const char sql[] = "SELECT sqlite_version()";
    struct rows rows;
    if (run->ledger->pg != NULL) {
        const int version = pg_server_version(run->ledger->pg);
        return arena_printf(run->arena, "%d.%d", version / 10000, version % 10000);
    }
    return sqlite_query(run->ledger->sqlite, run->arena, sql, strlen(sql), NULL, 0, &rows, NULL,
                        &ignored)
               ? rows_get(&rows, 0, 0)
               : NULL;
}

static json_t *settings_in_force(const struct run *run)
{
    const struct deploy_options *const o = run->options;
    json_t *const ret = json_object();
    line_put_number(ret, "lock_timeout_ms", o->limits.lock_timeout_ms);
    line_put_number(ret, "lock_budget_ms", o->lock_budget_ms);
    line_put_number(ret, "block_budget_ms", o->block_budget_ms);
    line_put_number(ret, "wait_ms", o->wait_ms);
    line_put_text(ret, "schema", o->limits.search_path);
    line_put_text(ret, "role", o->limits.role);
    line_put_text(ret, "app_role", o->app_role);
    line_put_text(ret, "on_blocked", on_blocked_name(o->oust.on_blocked));
    return ret;
}

static json_t *pending(const struct run *run)
{
    json_t *const list = json_array();
    const struct plan *const plan = &run->result->plan;
    for (size_t i = 0; i < plan->items.count; i++) {
        const char *const id = plan->items.items[i].migration->id;
        (void)json_array_append_new(list, black_box_text(id, strlen(id)));
    }
    return list;
}

static void add_begin(struct run *run)
{
    char host[HOST_NAME_BYTES];
    json_t *const line = line_new(run, "begin");
    if (line == NULL)
        return;
    host_name(host);
    line_put_number(line, "form", 1);
    line_put_text(line, "attempt", run->attempt);
    line_put_text(line, "pawl", PAWL_VERSION);
    line_put_number(line, "pid", getpid());
    line_put_text(line, "host", host);
    line_put_text(line, "user", actor_user(run->arena));
    line_put_text(line, "target", run->ledger->display);
    line_put_text(line, "ledger", run->ledger->name);
    line_put_text(line, "engine", run->ledger->pg != NULL ? "postgres" : "sqlite");
    line_put_text(line, "server", server_version(run));
    if (run->ledger->pg != NULL) {
        line_put_number(line, "backend", pg_backend_pid(run->ledger->pg));
        line_put(line, "pooled", json_boolean(!run->ledger->direct));
    }
    line_put_text(line, "release", run->options->release);
    line_put_text(line, "set", run->options->set->digest.text);
    line_put(line, "settings", settings_in_force(run));
    line_put(line, "pending", pending(run));
    line_add(run, line);
}

void black_box_begin(struct run *run)
{
    struct black_box *const box = &run->black_box;
    CLEANUP(err_release) struct err err = {0};
    const char *folder = NULL;
    if (!box->on || box->file.open)
        return;
    if (!black_box_folder(run->arena, &run->options->black_box, &folder, &err) ||
        !black_box_file_open(run->arena, folder, run->attempt, &box->file, &err)) {
        black_box_give_up(run, &err);
        return;
    }
    add_begin(run);
    black_box_write(run);
}

void black_box_row(struct run *run, const char *event, const char *receipt)
{
    json_t *const line = line_new(run, "journal");
    line_put_text(line, "row", event);
    line_put_text(line, "receipt", receipt);
    line_write(run, line);
}

bool tally_describe(const struct tally *tally, json_t *detail)
{
    const struct {
        const char *name;
        int64_t count;
    } counts[] = {{"retries", tally->retries},
                  {"notices", tally->notices},
                  {"lock_wait_ms", tally->lock_wait_ms}};
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (counts[i].count > 0 &&
            json_object_set_new(detail, counts[i].name,
                                json_integer((json_int_t)counts[i].count)) != 0)
            return false;
    return true;
}

void black_box_end(struct run *run, const char *outcome, const struct err *why)
{
    json_t *const line = line_new(run, "end");
    line_put_text(line, "outcome", outcome);
    line_put_number(line, "applied", (int64_t)run->result->done.count);
    if (line != NULL && !tally_describe(&run->black_box.all, line))
        line_put(line, "counts", json_null());
    line_write(run, why->code != ERR_NONE ? describe_error(line, why) : line);
}

void black_box_close(struct run *run)
{
    black_box_write(run);
    black_box_file_close(&run->black_box.file);
    json_decref(run->black_box.blockers);
    run->black_box.blockers = NULL;
}

/* ---- tries of a unit ---- */

/* The text as it is kept elsewhere, without passwords; a long one is cut between two characters. */
static json_t *statement_json(const struct run *run, const struct script_statement *statement,
                              size_t *room)
{
    CLEANUP(str_release) struct str text = {0};
    const size_t len = strlen(statement->sql);
    json_t *const ret = json_pack("{s:i}", "line", statement->statement.line);
    if (*room == 0)
        return ret;
    sql_blank_passwords(run->options->set->dialect, statement->sql, len, &text);
    size_t shown = text.len < STATEMENT_BYTES ? text.len : STATEMENT_BYTES;
    shown = shown < *room ? shown : *room;
    *room -= shown;
    while (shown > 0 && shown < text.len && ((unsigned char)text.data[shown] & 0xC0) == 0x80)
        shown--;
    if (!text.failed)
        line_put(ret, "sql", black_box_text(str_text(&text), shown));
    if (shown < text.len)
        line_put_number(ret, "bytes", (int64_t)len);
    return ret;
}

static json_t *statements_json(const struct run *run, const struct plan_item *item, size_t unit)
{
    json_t *const list = json_array();
    size_t room = UNIT_BYTES;
    if (unit >= item->script.units.count)
        return list;
    const struct unit *const u = &item->script.units.items[unit];
    for (size_t i = 0; i < u->count; i++)
        (void)json_array_append_new(
            list, statement_json(run, &item->script.statements.items[u->first + i], &room));
    return list;
}

void black_box_try(struct run *run, const struct plan_item *item, size_t unit)
{
    struct black_box *const box = &run->black_box;
    const bool first = box->item != item || box->unit != unit;
    const bool alone = unit < item->script.units.count && item->script.units.items[unit].alone;
    if (box->item != item)
        box->migration = (struct tally){0};
    box->tries = first ? 1 : box->tries + 1;
    box->item = item;
    box->unit = unit;
    box->lock_timeout_ms = alone ? 0 : apply_lock_timeout_ms(run, item);
    box->next_look_ms = box->next_progress_ms = 0;
    json_t *const line = line_new(run, "try");
    line_put_text(line, "migration", item->migration->id);
    line_put_number(line, "unit", (int64_t)unit + 1);
    line_put_number(line, "units", (int64_t)item->script.units.count);
    line_put_number(line, "try", (int64_t)box->tries);
    if (run->ledger->pg != NULL)
        line_put_number(line, "lock_timeout_ms", box->lock_timeout_ms);
    if (alone)
        line_put(line, "alone", json_true());
    if (first && line != NULL)
        line_put(line, "statements", statements_json(run, item, unit));
    line_add(run, line);
    box->held = 0;
    box->answer_ms = clock_monotonic_ms();
    /* Of many short migrations one write is enough; while the server is silent the watcher's look
     * writes. SQLite has none. */
    if (alone || run->ledger->pg == NULL || box->answer_ms >= box->written_ms + WRITE_EVERY_MS)
        black_box_write(run);
}

static void waited(struct run *run, int64_t ms)
{
    struct black_box *const box = &run->black_box;
    if (ms > box->all.lock_wait_ms)
        box->all.lock_wait_ms = ms;
    if (ms > box->migration.lock_wait_ms)
        box->migration.lock_wait_ms = ms;
}

void black_box_failed(struct run *run, const struct err *err)
{
    struct black_box *const box = &run->black_box;
    if (strcmp(err->sqlstate, SQLSTATE_LOCK_NOT_AVAILABLE) == 0)
        waited(run, box->lock_timeout_ms);
    json_t *const line = line_new(run, "error");
    line_put_number(line, "after_ms", clock_monotonic_ms() - box->answer_ms);
    line_write(run, describe_error(line, err));
}

/* ---- what the server and other sessions do ---- */

void black_box_notice(void *context, const char *severity, const char *message)
{
    struct run *const run = context;
    struct black_box *const box = &run->black_box;
    if (box->all.notices++ >= NOTICES_WRITTEN)
        return;
    json_t *const line = line_new(run, "notice");
    line_put_text(line, "severity", severity);
    line_put_text(line, "text", message);
    line_add(run, line);
}

static json_t *snapshot(const struct pg_session *s)
{
    json_t *const ret = pg_session_json(s);
    line_put_text(ret, "since", s->backend_start);
    line_put_text(ret, "address", s->address);
    line_put_text(ret, "type", s->type);
    line_put_text(ret, "wait_type", s->wait_type);
    line_put_text(ret, "wait_event", s->wait_event);
    line_put_text(ret, "waits_for", s->lock_object);
    line_put_text(ret, "lock", s->lock_mode);
    return ret;
}

/* The same sessions as in the last line, whatever their times. */
static bool same_sessions(const json_t *before, const struct pg_sessions *now)
{
    if (before == NULL || json_array_size(before) != now->count)
        return false;
    for (size_t i = 0; i < now->count; i++)
        if (json_integer_value(json_object_get(json_array_get(before, i), "pid")) !=
            (json_int_t)now->items[i].pid)
            return false;
    return true;
}

void black_box_blocked(struct run *run, const struct pg_session *self,
                       const struct pg_sessions *blockers)
{
    struct black_box *const box = &run->black_box;
    const int64_t now_ms = clock_monotonic_ms();
    if (self != NULL)
        waited(run, self->lock_ms);
    if (now_ms < box->next_look_ms && same_sessions(box->blockers, blockers))
        return;
    json_t *const line = line_new(run, "blocked");
    if (line == NULL)
        return;
    line_put_text(line, "migration", run->watcher.id);
    if (self != NULL) {
        line_put_text(line, "lock", self->lock_mode);
        line_put_text(line, "object", self->lock_object);
        line_put_number(line, "waited_ms", self->lock_ms);
    }
    json_decref(box->blockers);
    box->blockers = json_array();
    for (size_t i = 0; i < blockers->count; i++)
        (void)json_array_append_new(box->blockers, snapshot(&blockers->items[i]));
    (void)json_object_set(line, "blockers", box->blockers);
    box->next_look_ms = now_ms + LOOK_EVERY_MS;
    line_write(run, line);
}

void black_box_session_ended(struct run *run, const struct pg_session *session,
                             const struct err *failed)
{
    json_t *const line = line_new(run, "session_ended");
    if (line == NULL)
        return;
    line_put_text(line, "by", on_blocked_name(run->options->oust.on_blocked));
    line_put(line, "session", snapshot(session));
    line_put_text(line, "error", failed->code != ERR_NONE ? failed->message : NULL);
    line_write(run, line);
}

void black_box_connection(struct run *run, const char *what, int backend)
{
    json_t *const line = line_new(run, "connection");
    line_put_text(line, "is", what);
    line_put_number(line, "backend", backend);
    line_write(run, line);
}

/* ---- the deploy's events ---- */

/* The last answer of a transaction comes with that of its commit. */
static void add_statement(struct run *run, const struct deploy_event *event)
{
    struct black_box *const box = &run->black_box;
    const int64_t now_ms = clock_monotonic_ms(), took_ms = now_ms - box->answer_ms;
    if (event->with_next) {
        box->held++; /* the next one's line has the time of both */
        return;
    }
    json_t *const line = line_new(run, "statement");
    line_put_text(line, "migration", event->id);
    line_put_number(line, "number", (int64_t)event->number);
    line_put_number(line, "of", (int64_t)event->total);
    line_put_number(line, "took_ms", took_ms);
    if (box->held > 0)
        line_put_number(line, "with_before", (int64_t)box->held);
    box->held = 0;
    if (event->number == event->total && run->ledger->pg != NULL)
        line_put(line, "with_commit", json_true());
    line_add(run, line);
    box->answer_ms = now_ms;
    if (took_ms >= ANSWER_WRITE_MS)
        black_box_write(run);
}

/* What is about to wait for somebody is written at once. */
static void add_told(struct run *run, const struct deploy_event *event, const char *name,
                     bool write)
{
    json_t *const line = line_new(run, name);
    line_put_text(line, "migration", event->id);
    line_put_text(line, "text", event->text);
    if (event->type == DEPLOY_RETRY)
        line_put_number(line, "pause_ms", event->elapsed_ms);
    if (event->type == DEPLOY_APPLIED)
        line_put_number(line, "took_ms", event->elapsed_ms);
    if (event->type == DEPLOY_APPLIED || event->type == DEPLOY_RECOGNISED)
        line_put_text(line, "receipt", run->result->head);
    line_add(run, line);
    if (write)
        black_box_write(run);
}

static bool progress_is_due(struct black_box *box)
{
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms < box->next_progress_ms)
        return false;
    box->next_progress_ms = now_ms + LOOK_EVERY_MS;
    return true;
}

static void on_event(void *context, const struct deploy_event *event)
{
    static const struct {
        const char *name; /* NULL: another line says it */
        bool write;
    } told[] = {
        [DEPLOY_WAITING] = {"waiting", true},
        [DEPLOY_PROGRESS] = {"progress", true},
        [DEPLOY_BLOCKING] = {"blocking", true},
        [DEPLOY_RETRY] = {"retry", true},
        [DEPLOY_NOTE] = {"note", true},
        [DEPLOY_APPLIED] = {"applied", false},
        [DEPLOY_RECOGNISED] = {"recognised", false},
    };
    struct run *const run = context;
    struct black_box *const box = &run->black_box;
    if (event->type == DEPLOY_RETRY) {
        box->all.retries++;
        box->migration.retries++;
    }
    if (event->type == DEPLOY_STATEMENT)
        add_statement(run, event);
    else if (event->type < COUNT_OF(told) && told[event->type].name != NULL &&
             (event->type != DEPLOY_PROGRESS || progress_is_due(box)))
        add_told(run, event, told[event->type].name, told[event->type].write);
    deploy_tell(&box->next, event);
}

struct deploy_listener black_box_listen(struct run *run, const struct deploy_listener *next)
{
    struct black_box *const box = &run->black_box;
    box->next = *next;
    box->start_ms = box->answer_ms = clock_monotonic_ms();
    box->on = black_box_wanted(&run->options->black_box);
    return (struct deploy_listener){.on_event = on_event, .context = run};
}
