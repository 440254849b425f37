/* By words: a false alarm leaves a statement unmeasured, a miss would let it out. */
#include "check/reach.h"

#include <string.h>

#include "sql/match.h"

enum { MAX_DEPTH = 8 };

/* What a statement starts with, and what it then holds somewhere. */
static const struct beginning {
    const char *pattern;
    const char *holds, *lacks; /* NULL: anything */
    const char *why;
} beginnings[] = {
    {"CREATE|ALTER|DROP ROLE|USER|GROUP", NULL, NULL, "it changes roles"},
    {"COMMENT ON ROLE", NULL, NULL, "it changes roles"},
    {"GRANT|REVOKE", NULL, "ON", "it changes roles"},
    {"GRANT|REVOKE", "ON DATABASE|TABLESPACE|PARAMETER", NULL,
     "it changes what all databases share"},
    {"REASSIGN OWNED", NULL, NULL, "it changes what all databases share"},
    {"DROP OWNED", NULL, NULL, "it changes what all databases share"},
    {"ALTER SYSTEM", NULL, NULL, "it changes the server's configuration"},
    {"CREATE|ALTER|DROP DATABASE|TABLESPACE", NULL, NULL,
     "it changes another database or a tablespace"},
    {"COMMENT ON DATABASE|TABLESPACE", NULL, NULL, "it changes another database or a tablespace"},
    {"CREATE|ALTER|DROP|COMMENT [ON] SUBSCRIPTION", NULL, NULL, "it connects to another server"},
    {"IMPORT FOREIGN SCHEMA", NULL, NULL, "it connects to another server"},
    {"COPY", NULL, NULL, "it reads or writes a file, or runs a program"},
    {"LOAD", NULL, NULL, "it loads a library"},
    {"CHECKPOINT", NULL, NULL, "it works on the whole server"},
};

/* Functions; a * stands for any end. */
static const struct function {
    const char *name, *why;
} functions[] = {
    {"pg_terminate_backend", "it signals other sessions"},
    {"pg_cancel_backend", "it signals other sessions"},
    {"pg_log_backend_memory_contexts", "it signals other sessions"},
    {"pg_reload_conf", "it works on the whole server"},
    {"pg_rotate_logfile*", "it works on the whole server"},
    {"pg_switch_wal", "it works on the whole server"},
    {"pg_create_restore_point", "it works on the whole server"},
    {"pg_promote", "it works on the whole server"},
    {"pg_start_backup", "it works on the whole server"},
    {"pg_backup_*", "it works on the whole server"},
    {"pg_stop_backup", "it works on the whole server"},
    {"pg_wal_replay_*", "it works on the whole server"},
    {"pg_stat_reset_*", "it works on the whole server"},
    {"pg_logical_emit_message", "it works on replication"},
    {"pg_create_logical_replication_slot", "it works on replication"},
    {"pg_create_physical_replication_slot", "it works on replication"},
    {"pg_copy_logical_replication_slot", "it works on replication"},
    {"pg_copy_physical_replication_slot", "it works on replication"},
    {"pg_drop_replication_slot", "it works on replication"},
    {"pg_replication_*", "it works on replication"},
    {"lo_import", "it reads or writes a file"},
    {"lo_export", "it reads or writes a file"},
    {"pg_file_*", "it reads or writes a file"},
    {"pg_read_file*", "it reads or writes a file"},
    {"pg_read_binary_file", "it reads or writes a file"},
    {"dblink*", "it connects to another server"},
    {"http_*", "it connects to another server"},
};

/* By which the above, or programs, would come in by other names. */
static const char *const extensions[] = {
    "dblink",     "http",      "pg_net",     "pg_cron",      "adminpack", "aws_lambda", "aws_s3",
    "plsh",       "plperlu",   "plpython2u", "plpython3u",   "pltclu",    "plr",        "file_fdw",
    "oracle_fdw", "mysql_fdw", "tds_fdw",    "postgres_fdw", "plproxy",
};

static bool holds(struct span text, const char *pattern)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    struct match match = {0};
    while (lexer_next_solid(&lexer).type != TOKEN_END) {
        struct lexer here = lexer;
        if (match_pattern(&here, pattern, &match))
            return true;
    }
    return false;
}

static bool starts(struct span text, const char *pattern, struct match *ret)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    *ret = (struct match){0};
    return match_pattern(&lexer, pattern, ret);
}

/* A language without a handler comes with the extension of its name. */
static const char *why_extension(struct span text)
{
    struct match match;
    if (!starts(text, "CREATE EXTENSION [IF NOT EXISTS] $name", &match) &&
        !starts(text, "CREATE [OR REPLACE] [TRUSTED] [PROCEDURAL] LANGUAGE $name", &match))
        return NULL;
    if (match.name.count != 1)
        return NULL;
    struct span name = match.name.parts[0].span;
    if (name.len > 2 && name.at[0] == '"')
        name = (struct span){name.at + 1, name.len - 2};
    for (size_t i = 0; i < COUNT_OF(extensions); i++)
        if (span_is_nocase(name, extensions[i]))
            return "its extension reaches other servers, files or programs";
    return NULL;
}

static const char *why_beginning(struct span text)
{
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        const struct beginning *const row = &beginnings[i];
        struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
        struct match match = {0};
        if (match_pattern(&lexer, row->pattern, &match) &&
            (row->holds == NULL || holds(text, row->holds)) &&
            (row->lacks == NULL || !holds(text, row->lacks)))
            return row->why;
    }
    return why_extension(text);
}

static const char *why_function(const struct token *token)
{
    struct span name = token->span;
    if (token->type == TOKEN_NAME && name.len > 2)
        name = (struct span){name.at + 1, name.len - 2};
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        const char *const wanted = functions[i].name;
        const size_t len = strlen(wanted);
        const bool open = wanted[len - 1] == '*';
        if (open ? name.len >= len - 1 && strncasecmp(name.at, wanted, len - 1) == 0
                 : span_is_nocase(name, wanted))
            return functions[i].why;
    }
    return NULL;
}

/* What only defines does not run the text that it holds. */
static bool runs_its_text(struct span statement)
{
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, statement.at, statement.len);
    struct match match = {0};
    return !match_pattern(&lexer, "CREATE|ALTER|COMMENT|SECURITY", &match);
}

/* inside: this is the text of a constant, in which a statement may start anywhere. */
static bool read(struct span text, int depth, const char **ret_why, struct err *err)
{
    const bool inside = depth > 0, deeper = depth < MAX_DEPTH && (inside || runs_its_text(text));
    struct lexer lexer = lexer_init(DIALECT_POSTGRES, text.at, text.len);
    bool first = true;
    for (struct token token; (token = lexer_next_solid(&lexer)).type != TOKEN_END;) {
        if (token.type == TOKEN_WORD && (first || inside))
            *ret_why = why_beginning((struct span){text.at + token.start, text.len - token.start});
        first = false;
        if (*ret_why == NULL && (token.type == TOKEN_WORD || token.type == TOKEN_NAME))
            *ret_why = why_function(&token);
        if (*ret_why == NULL && deeper && token.type == TOKEN_STRING) {
            CLEANUP(str_release) struct str constant = {0};
            token_unquote(&token, &constant);
            if (constant.failed)
                return err_nomem(err);
            if (!read((struct span){str_text(&constant), constant.len}, depth + 1, ret_why, err))
                return false;
        }
        if (*ret_why != NULL)
            return true;
    }
    return true;
}

bool reach_outside(struct span statement, const char **ret_why, struct err *err)
{
    *ret_why = NULL;
    return read(statement, 0, ret_why, err);
}
