/* What relations, functions and types are like, as far as a statement that is the same as before
 * may fare otherwise for it; and who leads to whom. */
#include <string.h>

#include "check/compat_parts.h"

/* Of the objects of users alone: those of the system and of extensions stay as they are. */
#define OBJECTS                                                                                    \
    "WITH r AS (SELECT c.* FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"              \
    " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"                 \
    " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'),"                             \
    " f AS (SELECT p.* FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n"                   \
    " ON n.oid = p.pronamespace WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"   \
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e' AND d.objid = "     \
    "p.oid"                                                                                        \
    " AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)),"                                \
    " a AS (SELECT a.*, r.relkind FROM r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid"     \
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind <> 'S'),"                            \
    " y AS (SELECT t.*, t.typtype::text || ' ' || pg_catalog.format_type(t.oid, NULL) AS identity" \
    " FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid"             \
    " JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"                                    \
    " WHERE (t.typtype IN ('e', 'd') OR c.relkind = 'c')"                                          \
    " AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_')"

/* The columns that a key names, a line each; '*' where it is about more than columns. */
#define COLUMN_NAMES                                                                               \
    "CASE WHEN pg_catalog.count(*) = 0 OR pg_catalog.count(k.attname) < pg_catalog.count(*)"       \
    " OR pg_catalog.bool_or(k.attname ~ E'\\n') THEN '*' ELSE"                                     \
    " pg_catalog.string_agg(k.attname, E'\\n' ORDER BY k.attname) END"

/* Owner, kind, name, value. What has no name of its own is its own name. $1: the role whose rights
 * count; NULL: anybody's. */
