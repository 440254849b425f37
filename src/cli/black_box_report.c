/* Finding the file, reading its lines, and putting each into words. */
#include "cli/black_box_report.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/table.h"
#include "deploy/prepare.h"
#include "ledger/detail.h"

enum {
    FILE_BYTES = 256 * 1024 * 1024,
    SQL_BYTES = 72, /* of a statement, as much as tells it from others */
};

struct reader {
    struct cli *cli;
    struct table *table;
    json_t *lines;      /* all that could be read */
    json_t *statements; /* of the unit at hand; NULL */
    size_t unreadable;
};

/* ---- a line in words ---- */

/* The members that a person wants to see, in this order, each with the word in front of it. */
static const struct {
    const char *name, *word;
} shown[] = {
    {"row", ""},
    {"outcome", ""},
    {"is", ""},
    {"migration", ""},
    {"by", "by"},
    {"severity", ""},
    {"try", "try"},
    {"lock_timeout_ms", "lock timeout ms"},
    {"number", "statement"},
    {"of", "of"},
    {"took_ms", "ms"},
    {"with_before", "with as many before it"},
    {"pause_ms", "again in ms"},
    {"lock", "waits for"},
    {"object", "on"},
    {"waited_ms", "for ms"},
    {"applied", "applied"},
    {"retries", "retries"},
    {"lock_wait_ms", "lock wait ms"},
    {"notices", "notices"},
    {"sqlstate", "SQLSTATE"},
    {"file", "at"},
    {"line", "line"},
    {"message", ""},
    {"detail", ""},
    {"text", ""},
    {"error", ""},
    {"server", "server"},
    {"backend", "backend"},
    {"receipt", ""},
};

