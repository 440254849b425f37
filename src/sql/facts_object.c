/* The catalog questions behind enum lock_object. tests/test_facts.py asks a server each of them. */
#include "sql/facts.h"

/* A column of the relation $1 by its name $2. */
#define COLUMN(number)                                                                             \
    "($2 IS NULL OR " number " = (SELECT attnum FROM pg_catalog.pg_attribute"                      \
    " WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped))"
#define COLUMN_IN(numbers)                                                                         \
    "($2 IS NULL OR (SELECT attnum FROM pg_catalog.pg_attribute"                                   \
    " WHERE attrelid = pg_catalog.to_regclass($1) AND attname = $2 AND NOT attisdropped)"          \
    " = ANY(" numbers "))"

/* One step from a relation to the views that read it: rules depend on what they read. */
#define READERS                                                                                    \
    "pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite w ON d.classid = "                          \
    "'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid"                             \
    " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> w.ev_class"

/* $1 and $2 are text wherever they stand. */
#define GIVEN "WITH RECURSIVE given AS (SELECT $1::text, $2::text)"

/* clang-format off */
static const char *const queries[] = {
    [LOCKED_RELATION] =
        GIVEN " SELECT oid FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)",
    [LOCKED_INDEX] =
        GIVEN " SELECT indexrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)",
    [LOCKED_INDEXES] =
        GIVEN " SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = pg_catalog.to_regclass($1)",
    [LOCKED_TABLE_OF_INDEX] =
        GIVEN " SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = pg_catalog.to_regclass($1)",
    [LOCKED_TABLE_OF_STATISTICS] =
        GIVEN " SELECT s.stxrelid FROM pg_catalog.pg_statistic_ext s"
        " JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace,"
        " pg_catalog.parse_ident($1) AS name"
        " WHERE s.stxname = name[pg_catalog.cardinality(name)]"
        " AND CASE WHEN pg_catalog.cardinality(name) > 1"
        " THEN n.nspname = name[pg_catalog.cardinality(name) - 1]"
        " ELSE pg_catalog.pg_statistics_obj_is_visible(s.oid) END",
    [LOCKED_COMPOSITE] =
        GIVEN " SELECT typrelid FROM pg_catalog.pg_type"
        " WHERE oid = pg_catalog.to_regtype($1) AND typrelid <> 0",
    [LOCKED_TABLES_OF_TYPE] =
        GIVEN ", types(oid) AS (SELECT pg_catalog.to_regtype($1)::pg_catalog.oid"
        " UNION SELECT t.oid FROM pg_catalog.pg_type t JOIN types ON t.typbasetype = types.oid)"
        " SELECT DISTINCT c.oid FROM pg_catalog.pg_attribute a"
        " JOIN types ON types.oid = a.atttypid JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
        " WHERE c.relkind IN ('r', 'm', 'p') AND NOT a.attisdropped",
    [LOCKED_SEQUENCES] =
        GIVEN " SELECT c.oid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid"
        " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
        " AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
        " AND d.refobjid = pg_catalog.to_regclass($1) AND d.deptype IN ('a', 'i')"
        " AND c.relkind = 'S' AND " COLUMN("d.refobjsubid"),
    [LOCKED_PARENT] =
        GIVEN " SELECT inhparent FROM pg_catalog.pg_inherits"
        " JOIN pg_catalog.pg_class c ON c.oid = inhrelid"
        " WHERE inhrelid = pg_catalog.to_regclass($1) AND c.relispartition",
    [LOCKED_DEFAULT_PARTITION] =
        GIVEN " SELECT partdefid FROM pg_catalog.pg_partitioned_table"
        " WHERE partrelid = pg_catalog.to_regclass($1) AND partdefid <> 0",
    [LOCKED_DEFAULT_SIBLING] =
        GIVEN " SELECT p.partdefid FROM pg_catalog.pg_partitioned_table p"
        " JOIN pg_catalog.pg_inherits i ON i.inhparent = p.partrelid"
        " WHERE i.inhrelid = pg_catalog.to_regclass($1) AND p.partdefid NOT IN (0, i.inhrelid)",
    [LOCKED_CONSTRAINT_TARGET] =
        GIVEN " SELECT confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f'"
        " AND conrelid = pg_catalog.to_regclass($1) AND conname = $2",
    [LOCKED_CONSTRAINT_USERS] =
        GIVEN " SELECT DISTINCT f.conrelid FROM pg_catalog.pg_constraint k"
        " JOIN pg_catalog.pg_constraint f ON f.conindid = k.conindid AND f.contype = 'f'"
        " WHERE k.contype IN ('p', 'u') AND k.conrelid = pg_catalog.to_regclass($1)"
        " AND k.conname = $2",
    [LOCKED_REFERENCED] =
        GIVEN " SELECT DISTINCT confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f'"
        " AND conrelid = pg_catalog.to_regclass($1) AND " COLUMN_IN("conkey"),
    [LOCKED_REFERENCING] =
        GIVEN " SELECT DISTINCT conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f'"
        " AND confrelid = pg_catalog.to_regclass($1) AND " COLUMN_IN("confkey"),
    [LOCKED_REFERENCING_CHAIN] =
        GIVEN ", chain(oid) AS (SELECT pg_catalog.to_regclass($1)::pg_catalog.oid"
        " UNION SELECT f.conrelid FROM pg_catalog.pg_constraint f"
        " JOIN chain ON f.confrelid = chain.oid AND f.contype = 'f')"
        " SELECT oid FROM chain WHERE oid <> pg_catalog.to_regclass($1)",
    [LOCKED_VIEWS] =
        GIVEN ", readers(oid) AS (SELECT w.ev_class FROM " READERS
        " AND d.refobjid = pg_catalog.to_regclass($1) AND " COLUMN("d.refobjsubid")
        " UNION SELECT w.ev_class FROM " READERS " JOIN readers ON d.refobjid = readers.oid)"
        " SELECT oid FROM readers",
    [LOCKED_BENEATH] =
        GIVEN ", beneath(oid) AS (SELECT d.refobjid FROM " READERS
        " AND w.ev_class = pg_catalog.to_regclass($1)"
        " UNION SELECT d.refobjid FROM " READERS " JOIN beneath ON w.ev_class = beneath.oid)"
        " SELECT oid FROM beneath",
    [LOCKED_EXTENSION_MEMBERS] =
        GIVEN " SELECT d.objid FROM pg_catalog.pg_depend d"
        " JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"
        " WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass"
        " AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e'"
        " AND e.extname = (pg_catalog.parse_ident($1))[1]",
};
/* clang-format on */

const char *lock_object_query(enum lock_object object)
{
    return queries[object];
}
