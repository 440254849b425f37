/* Instances and sessions, read and put together to releases. */
#include "ledger/presence.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "db/sqlstate.h"
#include "ledger/schema.h"

const char *presence_how_name(enum presence_how how)
{
    static const char *const names[] = {
        [PRESENCE_REGISTERED] = "registered",
        [PRESENCE_SIGHTED] = "sighted",
        [PRESENCE_SOAK] = "soak",
        [PRESENCE_UNKNOWN] = "unknown",
    };
    return names[how];
}

struct reader {
    struct ledger *ledger;
    struct arena *arena;
    const struct state *state;
    const struct presence_options *options;
    struct presence *presence;
    /* When releases were seen last, living or not. */
    struct {
        struct seen {
            const char *name;
            int64_t at_us;
        } * items;
        size_t count, capacity;
    } seen;
};

static int64_t to_number(const char *text)
{
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

static bool query(const struct reader *r, const char *template, const char *const *params,
                  size_t count, struct rows *ret, struct err *err)
{
    const char *const sql = ledger_sql(r->arena, template, r->ledger->name);
    if (sql == NULL)
        return err_nomem(err);
    return r->ledger->pg != NULL ? pg_query(r->ledger->pg, r->arena, sql, params, count, ret, err)
                                 : sqlite_query(r->ledger->sqlite, r->arena, sql, strlen(sql),
                                                params, count, ret, NULL, err);
}

/* ---- releases, each once ---- */

static struct live_release *find(const struct presence *presence, const char *name)
{
    for (size_t i = 0; i < presence->releases.count; i++)
        if (presence->releases.items[i].name != NULL && name != NULL &&
            strcmp(presence->releases.items[i].name, name) == 0)
            return &presence->releases.items[i];
    return NULL;
}

static struct live_release *add(struct reader *r, const char *name, enum presence_how how)
{
    struct live_release *item = find(r->presence, name);
    if (item == NULL && (item = arena_push(r->arena, &r->presence->releases)) != NULL)
        *item = (struct live_release){
            .name = name, .record = state_release(r->state, name), .how = how};
    return item;
}

static bool note_seen(struct reader *r, const char *name, int64_t at_us)
{
    for (size_t i = 0; i < r->seen.count; i++)
        if (strcmp(r->seen.items[i].name, name) == 0) {
            if (r->seen.items[i].at_us < at_us)
                r->seen.items[i].at_us = at_us;
            return true;
        }
    struct seen *const item = arena_push(r->arena, &r->seen);
    if (item == NULL)
        return false;
    *item = (struct seen){name, at_us};
    return true;
}

/* ---- instances ---- */

#define EPOCH_US(column)                                                                           \
    "pg_catalog.round(extract(epoch FROM " column ") * 1000000)::pg_catalog.int8"

static bool read_table(struct reader *r, struct err *err)
{
    static const char pg[] =
        "SELECT pg_catalog.to_regclass('{ledger}.instance') IS NOT NULL, " EPOCH_US(
            "pg_catalog.clock_timestamp()");
    static const char lite[] =
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table'"
        " AND name = '{ledger}_instance') THEN 't' ELSE 'f' END";
    struct rows rows;
    if (!query(r, r->ledger->pg != NULL ? pg : lite, NULL, 0, &rows, err))
        return false;
    r->presence->table = strcmp(rows_get(&rows, 0, 0), "t") == 0;
    r->presence->now_us = r->ledger->pg != NULL ? to_number(rows_get(&rows, 0, 1)) : clock_utc_us();
    return true;
}

static bool add_instance(struct reader *r, const struct rows *rows, size_t row)
{
    const struct live_instance instance = {
        .release = rows_get(rows, row, 0),
        .instance = rows_get(rows, row, 1),
        .user = rows_get(rows, row, 2),
        .host = rows_get(rows, row, 3),
        .application = rows_get(rows, row, 4),
        .registered_us = to_number(rows_get(rows, row, 5)),
        .seen_us = to_number(rows_get(rows, row, 6)),
        .ttl_ms = to_number(rows_get(rows, row, 7)),
    };
    if (!note_seen(r, instance.release, instance.seen_us))
        return false;
    if (rows_get(rows, row, 8) != NULL || /* it has left */
        instance.seen_us + instance.ttl_ms * 1000 <= r->presence->now_us ||
        instance.seen_us <= state_retired_us(r->state, instance.release))
        return true;
    struct live_release *const live = add(r, instance.release, PRESENCE_REGISTERED);
    struct live_instance *const item = arena_push(r->arena, &r->presence->instances);
    if (live == NULL || item == NULL)
        return false;
    *item = instance;
    live->instances++;
    if (live->seen_us < instance.seen_us) {
        live->seen_us = instance.seen_us;
        live->example = arena_printf(r->arena, "instance \"%s\" of user \"%s\" on %s",
                                     instance.instance, instance.user, instance.host);
        return live->example != NULL;
    }
    return true;
}

static bool read_instances(struct reader *r, struct err *err)
{
    static const char pg[] =
        "SELECT release, instance, \"user\", host, application_name, " EPOCH_US(
            "registered_at") ", " EPOCH_US("seen_at") ", pg_catalog.round(extract(epoch FROM ttl) "
                                                      "* 1000)::pg_catalog.int8,"
                                                      " left_at FROM {ledger}.instance ORDER BY "
                                                      "release, seen_at DESC, instance";
    static const char lite[] =
        "SELECT release, instance, \"user\", host, application_name, registered_at, seen_at,"
        " ttl / 1000, left_at FROM {ledger}_instance ORDER BY release, seen_at DESC, instance";
    struct rows rows;
    if (!query(r, r->ledger->pg != NULL ? pg : lite, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++)
        if (!add_instance(r, &rows, i))
            return err_nomem(err);
    return true;
}

/* ---- sessions ---- */

/*
 * Other roles' kind of session and address may be hidden: then it counts as a client's. Sessions of
 * pawl itself are none of an application's.
 *
 * A session of the same user, name and address as a living instance is of that instance. A name of
 * presence_application() says the release by itself: whoever has it is of that, under any user, and
 * also when the instance has left and a pooler keeps its session. An empty name says nothing: it is
 * what most drivers send when nobody has told them one, in each release alike. A session in the
 * middle of hello() is about to be known: a contract step is closed behind it, and looks again.
 */
#define SESSIONS(release, explained)                                                               \
    "SELECT s.release, pg_catalog.count(*), pg_catalog.array_to_string((pg_catalog.array_agg("     \
    "DISTINCT s.example))[1:3], ', ') || CASE WHEN pg_catalog.count(DISTINCT s.example) > 3"       \
    "  THEN ' and others' ELSE '' END,"                                                            \
    " pg_catalog.array_to_string((pg_catalog.array_agg(DISTINCT pg_catalog.translate("             \
    "pg_catalog.regexp_replace(s.known_by, '([$.|?*+(){}[])', E'[\\\\1]', 'g'), E'^\\\\', '..')))" \
    "[1:3], '|') FROM ("                                                                           \
    "SELECT coalesce(CASE WHEN $1::pg_catalog.text IS NOT NULL THEN pg_catalog.\"substring\"("     \
    "  a.application_name, '^(?:' || $1 || ')$') END, " release ") AS release,"                    \
    " pg_catalog.format('user \"%s\", %s from %s', a.usename, CASE WHEN a.application_name = ''"   \
    "  THEN 'no application_name' ELSE pg_catalog.format('application \"%s\"',"                    \
    "  a.application_name) END, coalesce(pg_catalog.host(a.client_addr), 'local')) AS example,"    \
    " CASE WHEN a.application_name = '' THEN a.usename::pg_catalog.text"                           \
    "  ELSE a.application_name END AS known_by,"                                                   \
    " $2::pg_catalog.text IS NOT NULL AND (a.application_name ~ ('^(?:' || $2 || ')$')"            \
    "  OR a.usename ~ ('^(?:' || $2 || ')$')) AS other, " explained                                \
    " AS explained FROM pg_catalog.pg_stat_activity AS a"                                          \
    " WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()"    \
    " AND a.pid <> $3::pg_catalog.int4"                                                            \
    " AND coalesce(a.backend_type, 'client backend') = 'client backend'"                           \
    " AND a.usename IS NOT NULL AND a.application_name NOT IN ('pawl', 'pawl watcher')"            \
    " AND a.application_name NOT LIKE 'pawl waits for %') AS s"                                    \
    " WHERE s.release IS NOT NULL OR NOT (s.other OR s.explained) GROUP BY 1 ORDER BY 1"

static const char sessions_alone[] = SESSIONS("NULL", "false");
static const char sessions_and_instances[] = SESSIONS(
    "CASE WHEN a.application_name LIKE '" PRESENCE_APPLICATION "%' THEN (SELECT i.release"
    " FROM {ledger}.instance AS i WHERE i.application_name = a.application_name"
    " ORDER BY i.seen_at DESC LIMIT 1) END",
    "EXISTS (SELECT FROM {ledger}.instance AS i WHERE i.left_at IS NULL"
    " AND i.seen_at + i.ttl > pg_catalog.clock_timestamp() AND i.application_name <> ''"
    " AND i.application_name = a.application_name AND i.\"user\" = a.usename"
    " AND i.host = coalesce(pg_catalog.host(a.client_addr), 'local'))"
    " OR a.pid IN (SELECT l.pid FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'advisory'"
    "  AND l.objsubid = 1 AND (l.classid::pg_catalog.int8 << 32) | l.objid::pg_catalog.int8"
    "  = $4::pg_catalog.int8)");

static bool bad_pattern(struct err *err)
{
    if (strcmp(err->sqlstate, "2201B") != 0) /* invalid_regular_expression */
        return false;
    err->code = ERR_USAGE;
    err_prefix(err, "[releases] application_name or others is no pattern");
    err_state(err, "Nothing was changed.");
    return false;
}

/* What is named already stays so. */
static const char *others_with(const struct reader *r, const char *names)
{
    const char *const others = r->options->others;
    return others != NULL && names != NULL ? arena_printf(r->arena, "%s|%s", others, names) : names;
}

static bool add_sessions(struct reader *r, const struct rows *rows, size_t row)
{
    const char *const name = rows_get(rows, row, 0);
    struct live_release *const live =
        add(r, name, name != NULL ? PRESENCE_SIGHTED : PRESENCE_UNKNOWN);
    if (live == NULL || (name != NULL && !note_seen(r, name, r->presence->now_us)))
        return false;
    live->sessions = (size_t)to_number(rows_get(rows, row, 1));
    live->seen_us = r->presence->now_us;
    if (live->example == NULL)
        live->example = rows_get(rows, row, 2);
    if (name == NULL && (live->others = others_with(r, rows_get(rows, row, 3))) == NULL)
        return false;
    return true;
}

static bool read_sessions(struct reader *r, struct err *err)
{
    const char *const params[] = {r->options->application_name, r->options->others,
                                  arena_printf(r->arena, "%" PRId64, r->options->own_backend),
                                  presence_lock_key(r->arena, r->ledger)};
    const bool known = r->presence->table;
    struct rows rows;
    if (params[2] == NULL || params[3] == NULL)
        return err_nomem(err);
    if (!query(r, known ? sessions_and_instances : sessions_alone, params, known ? 4 : 3, &rows,
               err))
        return bad_pattern(err);
    for (size_t i = 0; i < rows.count; i++)
        if (!add_sessions(r, &rows, i))
            return err_nomem(err);
    return true;
}

/* ---- what a rollback of the application starts ---- */

const char *presence_newest(const struct state *state)
{
    const size_t count = state->releases.count;
    return count > 0 ? state->releases.items[count - 1].name : NULL;
}

static const struct release *before_newest(const struct state *state, const char *newest)
{
    for (size_t i = state->releases.count; i > 0; i--)
        if (newest == NULL || strcmp(state->releases.items[i - 1].name, newest) != 0)
            return &state->releases.items[i - 1];
    return NULL;
}

static bool add_soak(struct reader *r, const char *newest, struct err *err)
{
    const struct release *const release = before_newest(r->state, newest);
    if (release == NULL || find(r->presence, release->name) != NULL)
        return true;
    for (size_t i = 0; i < r->seen.count; i++) {
        const struct seen *const seen = &r->seen.items[i];
        const int64_t until_us = seen->at_us + r->options->soak_ms * 1000;
        if (strcmp(seen->name, release->name) != 0 || until_us <= r->presence->now_us ||
            seen->at_us <= state_retired_us(r->state, release->name))
            continue;
        struct live_release *const live = add(r, release->name, PRESENCE_SOAK);
        if (live == NULL)
            return err_nomem(err);
        live->seen_us = seen->at_us;
        live->until_us = until_us;
    }
    return true;
}

bool presence_read(struct ledger *ledger, struct arena *arena, const struct state *state,
                   const struct presence_options *options, const char *newest, struct presence *ret,
                   struct err *err)
{
    *ret = (struct presence){0};
    struct reader r = {ledger, arena, state, options, ret, {0}};
    return read_table(&r, err) && (!ret->table || read_instances(&r, err)) &&
           (ledger->pg == NULL || read_sessions(&r, err)) && add_soak(&r, newest, err);
}

/* ---- in words ---- */

const char *live_release_text(struct arena *arena, const struct live_release *live)
{
    char seen[CLOCK_ISO_BYTES], until[CLOCK_ISO_BYTES];
    const char *const name = fs_printable(arena, live->name != NULL ? live->name : "");
    const char *const example = fs_printable(arena, live->example != NULL ? live->example : "?");
    if (name == NULL || example == NULL)
        return NULL;
    clock_format_s(live->seen_us, seen);
    clock_format_s(live->until_us, until);
    switch (live->how) {
    case PRESENCE_REGISTERED:
        return arena_printf(arena, "release \"%s\" (%zu %s, last seen %s)", name, live->instances,
                            live->instances == 1 ? "instance" : "instances", seen);
    case PRESENCE_SIGHTED:
        return arena_printf(arena, "release \"%s\" (%zu %s)", name, live->sessions,
                            live->sessions == 1 ? "session" : "sessions");
    case PRESENCE_SOAK:
        return arena_printf(arena, "release \"%s\" (last seen %s, may be started again until %s)",
                            name, seen, until);
    case PRESENCE_UNKNOWN:
        break;
    }
    return arena_printf(arena, "%zu %s of no known release (%s)", live->sessions,
                        live->sessions == 1 ? "session" : "sessions", example);
}

const char *live_release_advice(struct arena *arena, const struct live_release *live)
{
    const char *const others = fs_printable(arena, live->others != NULL ? live->others : "");
    return others != NULL
               ? arena_printf(arena,
                              "if these sessions are none of the application's, say so in "
                              "pawl.conf: [releases] others = %s; if they are, give those of each "
                              "release an application_name of its own, such as shop-1.25, and: "
                              "[releases] application_name = shop-(.*)",
                              others)
               : NULL;
}
