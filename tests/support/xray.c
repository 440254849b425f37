/*
 * X-rays statements, for tests/test_xray.py. A JSON object on stdin: "server" and "target" are URLs
 * (target may be null), "applied" the texts of migrations to replay, "search_path", and "runs" a
 * list of lists of texts, a migration each, every list on a fresh copy unless "once". On stdout
 * what was found, or
 * {"error": ...}. SIGINT cancels it.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "check/xray.h"

static int cancel_fd;

static void on_signal(int number)
{
    (void)number;
    (void)!write(cancel_fd, &(uint64_t){1}, sizeof(uint64_t));
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *json_of_relations(const struct xray_relations *relations)
{
    json_t *const rows = json_array();
    for (size_t i = 0; i < relations->count; i++) {
        const struct xray_relation *const row = &relations->items[i];
        json_array_append_new(
            rows,
            json_pack("{s:s,s:o,s:o,s:s%,s:s,s:b,s:b,s:b,s:b,s:b,s:b}", "name", row->name,
                      "new_name", text_or_null(row->new_name), "table", text_or_null(row->table),
                      "kind", &row->kind, (size_t)1, "mode", lock_mode_name(row->mode), "taken",
                      row->taken, "created", row->created, "dropped", row->dropped, "rewritten",
                      row->rewritten, "scanned", row->scanned, "built", row->built));
    }
    return rows;
}

static json_t *json_of_failure(const struct xray_failure *failure)
{
    return failure->sqlstate[0] == '\0'
               ? json_null()
               : json_pack("{s:s,s:s,s:i,s:i}", "sqlstate", failure->sqlstate, "message",
                           failure->message, "line", failure->line, "column", failure->column);
}

static json_t *json_of_xray(const struct xray *xray)
{
    json_t *const statements = json_array(), *const units = json_array();
    for (size_t i = 0; i < xray->statements.count; i++) {
        const struct xray_statement *const x = &xray->statements.items[i];
        json_array_append_new(
            statements,
            json_pack("{s:s,s:o,s:s%,s:i,s:i,s:i,s:b,s:o,s:o,s:b,s:b,s:b}", "source",
                      xray_source_name(x->source), "why", text_or_null(x->why), "text", x->text.at,
                      x->text.len, "line", x->line, "column", x->column, "unit", (int)x->unit,
                      "has_facts", x->facts != NULL, "failure", json_of_failure(&x->failure),
                      "relations", json_of_relations(&x->relations), "verifies", x->verifies,
                      "validates", x->validates, "proved", x->proved));
    }
    for (size_t i = 0; i < xray->units.count; i++) {
        const struct xray_unit *const unit = &xray->units.items[i];
        json_array_append_new(units, json_pack("{s:i,s:i,s:b,s:o,s:o}", "first", (int)unit->first,
                                               "count", (int)unit->count, "alone", unit->alone,
                                               "failure", json_of_failure(&unit->failure),
                                               "relations", json_of_relations(&unit->relations)));
    }
    return json_pack("{s:b,s:o,s:o}", "notices", xray->notices, "statements", statements, "units",
                     units);
}

/* Migrations of texts; the list is NULL when memory is out. */
static const struct migration **read_migrations(struct arena *arena, json_t *texts, size_t *count)
{
    *count = json_array_size(texts);
    const struct migration **const list = arena_alloc(arena, (*count + 1) * sizeof(void *));
    for (size_t i = 0; list != NULL && i < *count; i++) {
        struct migration *const migration = arena_alloc(arena, sizeof *migration);
        if (migration == NULL)
            return NULL;
        const char *const text = json_string_value(json_array_get(texts, i));
        *migration = (struct migration){.id = "m", .version = "1", .path = "m.sql", .text = text};
        migration->text_len = migration->forward_len = strlen(text);
        list[i] = migration;
    }
    return list;
}

