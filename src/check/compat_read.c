/* What a server says of statements that are not run, and what their relations are like. */
#include <string.h>

#include "check/compat_parts.h"

static const char PREPARED[] = "pawl compat", PLANNED[] = "pawl compat plan";
static const char INDETERMINATE_DATATYPE[] = "42P18";

enum { TEXT_OID = 25, MAX_PARAMETERS = 65535 };

struct asking {
    struct arena *arena;
    struct pg *pg;
    struct {
        struct type_name {
            unsigned oid;
            int modifier;
            const char *name;
        } * items;
        size_t count, capacity;
    } types;
    struct {
        struct place {
            const char *name;
            compat_owner owner;
        } * items;
        size_t count, capacity;
    } places;
    struct {
        struct domain {
            unsigned oid, base;
        } * items;
        size_t count, capacity;
    } domains;
};

/* ---- names ---- */

static bool type_name(struct asking *asking, unsigned oid, int modifier, const char **ret,
                      struct err *err)
{
    struct rows rows;
    for (size_t i = 0; i < asking->types.count; i++)
        if (asking->types.items[i].oid == oid && asking->types.items[i].modifier == modifier) {
            *ret = asking->types.items[i].name;
            return true;
        }
    const char *const params[] = {arena_printf(asking->arena, "%u", oid),
                                  arena_printf(asking->arena, "%d", modifier)};
    struct type_name *const type = arena_push(asking->arena, &asking->types);
    if (params[0] == NULL || params[1] == NULL || type == NULL)
        return err_nomem(err);
    *type = (struct type_name){oid, modifier, ""};
    if (!pg_query(asking->pg, asking->arena, "SELECT pg_catalog.format_type($1::oid, $2::int4)",
                  params, COUNT_OF(params), &rows, err))
        return false;
    type->name = *ret = rows_get(&rows, 0, 0);
    return true;
}

/* A name that is none is not there. */
static bool place_of(struct asking *asking, const char *name, compat_owner *ret, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    struct rows rows;
    for (size_t i = 0; i < asking->places.count; i++)
        if (strcmp(asking->places.items[i].name, name) == 0) {
            *ret = asking->places.items[i].owner;
            return true;
        }
    struct place *const place = arena_push(asking->arena, &asking->places);
    if (place == NULL)
        return err_nomem(err);
    *place = (struct place){name, 0};
    *ret = 0;
    if (!pg_query(asking->pg, asking->arena,
                  "SELECT 'r' || pg_catalog.to_regclass($1)::oid WHERE"
                  " pg_catalog.to_regclass($1) IS NOT NULL",
                  &name, 1, &rows, &refused)) {
        if (refused.code == ERR_FAILED && !pg_lost(asking->pg))
            return true;
        *err = refused;
        refused = (struct err){0};
        return false;
    }
    if (rows.count > 0)
        *ret = place->owner = compat_owner_of(rows_get(&rows, 0, 0));
    return true;
}

/* ---- one statement ---- */

static bool take_names(struct asking *asking, const struct pg_description *description,
                       struct compat_said *said, struct err *err)
{
    const size_t parameters = description->parameter_count, columns = description->column_count;
    said->parameters = arena_alloc(asking->arena, parameters * sizeof *said->parameters);
    said->columns = arena_alloc(asking->arena, columns * sizeof *said->columns);
    said->types = arena_alloc(asking->arena, (parameters + columns + 1) * sizeof *said->types);
    if (said->parameters == NULL || said->columns == NULL || said->types == NULL)
        return err_nomem(err);
    said->parameter_count = parameters;
    said->column_count = columns;
    for (size_t i = 0; i < parameters; i++) {
        said->types[i] = (compat_owner)'t' << 32 | description->parameters[i];
        if (!type_name(asking, description->parameters[i], -1, &said->parameters[i], err))
            return false;
    }
    for (size_t i = 0; i < columns; i++) {
        const struct pg_column *const column = &description->columns[i];
        said->columns[i].name = column->name;
        said->types[parameters + i] = (compat_owner)'t' << 32 | column->type;
        if (!type_name(asking, column->type, column->modifier, &said->columns[i].type, err) ||
            !type_name(asking, column->type, -1, &said->columns[i].bare, err))
            return false;
    }
    return true;
}