static const char traits_sql[] = OBJECTS
    " SELECT 'r' || oid, 'identity', '', relkind::text || ' ' || oid::pg_catalog.regclass::text "
    "FROM r"
    " UNION ALL SELECT 'f' || oid, 'identity', '', pg_catalog.md5(pg_catalog.concat_ws('|', prosrc,"
    "  pg_catalog.pg_get_function_arguments(oid), pg_catalog.pg_get_function_result(oid),"
    "  provolatile, proisstrict, prosecdef, proconfig, proowner, prolang))"
    "  || ' ' || oid::pg_catalog.regprocedure::text FROM f"
    " UNION ALL SELECT 'f' || oid, 'called', proname, '' FROM f"
    " UNION ALL SELECT DISTINCT 'f' || f.oid, 'word', a.attname, '' FROM f, LATERAL"
    "  pg_catalog.regexp_split_to_table(pg_catalog.lower(f.prosrc), '[^[:alnum:]_$]+') w (word)"
    "  JOIN (SELECT DISTINCT attname FROM a) a ON pg_catalog.lower(a.attname) = w.word"
    " UNION ALL SELECT 't' || oid, 'identity', '', identity FROM y"
    " UNION ALL SELECT 't' || y.oid, 'attribute', x.attname,"
    "  x.attnum || ' ' || pg_catalog.format_type(x.atttypid, x.atttypmod) FROM y"
    "  JOIN pg_catalog.pg_attribute x ON x.attrelid = y.typrelid"
    "  WHERE x.attnum > 0 AND NOT x.attisdropped"
    " UNION ALL SELECT 'r' || attrelid, 'typed', attname, '' FROM a WHERE atttypid IN"
    "  (SELECT oid FROM y UNION ALL SELECT typarray FROM y)"
    " UNION ALL SELECT 'r' || attrelid, 'column', attname,"
    "  pg_catalog.format_type(atttypid, atttypmod) || CASE WHEN attcollation <> (SELECT"
    "  t.typcollation FROM pg_catalog.pg_type t WHERE t.oid = atttypid)"
    "  THEN ' COLLATE ' || attcollation::pg_catalog.regcollation::text ELSE '' END FROM a"
    " UNION ALL SELECT 'r' || attrelid, 'number', attname, attnum::text FROM a"
    " UNION ALL SELECT 'r' || attrelid, 'not null', attname, '' FROM a WHERE attnotnull"
    " UNION ALL SELECT 'r' || a.attrelid, 'mandatory', a.attname, '' FROM a"
    "  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    "  WHERE (a.attnotnull OR t.typnotnull) AND NOT a.atthasdef AND a.attidentity = ''"
    "  AND a.attgenerated = '' AND t.typdefault IS NULL AND a.relkind IN ('r', 'p', 'f')"
    " UNION ALL SELECT 'r' || a.attrelid, CASE WHEN a.attgenerated = '' THEN 'default'"
    "  ELSE 'generated' END, a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid) FROM a"
    "  JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
    " UNION ALL SELECT 'r' || attrelid, 'generated', attname, 'identity ' || attidentity::text "
    "FROM a"
    "  WHERE attidentity <> ''"
    " UNION ALL SELECT 'r' || c.conrelid, 'constraint',"
    "  pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(c.oid), ' NOT VALID$', ''),"
    "  CASE WHEN c.contype = 'x' OR (c.contype = 'c' AND NOT c.convalidated) THEN '*'"
    "  ELSE (SELECT " COLUMN_NAMES " FROM pg_catalog.unnest(c.conkey) u (attnum) LEFT JOIN"
    "   pg_catalog.pg_attribute k ON k.attrelid = c.conrelid AND k.attnum = u.attnum) END"
    "  FROM pg_catalog.pg_constraint c JOIN r ON r.oid = c.conrelid"
    "  WHERE c.contype IN ('c', 'f', 'x')"
    " UNION ALL SELECT 'r' || oid, 'bound', '', pg_catalog.pg_get_partition_constraintdef(oid)"
    "  FROM r WHERE relispartition"
    " UNION ALL SELECT 'r' || c.confrelid, 'referenced', c.conrelid::pg_catalog.regclass::text"
    "  || ': ' || pg_catalog.regexp_replace(pg_catalog.pg_get_constraintdef(c.oid),"
    "  ' NOT VALID$', ''), '' FROM pg_catalog.pg_constraint c JOIN r ON r.oid = c.confrelid"
    "  WHERE c.contype = 'f'"
    " UNION ALL SELECT 'r' || i.indrelid, 'unique', pg_catalog.regexp_replace("
    "  pg_catalog.pg_get_indexdef(i.indexrelid), '^.* USING ', '')"
    "  || CASE WHEN i.indimmediate THEN '' ELSE ' DEFERRABLE' END,"
    "  CASE WHEN i.indpred IS NOT NULL THEN '*' ELSE (SELECT " COLUMN_NAMES
    "   FROM pg_catalog.unnest(i.indkey::int2[]) u (attnum) LEFT JOIN pg_catalog.pg_attribute k"
    "   ON k.attrelid = i.indrelid AND k.attnum = u.attnum) END"
    "  FROM pg_catalog.pg_index i JOIN r ON r.oid = i.indrelid WHERE i.indisunique"
    " UNION ALL SELECT 'r' || t.tgrelid, e.event || ' trigger', t.tgname,"
    "  pg_catalog.pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text"
    "  FROM pg_catalog.pg_trigger t JOIN r ON r.oid = t.tgrelid JOIN (VALUES ('insert', 4),"
    "  ('delete', 8), ('update', 16)) e (event, bit) ON t.tgtype & e.bit <> 0"
    "  WHERE NOT t.tgisinternal"
    " UNION ALL SELECT 'r' || p.polrelid, 'policy', p.polname, pg_catalog.concat_ws('|', p.polcmd,"
    "  p.polpermissive, p.polroles, pg_catalog.pg_get_expr(p.polqual, p.polrelid),"
    "  pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))"
    "  FROM pg_catalog.pg_policy p JOIN r ON r.oid = p.polrelid"
    " UNION ALL SELECT 'r' || oid, 'row security', '', relforcerowsecurity::text FROM r"
    "  WHERE relrowsecurity"
    " UNION ALL SELECT 'r' || w.ev_class, CASE w.ev_type WHEN '1' THEN 'view' WHEN '2' THEN"
    "  'update rule' WHEN '3' THEN 'insert rule' ELSE 'delete rule' END, w.rulename,"
    "  pg_catalog.concat_ws(' ', pg_catalog.pg_get_ruledef(w.oid), w.ev_enabled, r.reloptions)"
    "  FROM pg_catalog.pg_rewrite w JOIN r ON r.oid = w.ev_class"
    " UNION ALL SELECT 't' || enumtypid, 'label', enumlabel, '' FROM pg_catalog.pg_enum"
    " UNION ALL SELECT 't' || contypid, 'domain', pg_catalog.regexp_replace("
    "  pg_catalog.pg_get_constraintdef(oid), ' NOT VALID$', ''), ''"
    "  FROM pg_catalog.pg_constraint WHERE contypid <> 0"
    " UNION ALL SELECT 't' || oid, 'domain', 'NOT NULL', '' FROM pg_catalog.pg_type"
    "  WHERE typtype = 'd' AND typnotnull"
    " UNION ALL SELECT 'r' || i.inhparent, 'partition',"
    "  COALESCE(pg_catalog.pg_get_expr(r.relpartbound, r.oid), r.oid::pg_catalog.regclass::text),"
    "  '' FROM pg_catalog.pg_inherits i JOIN r ON r.oid = i.inhrelid"
    " UNION ALL SELECT o.owner, 'right', COALESCE(g.rolname, 'PUBLIC') || ' '"
    "  || x.privilege_type || o.what, '' FROM ("
    "   SELECT 'r' || oid, '', COALESCE(relacl, pg_catalog.acldefault(CASE relkind WHEN 'S'"
    "    THEN 's'::\"char\" ELSE 'r' END, relowner)) FROM r"
    "   UNION ALL SELECT 'r' || attrelid, ' (' || attname || ')', attacl FROM a"
    "   UNION ALL SELECT 'f' || oid, '', COALESCE(proacl, pg_catalog.acldefault('f', proowner))"
    "    FROM f"
    "   UNION ALL SELECT o.owner, ' of its schema', COALESCE(n.nspacl,"
    "    pg_catalog.acldefault('n', n.nspowner)) FROM (SELECT 'r' || oid, relnamespace FROM r"
    "    UNION ALL SELECT 'f' || oid, pronamespace FROM f) o (owner, schema)"
    "    JOIN pg_catalog.pg_namespace n ON n.oid = o.schema) o (owner, what, acl), LATERAL "
    "pg_catalog.aclexplode(o.acl) x"
    "  LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee"
    "  WHERE x.privilege_type <> 'CREATE' AND ($1::text IS NULL OR x.grantee = 0"
    "  OR pg_catalog.pg_has_role($1::name, x.grantee, 'USAGE'))";