static json_t *json_of_gaps(const struct shadow_facts *facts)
{
    json_t *const gaps = json_array();
    for (size_t i = 0; i < facts->gaps.count; i++) {
        const struct shadow_gap *const gap = &facts->gaps.items[i];
        json_array_append_new(gaps, json_pack("{s:s,s:s,s:s}", "statement", gap->statement,
                                              "sqlstate", gap->sqlstate, "message", gap->message));
    }
    return gaps;
}

static bool run_all(struct arena *arena, struct shadow *shadow, json_t *runs, json_t *ret,
                    struct err *err)
{
    for (size_t i = 0; i < json_array_size(runs); i++) {
        struct xray xray;
        size_t count;
        const struct migration **const list =
            read_migrations(arena, json_array_get(runs, i), &count);
        const int64_t start_ms = clock_monotonic_ms();
        if (list == NULL || !xray_run(arena, shadow, list, count, &xray, err))
            return false;
        json_t *const result = json_of_xray(&xray);
        json_object_set_new(result, "ms", json_integer(clock_monotonic_ms() - start_ms));
        json_array_append_new(ret, result);
    }
    return true;
}

static bool connect_target(struct arena *arena, struct shadow_options *options, const char *text,
                           struct url *url, struct pg **ret, struct err *err)
{
    if (text == NULL)
        return true;
    if (!url_parse(arena, text, ".", url, err))
        return false;
    options->target = url;
    const struct pg_options target = {.location = url->location,
                                      .display = url->display,
                                      .application = "pawl",
                                      .connect_timeout_ms = options->connect_timeout_ms};
    if (!pg_open(&target, &options->wait, ret, err))
        return false;
    options->target_connection = *ret;
    return true;
}

static json_t *answer(struct arena *arena, json_t *input, struct err *err)
{
    CLEANUP(shadow_close) struct shadow *shadow = NULL;
    CLEANUP(pg_close) struct pg *target = NULL;
    struct url server, target_url;
    const char *why;
    struct shadow_options options = {.connect_timeout_ms = 10000, .wait.cancel_fd = cancel_fd};
    options.server = &server;
    options.once = json_is_true(json_object_get(input, "once"));
    options.search_path = json_string_value(json_object_get(input, "search_path"));
    options.applied =
        read_migrations(arena, json_object_get(input, "applied"), &options.applied_count);
    const int64_t start_ms = clock_monotonic_ms();
    if (!url_parse(arena, json_string_value(json_object_get(input, "server")), ".", &server, err) ||
        !connect_target(arena, &options, json_string_value(json_object_get(input, "target")),
                        &target_url, &target, err) ||
        !shadow_open(arena, &options, &shadow, &why, err))
        return NULL;
    if (shadow == NULL)
        return json_pack("{s:s}", "no_shadow", why);
    const int64_t made_ms = clock_monotonic_ms() - start_ms;
    json_t *const results = json_array();
    if (!run_all(arena, shadow, json_object_get(input, "runs"), results, err)) {
        json_decref(results);
        return NULL;
    }
    const struct shadow_facts *const facts = shadow_facts(shadow);
    return json_pack("{s:s,s:o,s:o,s:o,s:I}", "source",
                     facts->source == SHADOW_COPIED ? "copied" : "replayed", "why_replayed",
                     text_or_null(facts->why_replayed), "gaps", json_of_gaps(facts), "runs",
                     results, "made_ms", (json_int_t)made_ms);
}

int main(void)
{
    struct arena arena = {0};
    struct err err = {0};
    cancel_fd = eventfd(0, EFD_CLOEXEC);
    if (cancel_fd < 0 || signal(SIGINT, on_signal) == SIG_ERR)
        return 2;
    json_t *const input = json_loadf(stdin, 0, NULL);
    json_t *result = answer(&arena, input, &err);
    if (result == NULL)
        result = json_pack("{s:s*,s:s,s:s,s:i}", "error", err.message, "code", err_name(err.code),
                           "sqlstate", err.sqlstate, "line", err.line);
    const bool printed = json_dumpf(result, stdout, JSON_INDENT(1)) == 0;
    json_decref(result);
    json_decref(input);
    err_release(&err);
    arena_release(&arena);
    (void)close(cancel_fd);
    return printed ? 0 : 1;
}