static bool read_domains(struct asking *asking, struct err *err)
{
    static const char sql[] =
        "WITH RECURSIVE d AS (SELECT oid, typbasetype FROM pg_catalog.pg_type WHERE typtype = 'd'"
        " UNION ALL SELECT d.oid, t.typbasetype FROM d JOIN pg_catalog.pg_type t"
        "  ON t.oid = d.typbasetype WHERE t.typtype = 'd')"
        " SELECT d.oid, t.oid FROM d JOIN pg_catalog.pg_type t ON t.oid = d.typbasetype"
        " WHERE t.typtype <> 'd'";
    struct rows rows;
    if (!pg_query(asking->pg, asking->arena, sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        struct domain *const domain = arena_push(asking->arena, &asking->domains);
        if (domain == NULL)
            return err_nomem(err);
        *domain = (struct domain){(unsigned)strtoul(rows_get(&rows, i, 0), NULL, 10),
                                  (unsigned)strtoul(rows_get(&rows, i, 1), NULL, 10)};
    }
    return true;
}

static unsigned base_of(const struct asking *asking, unsigned type)
{
    for (size_t i = 0; i < asking->domains.count; i++)
        if (asking->domains.items[i].oid == type)
            return asking->domains.items[i].base;
    return type;
}

/* What types that are not known at all stand for, as in json_build_object($1, id), drivers send as
 * text. The number in the server's message says which; 0: none, or one that has it already. */
static size_t unknown_parameter(const struct err *refused, const unsigned *types, size_t count)
{
    if (strcmp(refused->sqlstate, INDETERMINATE_DATATYPE) != 0)
        return 0;
    const char *const sign = strchr(refused->message, '$');
    const unsigned long number = sign != NULL ? strtoul(sign + 1, NULL, 10) : 0;
    return number > MAX_PARAMETERS || (number > 0 && number <= count && types[number - 1] != 0)
               ? 0
               : number;
}

static bool describe(struct asking *asking, const char *sql, struct pg_description *ret,
                     struct err *err)
{
    unsigned *types = NULL;
    size_t count = 0;
    while (!pg_describe(asking->pg, asking->arena, PREPARED, sql, types, count, ret, err)) {
        const size_t number = unknown_parameter(err, types, count);
        if (number == 0 || pg_lost(asking->pg))
            return false;
        unsigned *const more =
            arena_alloc(asking->arena, (number > count ? number : count) * sizeof *more);
        if (more == NULL)
            return err_nomem(err);
        if (count > 0)
            memcpy(more, types, count * sizeof *more);
        types = more;
        count = number > count ? number : count;
        types[number - 1] = TEXT_OID;
        err_release(err);
        *err = (struct err){0};
    }
    return true;
}

/* The same with parameters of the types below their domains, which may refuse a NULL. */
static bool describe_bare(struct asking *asking, const char *sql,
                          const struct pg_description *described, const char **ret, struct err *err)
{
    const size_t count = described->parameter_count;
    struct pg_description bare;
    bool same = true;
    unsigned *const types = arena_alloc(asking->arena, (count + 1) * sizeof *types);
    if (types == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++) {
        types[i] = base_of(asking, described->parameters[i]);
        same = same && types[i] == described->parameters[i];
    }
    *ret = same ? PREPARED : PLANNED;
    return same || pg_describe(asking->pg, asking->arena, PLANNED, sql, types, count, &bare, err);
}

/* The plan is made, and who may do what is looked at, as for a run. */
static bool plan(struct asking *asking, const char *text, const struct pg_description *described,
                 struct err *err)
{
    CLEANUP(str_release) struct str sql = {0};
    const char *name;
    if (!describe_bare(asking, text, described, &name, err))
        return false;
    str_printf(&sql, "EXPLAIN EXECUTE \"%s\"", name);
    for (size_t i = 0; i < described->parameter_count; i++)
        str_puts(&sql, i == 0 ? "(NULL" : ", NULL");
    str_puts(&sql, described->parameter_count > 0 ? ")" : "");
    return sql.failed ? err_nomem(err) : pg_exec(asking->pg, str_text(&sql), err);
}

static bool ask(struct asking *asking, const char *sql, struct compat_said *said, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    CLEANUP(err_release) struct err ignored = {0};
    struct pg_description description;
    said->fails = !describe(asking, sql, &description, &refused) ||
                  !plan(asking, sql, &description, &refused);
    if (said->fails && (refused.code != ERR_FAILED || pg_lost(asking->pg))) {
        *err = refused;
        refused = (struct err){0};
        return false;
    }
    if (said->fails) {
        memcpy(said->sqlstate, refused.sqlstate, sizeof said->sqlstate);
        said->message = arena_strdup(asking->arena, refused.message);
        if (said->message == NULL)
            return err_nomem(err);
    }
    /* There is none where it could not be parsed. */
    if (!pg_exec(asking->pg, "DEALLOCATE ALL", &ignored) && pg_lost(asking->pg)) {
        *err = ignored;
        ignored = (struct err){0};
        return false;
    }
    return said->fails || take_names(asking, &description, said, err);
}

static bool take_targets(struct asking *asking, const struct compat_use *use,
                         struct compat_said *said, struct err *err)
{
    said->targets = arena_alloc(asking->arena, (use->targets.count + 1) * sizeof *said->targets);
    if (said->targets == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < use->targets.count && !said->fails; i++)
        if (!place_of(asking, use->targets.items[i].name, &said->targets[i], err))
            return false;
    return true;
}

/* ---- the session ---- */

/* False in *ret where the server does not let it be. */
static bool become(struct pg *pg, struct arena *arena, const char *role, bool *ret, struct err *err)
{
    CLEANUP(err_release) struct err refused = {0};
    const char *const quoted = pg_quote_name(arena, role);
    const char *const sql = quoted != NULL ? arena_printf(arena, "SET ROLE %s", quoted) : NULL;
    if (sql == NULL)
        return err_nomem(err);
    *ret = pg_exec(pg, sql, &refused);
    if (*ret || (refused.code == ERR_FAILED && !pg_lost(pg)))
        return true;
    *err = refused;
    refused = (struct err){0};
    return false;
}

static bool take(struct compat_reading *reading, struct pg *pg,
                 const struct compat_queries *queries, const struct compat_use *uses,
                 const bool *skip, const char *role, struct err *err)
{
    struct asking asking = {.arena = &reading->arena, .pg = pg};
    bool became = true;
    /* What the catalogs are asked is long: to compile it takes seconds, to run it none. */
    if (!pg_exec(pg, "SET jit = off", err) ||
        !pg_exec(pg, "SET plan_cache_mode = force_generic_plan", err) ||
        !pg_exec(pg, "SET default_transaction_read_only = on", err) ||
        !pg_exec(pg, "SET statement_timeout = '30s'", err) ||
        (role != NULL && !become(pg, &reading->arena, role, &became, err)))
        return false;
    reading->lacks_role = !became;
    reading->said = arena_alloc(&reading->arena, queries->count * sizeof *reading->said);
    if (reading->said == NULL)
        return err_nomem(err);
    if (!read_domains(&asking, err))
        return false;
    for (size_t i = 0; i < queries->count; i++)
        if ((skip == NULL || !skip[i]) &&
            (!ask(&asking, queries->items[i].sql, &reading->said[i], err) ||
             !take_targets(&asking, &uses[i], &reading->said[i], err)))
            return false;
    return pg_exec(pg, "RESET ROLE", err) &&
           compat_traits_read(&reading->arena, pg, became ? role : NULL, &reading->traits, err);
}

bool compat_reading_take(struct shadow *shadow, const struct compat_queries *queries,
                         const struct compat_use *uses, const bool *skip, const char *role,
                         struct compat_reading *ret, struct err *err)
{
    CLEANUP(pg_close) struct pg *pg = NULL;
    return shadow_connect(shadow, &pg, err) && take(ret, pg, queries, uses, skip, role, err);
}

void compat_reading_release(struct compat_reading *reading)
{
    arena_release(&reading->arena);
    *reading = (struct compat_reading){0};
}