/* From, to, way. A function's text leads to what it names in any word of it; where none of its
 * words may change a row, to read there. */
static const char edges_sql[] = OBJECTS
    ", w AS (SELECT DISTINCT f.oid, x.word FROM f JOIN pg_catalog.pg_language l ON l.oid = "
    "f.prolang,"
    "  LATERAL pg_catalog.regexp_split_to_table(pg_catalog.lower(f.prosrc),"
    "  '[^[:alnum:]_$]+') x (word) WHERE l.lanname NOT IN ('c', 'internal')),"
    " n AS (SELECT 'r' || oid AS owner, relname AS name FROM r"
    "  UNION ALL SELECT 'f' || oid, proname FROM f UNION ALL SELECT 't' || oid, typname FROM y),"
    " reading AS (SELECT f.oid FROM f JOIN pg_catalog.pg_language l ON l.oid = f.prolang"
    "  WHERE l.lanname IN ('sql', 'plpgsql') AND f.prosrc <> '' AND NOT EXISTS (SELECT FROM w"
    "  WHERE w.oid = f.oid AND w.word IN ('insert', 'update', 'delete', 'merge', 'truncate',"
    "  'copy', 'execute', 'call', 'do'))),"
    " b AS (SELECT w.oid, n.owner FROM w JOIN n ON pg_catalog.lower(n.name) = w.word"
    "  UNION SELECT f.oid, n.owner FROM f JOIN n ON n.name ~ '[^[:alnum:]_$]'"
    "   AND pg_catalog.strpos(f.prosrc, pg_catalog.replace(n.name, '\"', '\"\"')) > 0"
    "  UNION SELECT d.objid, CASE WHEN d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
    "   THEN 'r' ELSE 'f' END || d.refobjid FROM pg_catalog.pg_depend d JOIN f ON f.oid = d.objid"
    "   WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.refclassid IN"
    "   ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass))"
    " SELECT 'f' || b.oid, b.owner, pg_catalog.translate(CASE WHEN pg_catalog.strpos("
    "  pg_catalog.replace(pg_catalog.lower(f.prosrc), 'count(*)', ''), '*') > 0 THEN 's' ELSE 'f'"
    "  END, CASE WHEN f.oid IN (SELECT oid FROM reading) THEN 'fs' ELSE '' END, 'qz')"
    "  FROM b JOIN f ON f.oid = b.oid"
    " UNION ALL SELECT 'f' || t.tgfoid, 'r' || t.tgrelid, 'w' FROM pg_catalog.pg_trigger t"
    "  JOIN f ON f.oid = t.tgfoid WHERE NOT t.tgisinternal"
    " UNION ALL SELECT DISTINCT 'r' || w.ev_class, CASE WHEN d.refclassid ="
    "  'pg_catalog.pg_class'::pg_catalog.regclass THEN 'r' ELSE 'f' END || d.refobjid, 'v'"
    "  FROM pg_catalog.pg_rewrite w JOIN r ON r.oid = w.ev_class JOIN pg_catalog.pg_depend d"
    "  ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid"
    "  WHERE d.refclassid IN ('pg_catalog.pg_class'::pg_catalog.regclass,"
    "  'pg_catalog.pg_proc'::pg_catalog.regclass) AND d.refobjid <> w.ev_class"
    " UNION ALL SELECT 'r' || i.inhparent, 'r' || i.inhrelid, 'c' FROM pg_catalog.pg_inherits i"
    "  JOIN r ON r.oid = i.inhrelid"
    " UNION ALL SELECT 'r' || t.tgrelid, 'f' || t.tgfoid, 't' FROM pg_catalog.pg_trigger t"
    "  JOIN r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal"
    " UNION ALL SELECT 'r' || c.confrelid, 'r' || c.conrelid, 'k' FROM pg_catalog.pg_constraint c"
    "  JOIN r ON r.oid = c.confrelid WHERE c.contype = 'f'"
    "  AND (c.confdeltype IN ('c', 'n', 'd') OR c.confupdtype IN ('c', 'n', 'd'))"
    " UNION ALL SELECT DISTINCT 'r' || a.attrelid, 't' || CASE WHEN t.typelem <> 0 AND t.typlen = "
    "-1"
    "  THEN t.typelem ELSE t.oid END, 'y' FROM a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
    "  WHERE t.oid IN (SELECT oid FROM y) OR t.typelem IN (SELECT oid FROM y)"
    " UNION ALL SELECT 't' || t.oid, 't' || t.typbasetype, 'y' FROM pg_catalog.pg_type t"
    "  WHERE t.typtype = 'd'"
    " UNION ALL SELECT 't' || t.oid, 't' || t.typelem, 'y' FROM pg_catalog.pg_type t"
    "  WHERE t.typelem IN (SELECT oid FROM y)"
    " UNION ALL SELECT 'r' || x.adrelid, CASE WHEN d.refclassid ="
    "  'pg_catalog.pg_class'::pg_catalog.regclass THEN 'r' ELSE 'f' END || d.refobjid, 'd'"
    "  FROM pg_catalog.pg_attrdef x JOIN r ON r.oid = x.adrelid JOIN pg_catalog.pg_depend d"
    "  ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = x.oid"
    "  WHERE d.deptype = 'n' AND d.refobjid <> x.adrelid AND d.refclassid IN"
    "  ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)"
    " UNION ALL SELECT 'r' || x.conrelid, 'f' || d.refobjid, 'd'"
    "  FROM pg_catalog.pg_constraint x JOIN r ON r.oid = x.conrelid JOIN pg_catalog.pg_depend d"
    "  ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objid = x.oid"
    "  WHERE d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass";