static void put_member(struct str *out, const char *word, const json_t *value)
{
    if (value == NULL)
        return;
    str_puts(out, out->len > 0 ? ", " : "");
    str_printf(out, "%s%s", word, word[0] != '\0' && !json_is_true(value) ? " " : "");
    if (json_is_string(value))
        str_puts(out, json_string_value(value));
    else if (json_is_integer(value))
        str_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

/* The first line of a statement, or as much of it as there is room for. */
static void put_sql(struct str *out, const json_t *statement)
{
    const char *const sql = json_string_value(json_object_get(statement, "sql"));
    if (sql == NULL)
        return;
    size_t len = strcspn(sql, "\r\n"), bad = 0;
    const bool cut = sql[len] != '\0' || len > SQL_BYTES;
    len = len < SQL_BYTES ? len : SQL_BYTES;
    if (!utf8_valid(sql, len, &bad))
        len = bad; /* never the half of a character */
    str_printf(out, ": %.*s%s", (int)len, sql, cut ? " ..." : "");
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *const text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "?";
}

static void put_session(struct str *out, const json_t *session)
{
    str_printf(out, "; backend %" JSON_INTEGER_FORMAT " (user %s, application \"%s\"), %s: %s",
               json_integer_value(json_object_get(session, "pid")), text_of(session, "user"),
               text_of(session, "application"), text_of(session, "state"),
               text_of(session, "query"));
}

static void describe(const struct reader *reader, const json_t *line, struct str *out)
{
    const json_t *const number = json_object_get(line, "number");
    const json_t *const blockers = json_object_get(line, "blockers");
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        put_member(out, shown[i].word, json_object_get(line, shown[i].name));
    if (json_integer_value(number) > 0)
        put_sql(out, json_array_get(reader->statements, (size_t)json_integer_value(number) - 1));
    for (size_t i = 0; i < json_array_size(blockers); i++)
        put_session(out, json_array_get(blockers, i));
    if (json_object_get(line, "session") != NULL)
        put_session(out, json_object_get(line, "session"));
}

static bool add_row(struct reader *reader, const json_t *line, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    char at[CLOCK_ISO_BYTES];
    struct arena *const arena = &reader->cli->arena;
    json_t *const statements = json_object_get(line, "statements");
    if (statements != NULL)
        reader->statements = statements; /* its line is kept in lines */
    clock_format_elapsed_ms(json_integer_value(json_object_get(line, "ms")), at);
    describe(reader, line, &text);
    const char *const cells[] = {arena_strdup(arena, at),
                                 arena_strdup(arena, text_of(line, "event")),
                                 text.failed ? NULL : arena_strdup(arena, str_text(&text))};
    if (cells[0] == NULL || cells[1] == NULL || cells[2] == NULL)
        return err_nomem(err);
    return table_add(arena, reader->table, cells, err);
}

/* ---- the file ---- */

/* The last line of a process that was killed may be cut short. */
static bool read_line(struct reader *reader, const char *text, size_t len, struct err *err)
{
    json_error_t error = {.text = ""};
    json_t *const line = json_loadb(text, len, 0, &error);
    if (!json_is_object(line)) {
        json_decref(line);
        reader->unreadable++;
        return true;
    }
    return json_array_append_new(reader->lines, line) == 0 ? add_row(reader, line, err)
                                                           : err_nomem(err);
}

static bool read_lines(struct reader *reader, const char *text, size_t len, struct err *err)
{
    for (const char *at = text, *end; at < text + len; at = end + 1) {
        end = memchr(at, '\n', len - (size_t)(at - text));
        end = end != NULL ? end : text + len;
        if (end > at && !read_line(reader, at, (size_t)(end - at), err))
            return false;
    }
    return true;
}

/* Where it was written, as far as the journal knows. */
static const char *told_elsewhere(struct cli *cli, const struct attempt *attempt, const char *begin)
{
    const char *const path = detail_string(&cli->arena, begin, "black_box");
    if (path == NULL)
        return "the journal knows of none";
    return arena_printf(&cli->arena, "it was written on host \"%s\": %s",
                        attempt->host != NULL ? attempt->host : "?", path);
}

static bool say_missing(struct cli *cli, const struct attempt *attempt, const char *begin,
                        const char *looked, const char *why, struct err *err)
{
    const char *const where = told_elsewhere(cli, attempt, begin);
    if (where == NULL)
        return err_nomem(err);
    output_result(&cli->output, "\nno black box of it %s%s%s%s: %s\n", looked != NULL ? "in " : "",
                  looked != NULL ? looked : "", why != NULL ? (looked != NULL ? ", " : "") : "",
                  why != NULL ? why : "", where);
    return true;
}

static bool show_file(struct cli *cli, const char *path, json_t *lines, struct err *err)
{
    static const struct table_column columns[] = {
        {"AFTER", false}, {"EVENT", false}, {"WHAT", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    struct reader reader = {.cli = cli, .table = &table, .lines = lines};
    char *text = NULL;
    size_t len = 0;
    if (!fs_read(&cli->arena, path, FILE_BYTES, &text, &len, err) ||
        !read_lines(&reader, text, len, err))
        return false;
    output_result(&cli->output, "\n%s:\n", path);
    if (!table_print(&cli->arena, &cli->output, &table, err))
        return false;
    if (reader.unreadable > 0)
        output_chat(&cli->output, "lines that cannot be read: %zu", reader.unreadable);
    return true;
}

bool black_box_report(struct cli *cli, const struct attempt *attempt, const char *begin,
                      struct err *err)
{
    const struct black_box_options options = prepare_black_box(&cli->config);
    const char *folder = NULL, *path = NULL;
    CLEANUP(err_release) struct err failed = {0};
    json_t *const lines = json_array();
    bool ok = lines != NULL || err_nomem(err);
    const bool read =
        ok && black_box_folder(&cli->arena, &options, &folder, &failed) &&
        (folder == NULL || black_box_file_find(&cli->arena, folder, attempt->id, &path, &failed)) &&
        (path == NULL || show_file(cli, path, lines, &failed));
    if (failed.code == ERR_NOMEM)
        ok = err_nomem(err);
    else if (ok && (!read || path == NULL))
        ok = say_missing(cli, attempt, begin, path != NULL ? path : folder,
                         read ? (folder == NULL ? "as black_box is off" : NULL) : failed.message,
                         err);
    cli_result(cli, "black_box",
               json_pack("{so so so so}", "path", read ? cli_json_text(path) : json_null(),
                         "folder", cli_json_text(folder), "left_at",
                         cli_json_text(detail_string(&cli->arena, begin, "black_box")), "lines",
                         lines));
    return ok;
}
