/* Reading the catalog for unfinished work. */
#include "deploy/leftover.h"

bool leftover_list(struct pg *pg, struct arena *arena, const char **ret, struct err *err)
{
    /* A partitioned index is INVALID until each partition has its own: that is no leftover. */
    static const char sql[] =
        "SELECT pg_catalog.string_agg(line, E'\\n' ORDER BY line) FROM ("
        "SELECT pg_catalog.format('index %s on %s is INVALID', i.indexrelid::pg_catalog.regclass,"
        " i.indrelid::pg_catalog.regclass) AS line"
        " FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid"
        " WHERE NOT i.indisvalid AND c.relkind = 'i'"
        " UNION ALL SELECT pg_catalog.format('constraint %I on %s is NOT VALID', c.conname,"
        " c.conrelid::pg_catalog.regclass) FROM pg_catalog.pg_constraint AS c"
        " WHERE NOT c.convalidated AND c.conrelid <> 0) AS l";
    struct rows rows;
    if (!pg_query(pg, arena, sql, NULL, 0, &rows, err))
        return false;
    *ret = rows_get(&rows, 0, 0);
    return true;
}