compat_owner compat_owner_of(const char *text)
{
    return (compat_owner)(unsigned char)text[0] << 32 | strtoul(text + 1, NULL, 10);
}

/* ---- order ---- */

static int compare_keys(const struct compat_trait *a, const struct compat_trait *b)
{
    if (a->owner != b->owner)
        return a->owner < b->owner ? -1 : 1;
    const int kind = strcmp(a->kind, b->kind);
    return kind != 0 ? kind : strcmp(a->name, b->name);
}

static int compare_traits(const void *a, const void *b)
{
    return compare_keys(a, b);
}

static int compare_edges(const void *a, const void *b)
{
    const struct compat_edge *const x = a, *const y = b;
    return (x->from > y->from) - (x->from < y->from);
}

const struct compat_trait *compat_trait_find(const struct compat_traits *traits, compat_owner owner,
                                             const char *kind, const char *name)
{
    size_t low = 0, high = traits->traits.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (traits->traits.items[middle].owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < traits->traits.count && traits->traits.items[low].owner == owner; low++) {
        const struct compat_trait *const trait = &traits->traits.items[low];
        if ((kind == NULL || strcmp(trait->kind, kind) == 0) &&
            (name == NULL || strcmp(trait->name, name) == 0))
            return trait;
    }
    return NULL;
}

