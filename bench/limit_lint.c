/* The least that a linter can do: each file split into statements, each statement through the
 * parser and into a tree. limit_lint FILE... */
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "sql/split.h"

enum { FILE_MAX_BYTES = 1 << 30 };

static bool parse(const struct statement *statement)
{
    char *const text = strndup(statement->text.at, statement->text.len);
    if (text == NULL)
        return false;
    PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(text);
    PgQuery__ParseResult *const tree =
        parsed.error == NULL
            ? pg_query__parse_result__unpack(NULL, parsed.parse_tree.len,
                                             (const uint8_t *)parsed.parse_tree.data)
            : NULL;
    if (tree != NULL)
        pg_query__parse_result__free_unpacked(tree, NULL);
    pg_query_free_protobuf_parse_result(parsed);
    free(text);
    return tree != NULL;
}

static bool parse_file(const char *path, struct err *err)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct statements statements = {0};
    char *text = NULL;
    size_t len = 0;
    bool done = fs_read(&arena, path, FILE_MAX_BYTES, &text, &len, err) &&
                sql_split(&arena, DIALECT_POSTGRES, text, len, &statements, err);
    for (size_t i = 0; done && i < statements.count; i++)
        done = parse(&statements.items[i]);
    return done;
}

int main(int argc, char **argv)
{
    CLEANUP(err_release) struct err err = {0};
    for (int i = 1; i < argc; i++)
        if (!parse_file(argv[i], &err)) {
            fprintf(stderr, "%s: %s\n", argv[i], err.message != NULL ? err.message : "no tree");
            return 1;
        }
    return 0;
}
