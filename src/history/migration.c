/* Reading a migration's text: its head, its forward part, its checksum. */
#include "history/migration.h"

#include <string.h>

#include "history/annotation.h"
#include "history/directive.h"
#include "history/reader.h"
#include "history/template.h"
#include "sql/canonical.h"

static const char *const kinds[] = {"schema", "data", "backfill", "repeatable"};
static const char *const phases[] = {"expand", "contract"};

const char *kind_name(enum migration_kind kind)
{
    return kinds[kind];
}

const char *phase_name(enum migration_phase phase)
{
    return phases[phase];
}

bool kind_parse(const char *text, enum migration_kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i], text) == 0) {
            *ret = (enum migration_kind)i;
            return true;
        }
    }
    return false;
}

bool phase_parse(const char *text, enum migration_phase *ret)
{
    for (size_t i = 0; i < COUNT_OF(phases); i++) {
        if (strcmp(phases[i], text) == 0) {
            *ret = (enum migration_phase)i;
            return true;
        }
    }
    return false;
}

bool migration_allows(const struct migration *migration, const char *rule)
{
    for (size_t i = 0; i < migration->allows.count; i++) {
        const struct allow *const allow = &migration->allows.items[i];
        if (strcmp(allow->rule, rule) == 0 && allow->reason != NULL && allow->reason[0] != '\0')
            return true;
    }
    return false;
}

bool migration_in_digest(const struct migration *migration)
{
    return migration->phase != PHASE_CONTRACT && migration->kind != KIND_REPEATABLE &&
           !migration->background && !migration->squash;
}

static bool starts_with(const char *text, size_t len, const char *bytes, size_t bytes_len)
{
    return len >= bytes_len && memcmp(text, bytes, bytes_len) == 0;
}

static void check_encoding(const struct reader *reader)
{
    const struct migration *const migration = reader->migration;
    const char *const text = migration->text;
    const size_t len = migration->text_len;
    const char *const nul = memchr(text, '\0', len);
    size_t bad = 0;
    if (starts_with(text, len, "\xff\xfe", 2) || starts_with(text, len, "\xfe\xff", 2))
        reader_finding(reader, "encoding", SEVERITY_ERROR, 0, "save it as UTF-8",
                       "the file is UTF-16");
    else if (nul != NULL)
        reader_finding(reader, "encoding", SEVERITY_ERROR, (size_t)(nul - text), "remove it",
                       "the file has a NUL byte in it");
    else if (!utf8_valid(text, len, &bad))
        reader_finding(reader, "encoding", SEVERITY_ERROR, bad, "save the file as UTF-8",
                       "the file is not valid UTF-8: byte \\x%02x", (unsigned char)text[bad]);
}

/* One pass of the lexer: comments are read where they are comments, never inside quotes. */
static void read_comments(const struct reader *reader, enum dialect dialect)
{
    struct directives directives = {0};
    struct annotations annotations = {0};
    struct lexer lexer = lexer_init(dialect, reader->migration->text, reader->migration->text_len);
    for (;;) {
        const struct token token = lexer_next(&lexer);
        if (token.type == TOKEN_END)
            break;
        if (token.type == TOKEN_SPACE)
            continue;
        if (token.type == TOKEN_LINE_COMMENT)
            annotation_comment(reader, &annotations, &token, !annotations.solid);
        if (token.type == TOKEN_LINE_COMMENT || token.type == TOKEN_BLOCK_COMMENT) {
            directive_comment(reader, &directives, &token, !annotations.solid);
            continue;
        }
        if (!annotations.solid)
            annotations.solid_start = token.start;
        annotations.solid = true;
    }
    annotation_finish(reader, &annotations);
    directive_finish(reader, &directives);
}

static void append_line(struct str *out, const char *key, const char *value)
{
    if (value != NULL)
        str_printf(out, "\n%s=%s", key, value);
}

/* What the checksum is made of; docs/checksum.md has it with test vectors, and it never changes. */
static bool compute_checksum(const struct reader *reader, enum dialect dialect, struct err *err)
{
    struct migration *const migration = reader->migration;
    const char *const forward = migration->text + migration->forward_offset;
    CLEANUP(str_release) struct str said = {0};
    const bool read = sql_canonical(dialect, forward, migration->forward_len, &said);
    if (!read && !said.failed) {
        str_append(&said, forward, migration->forward_len);
        reader_finding(reader, "checksum-bytes", SEVERITY_NOTE, migration->forward_offset, NULL,
                       "the text cannot be read as SQL: its checksum is that of its bytes, so that "
                       "a changed comment or indentation changes it too");
    }
    migration->empty = said.len == 0;
    if (migration->empty && template_stands(migration->text, migration->text_len))
        reader_finding(reader, "unfinished", SEVERITY_ERROR, migration->forward_offset,
                       "write the statements below the comment; where the migration is to be "
                       "empty, remove the comment",
                       "there is no statement yet, only what `pawl new` wrote");
    if (migration->kind != KIND_SCHEMA)
        append_line(&said, "kind", kind_name(migration->kind));
    append_line(&said, "table", migration->table);
    append_line(&said, "key", migration->key);
    append_line(&said, "verify", migration->verify);
    if (migration->no_transaction)
        str_puts(&said, "\nno-transaction");
    if (said.failed)
        return err_nomem(err);
    migration->checksum = hash_bytes(str_text(&said), said.len);
    return true;
}

bool migration_read(struct arena *arena, enum dialect dialect, const char *text, size_t len,
                    struct migration *migration, struct findings *findings, struct err *err)
{
    static const char bom[] = "\xef\xbb\xbf";
    const size_t skipped = starts_with(text, len, bom, 3) ? 3 : 0;
    const struct reader reader = {arena, findings, migration};
    migration->text = text + skipped;
    migration->text_len = len - skipped;
    migration->kind =
        migration->version != NULL && migration->version[0] == '\0' ? KIND_REPEATABLE : KIND_SCHEMA;
    migration->lock_timeout_ms = -1;
    migration->batch = -1;
    check_encoding(&reader);
    read_comments(&reader, dialect);
    if (!compute_checksum(&reader, dialect, err))
        return false;
    return !findings->failed || err_nomem(err);
}

const char *migration_kept_text(struct arena *arena, enum dialect dialect,
                                const struct migration *migration)
{
    CLEANUP(str_release) struct str text = {0};
    sql_blank_passwords(dialect, migration->text, migration->text_len, &text);
    return text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
}