/* ---- reading ---- */

static bool read_edges(struct arena *arena, struct pg *pg, struct compat_traits *ret,
                       struct err *err)
{
    struct rows rows;
    if (!pg_query(pg, arena, edges_sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct compat_edge *const edge = arena_push(arena, &ret->edges);
        if (edge == NULL)
            return err_nomem(err);
        *edge = (struct compat_edge){compat_owner_of(rows_get(&rows, i, 0)),
                                     compat_owner_of(rows_get(&rows, i, 1)),
                                     (enum compat_way)rows_get(&rows, i, 2)[0]};
    }
    if (ret->edges.count > 1)
        qsort(ret->edges.items, ret->edges.count, sizeof *ret->edges.items, compare_edges);
    return true;
}

bool compat_traits_read(struct arena *arena, struct pg *pg, const char *role,
                        struct compat_traits *ret, struct err *err)
{
    struct rows rows;
    *ret = (struct compat_traits){0};
    if (!pg_query(pg, arena, traits_sql, &role, 1, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct compat_trait *const trait = arena_push(arena, &ret->traits);
        const char *const value = rows_get(&rows, i, 3);
        if (trait == NULL)
            return err_nomem(err);
        *trait =
            (struct compat_trait){compat_owner_of(rows_get(&rows, i, 0)), rows_get(&rows, i, 1),
                                  rows_get(&rows, i, 2), value != NULL ? value : ""};
    }
    if (ret->traits.count > 1)
        qsort(ret->traits.items, ret->traits.count, sizeof *ret->traits.items, compare_traits);
    return read_edges(arena, pg, ret, err);
}

/* ---- what has changed ---- */

static bool add_change(struct arena *arena, const struct compat_trait *before,
                       const struct compat_trait *after, struct compat_changes *ret)
{
    struct compat_change *const change = arena_push(arena, ret);
    const struct compat_trait *const any = before != NULL ? before : after;
    if (change != NULL)
        *change = (struct compat_change){any->owner, any->kind, any->name,
                                         before != NULL ? before->value : NULL,
                                         after != NULL ? after->value : NULL};
    return change != NULL;
}

/* Of one that was not there, or is gone, nothing but that. */
static bool counts(const struct compat_trait *trait, const struct compat_traits *other)
{
    return strcmp(trait->kind, "identity") == 0 ||
           compat_trait_find(other, trait->owner, NULL, NULL) != NULL;
}

bool compat_changes_read(struct arena *arena, const struct compat_traits *before,
                         const struct compat_traits *after, struct compat_changes *ret)
{
    size_t b = 0, a = 0;
    *ret = (struct compat_changes){0};
    while (b < before->traits.count || a < after->traits.count) {
        const struct compat_trait *const old =
            b < before->traits.count ? &before->traits.items[b] : NULL;
        const struct compat_trait *const new =
            a < after->traits.count ? &after->traits.items[a] : NULL;
        const int order = old == NULL ? 1 : new == NULL ? -1 : compare_keys(old, new);
        bool ok = true;
        if (order < 0)
            ok = !counts(old, after) || add_change(arena, old, NULL, ret);
        else if (order > 0)
            ok = !counts(new, before) || add_change(arena, NULL, new, ret);
        else if (strcmp(old->value, new->value) != 0)
            ok = add_change(arena, old, new, ret);
        if (!ok)
            return false;
        b += order <= 0;
        a += order >= 0;
    }
    return true;
}
