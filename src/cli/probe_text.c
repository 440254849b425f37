/* Probes in words. */
#include "cli/probe_text.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/detail.h"

/* ---- people ---- */

static void put_json_value(struct str *out, const json_t *value)
{
    if (json_is_string(value))
        str_puts(out, json_string_value(value));
    else if (json_is_integer(value))
        str_printf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_null(value))
        str_puts(out, "NULL");
    for (size_t i = 0; json_is_array(value) && i < json_array_size(value); i++) {
        str_puts(out, i > 0 ? ", " : "");
        put_json_value(out, json_array_get(value, i));
    }
}

/* "id=7 customer_id=99" */
static void put_object(struct str *out, json_t *object)
{
    const char *name;
    json_t *value;
    bool first = true;
    json_object_foreach(object, name, value)
    {
        str_puts(out, first ? "" : " ");
        first = false;
        str_printf(out, "%s=", name);
        put_json_value(out, value);
    }
}

static const char *sample_text(struct arena *arena, const char *sample)
{
    CLEANUP(json_release) json_t *json = json_loads(sample, 0, NULL);
    CLEANUP(str_release) struct str out = {0};
    if (json_is_array(json)) {
        put_object(&out, json_array_get(json, 0));
        str_puts(&out, " | ");
        put_object(&out, json_array_get(json, 1));
    } else {
        put_object(&out, json);
    }
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}

static bool say_one(struct cli *cli, const struct probe *probe, bool queries)
{
    char elapsed[CLOCK_ISO_BYTES];
    const char *const words = probe_words(&cli->arena, probe);
    const char *const subject = output_safe(&cli->arena, probe->subject);
    const char *const shown = words != NULL ? output_safe(&cli->arena, words) : NULL;
    if (subject == NULL || shown == NULL)
        return false;
    clock_format_elapsed_ms(probe->ms, elapsed);
    output_result(&cli->output, "  %d  %s  %s  %s%s%s%s\n", probe->line,
                  probe_verdict_name(probe->verdict), probe_kind_name(probe->kind), subject,
                  probe->sql != NULL ? "  (" : "", probe->sql != NULL ? elapsed : "",
                  probe->sql != NULL ? ")" : "");
    if (probe->verdict != PROBE_HOLDS)
        output_result(&cli->output, "     %s\n", shown);
    for (size_t i = 0; i < probe->samples.count; i++) {
        const char *const sample = sample_text(&cli->arena, probe->samples.items[i]);
        const char *const safe = sample != NULL ? output_safe(&cli->arena, sample) : NULL;
        if (safe == NULL)
            return false;
        output_result(&cli->output, "       %s\n", safe);
    }
    if (queries && probe->sql != NULL) {
        const char *const sql = output_safe(&cli->arena, probe->sql);
        if (sql == NULL)
            return false;
        output_result(&cli->output, "     %s;\n", sql);
    }
    return true;
}

bool probes_say(struct cli *cli, const struct probes *probes, bool queries, struct err *err)
{
    const struct migration *migration = NULL;
    for (size_t i = 0; i < probes->count; i++) {
        const struct probe *const probe = &probes->items[i];
        if (probe->migration != migration) {
            const char *const path = output_safe(&cli->arena, probe->migration->path);
            if (path == NULL)
                return err_nomem(err);
            output_result(&cli->output, "%s%s\n", migration != NULL ? "\n" : "", path);
        }
        migration = probe->migration;
        if (!say_one(cli, probe, queries))
            return err_nomem(err);
    }
    if (probes->count > 0)
        output_result(&cli->output, "\n");
    return true;
}

/* ---- programs ---- */

static json_t *samples_json(const struct probe *probe)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < probe->samples.count; i++)
        (void)json_array_append_new(array, json_loads(probe->samples.items[i], 0, NULL));
    return array;
}

json_t *probes_json(struct arena *arena, const struct probes *probes)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < probes->count; i++) {
        const struct probe *const probe = &probes->items[i];
        const char *const words = probe_words(arena, probe);
        json_t *const one = json_pack(
            "{s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:s*, s:I, s:b, s:o*, s:I, s:s*, s:s*}",
            "migration", probe->migration->id, "kind", probe_kind_name(probe->kind), "verdict",
            probe_verdict_name(probe->verdict), "line", probe->line, "column", probe->column,
            "relation", probe->relation, "subject", probe->subject, "words", words, "count",
            (json_int_t)probe->count, "exact", (int)probe->exact, "samples", samples_json(probe),
            "ms", (json_int_t)probe->ms, "query", probe->sql, "repair", probe->repair);
        if (one == NULL || json_array_append_new(array, one) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
