/* User, host and process of this program. */
#include "ledger/actor.h"

#include <pwd.h>
#include <unistd.h>

#include "base/host.h"

const char *actor_host(struct arena *arena)
{
    char host[HOST_NAME_BYTES];
    host_name(host);
    return arena_strdup(arena, host);
}

const char *actor_user(struct arena *arena)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != NULL)
        return arena_strdup(arena, found->pw_name);
    return arena_printf(arena, "uid %ld", (long)geteuid());
}

bool actor_describe(struct arena *arena, json_t *detail)
{
    const char *const user = actor_user(arena), *const host = actor_host(arena);
    return user != NULL && host != NULL &&
           json_object_set_new(detail, "user", json_string(user)) == 0 &&
           json_object_set_new(detail, "host", json_string(host)) == 0 &&
           json_object_set_new(detail, "pid", json_integer(getpid())) == 0;
}
