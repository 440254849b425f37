/*
 * Whose a scratch database is. Its name holds the process, "pawl_shadow_HOST_PID_START_NUMBER" with
 * a hash for the host, so that it can be told between its making and its comment, which says the
 * same in full and must agree where it is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/host.h"
#include "base/str.h"
#include "check/shadow_parts.h"

#define PREFIX  "pawl_shadow_"
#define COMMENT "pawl shadow of host %s, pid %s, start %s"

enum { HOST_HASH_CHARACTERS = 8, PID_BYTES = 24 };

/* The machine's name, as it may stand in a string constant, and its hash. */
static void read_host(char name[HOST_NAME_BYTES], char hash[HOST_HASH_CHARACTERS + 1])
{
    host_name(name);
    for (char *c = name; *c != '\0'; c++)
        if (!ascii_letter(*c) && !ascii_digit(*c) && *c != '.' && *c != '-')
            *c = '_';
    const struct hash_hex whole = hash_bytes(name, strlen(name));
    memcpy(hash, whole.text, HOST_HASH_CHARACTERS);
    hash[HOST_HASH_CHARACTERS] = '\0';
}

bool shadow_sign(struct shadow *shadow, struct err *err)
{
    char host[HOST_NAME_BYTES], hash[HOST_HASH_CHARACTERS + 1], start[HOST_START_BYTES];
    char pid[PID_BYTES];
    read_host(host, hash);
    (void)snprintf(pid, sizeof pid, "%ld", (long)getpid());
    if (!host_process_start(getpid(), start))
        memcpy(start, "0", 2); /* no /proc: whoever finds it cannot tell, and leaves it */
    shadow->stem = arena_printf(shadow->arena, PREFIX "%s_%s_%s_", hash, pid, start);
    shadow->comment = arena_printf(shadow->arena, COMMENT, host, pid, start);
    return (shadow->stem != NULL && shadow->comment != NULL) || err_nomem(err);
}

/* The process that a name tells of. False for a name that is not of this machine's making. */
static bool read_name(const char *name, const char *hash, char pid[PID_BYTES],
                      char start[HOST_START_BYTES])
{
    const size_t prefix = strlen(PREFIX);
    if (strncmp(name, PREFIX, prefix) != 0 ||
        strncmp(name + prefix, hash, HOST_HASH_CHARACTERS) != 0)
        return false;
    int end = 0;
    unsigned number;
    return sscanf(name + prefix + HOST_HASH_CHARACTERS, "_%23[0-9]_%23[0-9]_%u%n", pid, start,
                  &number, &end) == 3 &&
           name[prefix + HOST_HASH_CHARACTERS + (size_t)end] == '\0';
}

static bool is_dead(const char *pid, const char *start)
{
    char now[HOST_START_BYTES];
    if (strcmp(start, "0") == 0 || !host_process_start(getpid(), now))
        return false;
    return !host_process_start(strtoll(pid, NULL, 10), now) || strcmp(now, start) != 0;
}

/* comment NULL: the process was killed before it could write it. */
static bool is_leftover(struct arena *arena, const char *name, const char *comment)
{
    char host[HOST_NAME_BYTES], hash[HOST_HASH_CHARACTERS + 1], start[HOST_START_BYTES];
    char pid[PID_BYTES];
    read_host(host, hash);
    if (!read_name(name, hash, pid, start) || !is_dead(pid, start))
        return false;
    const char *const expected = arena_printf(arena, COMMENT, host, pid, start);
    return expected != NULL && (comment == NULL || strcmp(comment, expected) == 0);
}

bool shadow_sweep(struct shadow *shadow, struct err *err)
{
    static const char sql[] =
        "SELECT datname, pg_catalog.shobj_description(oid, 'pg_database')"
        " FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, '" PREFIX "')";
    struct rows rows;
    if (!pg_query(shadow->server, shadow->arena, sql, NULL, 0, &rows, err))
        return false;
    for (size_t i = 0; i < rows.count; i++) {
        CLEANUP(err_release) struct err stays = {0};
        const char *const name = rows_get(&rows, i, 0);
        if (!is_leftover(shadow->arena, name, rows_get(&rows, i, 1)))
            continue;
        const char *const drop =
            arena_printf(shadow->arena, "DROP DATABASE IF EXISTS \"%s\"", name);
        if (drop == NULL)
            return err_nomem(err);
        /* Another role's, or a session of it has not ended yet: a later run's. */
        if (!pg_exec(shadow->server, drop, &stays) && stays.sqlstate[0] == '\0') {
            *err = stays;
            stays = (struct err){0};
            return false;
        }
    }
    return true;
}
