"""The schema of a database as text, from its catalogs: for servers newer than Debian's pg_dump.

Only for telling two states of a database apart; pg_dump knows more and is used where it can be."""

import re

# Each gives rows; listed(OID) stands for "a schema that is looked at".
QUERIES = """
SELECT 'schema', nspname, nspacl FROM pg_namespace n WHERE listed(n.oid);
SELECT 'extension', extname, extversion FROM pg_extension;
SELECT 'relation', c.oid::regclass, relkind, relpersistence, relacl, reloptions, relrowsecurity,
       relforcerowsecurity, relreplident, pg_get_partkeydef(c.oid), pg_get_expr(relpartbound, c.oid),
       obj_description(c.oid, 'pg_class')
    FROM pg_class c WHERE listed(relnamespace) AND relkind NOT IN ('i', 'I', 't');
SELECT 'column', a.attrelid::regclass, attnum, attname, format_type(atttypid, atttypmod), attnotnull,
       attidentity, attgenerated, attstorage, attcollation::regcollation, attacl,
       pg_get_expr(adbin, adrelid), col_description(attrelid, attnum)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE listed(relnamespace) AND attnum > 0 AND NOT attisdropped AND relkind NOT IN ('i', 'I', 't');
SELECT 'constraint', conrelid::regclass, contypid::regtype, conname, pg_get_constraintdef(oid),
       convalidated FROM pg_constraint WHERE listed(connamespace);
SELECT 'index', pg_get_indexdef(indexrelid), indisvalid, indisclustered, indisreplident
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE listed(relnamespace) AND relkind <> 't';
SELECT 'view', oid::regclass, pg_get_viewdef(oid) FROM pg_class
    WHERE listed(relnamespace) AND relkind IN ('v', 'm');
SELECT 'routine', oid::regprocedure, proacl, CASE WHEN prokind <> 'a' THEN pg_get_functiondef(oid) END
    FROM pg_proc WHERE listed(pronamespace);
SELECT 'trigger', pg_get_triggerdef(t.oid), tgenabled FROM pg_trigger t
    JOIN pg_class c ON c.oid = tgrelid WHERE listed(relnamespace) AND NOT tgisinternal;
SELECT 'rule', pg_get_ruledef(r.oid) FROM pg_rewrite r
    JOIN pg_class c ON c.oid = ev_class WHERE listed(relnamespace);
SELECT 'policy', p.* FROM pg_policies p JOIN pg_namespace n ON nspname = schemaname
    WHERE listed(n.oid);
SELECT 'type', t.oid::regtype, typtype, typnotnull, typdefault, typacl,
       (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid)
    FROM pg_type t WHERE listed(typnamespace) AND typtype <> 'b';
SELECT 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin,
       seqcache, seqcycle
    FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid WHERE listed(relnamespace);
SELECT 'publication', pubname, puballtables, pubinsert, pubupdate, pubdelete FROM pg_publication;
SELECT 'event trigger', evtname, evtevent, evtfoid::regproc, evtenabled FROM pg_event_trigger;
"""

LISTED = r"""\1 IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_'
                     AND nspname <> 'information_schema' AND nspname <> '{without}')"""


def schema_text(connection, without=""):
    """Without the schema of that name."""
    connection.execute("SET search_path = pg_catalog")
    queries = re.sub(r"listed\(([\w.:]+)\)", LISTED.format(without=without), QUERIES)
    lines = []
    for query in queries.strip().split(";\n"):
        rows = connection.execute(query.rstrip(";")).fetchall()
        lines += sorted("\t".join(map(str, row)) for row in rows)
    return "\n".join(lines)


def rows_text(connection):
    """Every row of every table, and what sequences gave last."""
    lines = []
    names = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname !~ '^pg_' AND schemaname <> 'information_schema' ORDER BY 1").fetchall()
    for name, in names:
        rows = connection.execute(f"SELECT t::text FROM ONLY {name} t ORDER BY 1").fetchall()
        lines += [name, *(row for row, in rows)]
    lines += map(str, connection.execute(
        "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2").fetchall())
    return "\n".join(lines)
