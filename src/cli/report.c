/* What a run ends with: the JSON object, the exit code, and printing in the format asked for. */
#include <stdio.h>
#include <string.h>

#include "cli/format.h"
#include "cli/stop.h"

json_t *cli_json_text(const char *text)
{
    size_t bad = 0;
    if (text == NULL)
        return json_null();
    if (utf8_valid(text, strlen(text), &bad))
        return json_string_nocheck(text);
    CLEANUP(str_release) struct str safe = {0};
    output_escape(&safe, text, strlen(text), true);
    return safe.failed ? NULL : json_stringn_nocheck(str_text(&safe), safe.len);
}

void cli_result(struct cli *cli, const char *key, json_t *value)
{
    if (!cli->output.json) {
        json_decref(value);
        return;
    }
    if (cli->result == NULL)
        cli->result = json_object();
    if (json_object_set_new(cli->result, key, value) != 0)
        cli->result_failed = true;
}

/* Line and column count from 1; 0 is not known. */
static json_t *json_place(int number)
{
    return number > 0 ? json_integer(number) : json_null();
}

static json_t *json_finding(const struct finding *finding)
{
    return json_pack("{so so so so so so so so}", "rule", cli_json_text(finding->rule), "severity",
                     cli_json_text(severity_name(finding->severity)), "file",
                     cli_json_text(finding->file), "line", json_place(finding->line), "column",
                     json_place(finding->column), "what", cli_json_text(finding->what), "fix",
                     cli_json_text(finding->fix), "excerpt", cli_json_text(finding->excerpt));
}

static json_t *json_findings(const struct findings *findings)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < findings->count; i++)
        if (json_array_append_new(array, json_finding(&findings->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *json_error(struct arena *arena, const struct err *err)
{
    char *code = arena_strdup(arena, err_name(err->code));
    for (char *c = code; c != NULL && *c != '\0'; c++)
        *c = ascii_lower(*c);
    if (code == NULL)
        return NULL;
    return json_pack("{so so so so so so so so so}", "code", cli_json_text(code), "message",
                     cli_json_text(err->message != NULL ? err->message : err_meaning(err->code)),
                     "detail", cli_json_text(err->detail), "state", cli_json_text(err->state),
                     "hint", cli_json_text(err->hint), "file", cli_json_text(err->file), "line",
                     json_place(err->line), "column", json_place(err->column), "sqlstate",
                     cli_json_text(err->sqlstate[0] != '\0' ? err->sqlstate : NULL));
}

/* NULL when memory is out. */
static json_t *json_report(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    json_t *report =
        json_pack("{ss so sb si so}", "pawl", PAWL_VERSION, "command",
                  cli_json_text(cli->command != NULL ? cli->command->name : NULL), "ok",
                  exit_code == 0, "exit", exit_code, "findings", json_findings(&cli->findings));
    bool complete = report != NULL && !cli->result_failed && !cli->findings.failed;
    if (complete && !ok)
        complete = json_object_set_new(report, "error", json_error(&cli->arena, err)) == 0;
    if (complete && cli->result != NULL)
        complete = json_object_update_missing(report, cli->result) == 0;
    if (complete)
        return report;
    json_decref(report);
    return NULL;
}

/* As one line; NULL when memory is out. */
static const char *dump(struct arena *arena, const json_t *json)
{
    /* json_dumps() may cut a key short when memory is out in the middle of it, and not say so. */
    const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII;
    const size_t size = json != NULL ? json_dumpb(json, NULL, 0, flags) : 0;
    char *const text = size > 0 ? arena_alloc(arena, size + 1) : NULL;
    return text != NULL && json_dumpb(json, text, size, flags) == size ? text : NULL;
}

/* DEL is the one control character that jansson writes as it is; it can only stand in a string. */
static void print_line(const char *text)
{
    for (size_t len; *text != '\0'; text += len) {
        len = strcspn(text, "\x7f");
        (void)fwrite(text, 1, len, stdout); /* output_flush() sees a failure */
        if (text[len] == '\0')
            break;
        (void)fputs("\\u007f", stdout);
        len++;
    }
    (void)putchar('\n');
}

/* Without memory for the report there is still this much to say. */
static const char json_nomem[] =
    "{\"pawl\":\"" PAWL_VERSION "\",\"command\":null,\"ok\":false,\"exit\":1,\"findings\":[],"
    "\"error\":{\"code\":\"nomem\",\"message\":\"out of memory\"}}";

void cli_print_report(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    json_t *const report = json_report(cli, ok, err, exit_code);
    const char *const text = dump(&cli->arena, report);
    json_decref(report);
    cli->output.failed = cli->output.failed || text == NULL;
    print_line(text != NULL ? text : json_nomem);
}

void cli_print_json(struct cli *cli, const json_t *json)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const text = dump(&scratch, json);
    if (text == NULL)
        cli->output.failed = true;
    else
        print_line(text);
}

int cli_finish(struct cli *cli, bool ok, struct err *err)
{
    const struct err outcome = {.code = cli->outcome};
    CLEANUP(err_release) struct err write_err = {0};
    if (!ok && err->code == ERR_SIGNAL)
        err->signal = stop_signal(); /* the floors below only know that they were told to stop */
    const int exit_code = err_exit_code(ok ? &outcome : err);
    const struct format *const format = cli->format != NULL ? cli->format : &formats[0];
    format->print(cli, ok, err, exit_code);
    /* Before the error, so that a log that takes both streams has them in order. */
    const bool written = output_flush(&write_err);
    if (!ok && !format->tells_error)
        output_error(&cli->output, err);
    if (written && !cli->output.failed)
        return exit_code;
    if (written)
        (void)err_nomem(&write_err);
    (void)fprintf(stderr, "pawl: %s\n",
                  write_err.message != NULL ? write_err.message : "out of memory");
    return exit_code != 0 ? exit_code : err_exit_code(&write_err);
}
