/* The process in the names of what it makes for its own time. */
#include "check/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/str.h"

static void read_host(struct owner *owner)
{
    host_name(owner->host);
    for (char *c = owner->host; *c != '\0'; c++)
        if (!ascii_letter(*c) && !ascii_digit(*c) && *c != '.' && *c != '-')
            *c = '_';
    const struct hash_hex whole = hash_bytes(owner->host, strlen(owner->host));
    memcpy(owner->hash, whole.text, OWNER_HASH_CHARACTERS);
    owner->hash[OWNER_HASH_CHARACTERS] = '\0';
}

void owner_self(struct owner *ret)
{
    read_host(ret);
    (void)snprintf(ret->pid, sizeof ret->pid, "%ld", (long)getpid());
    if (!host_process_start(getpid(), ret->start))
        memcpy(ret->start, "0", 2); /* no /proc: whoever finds it cannot tell, and leaves it */
}

const char *owner_name(struct arena *arena, const struct owner *owner)
{
    return arena_printf(arena, "%s_%s_%s", owner->hash, owner->pid, owner->start);
}

bool owner_read(const char *name, struct owner *ret, const char **ret_rest)
{
    int end = 0;
    read_host(ret);
    if (strncmp(name, ret->hash, OWNER_HASH_CHARACTERS) != 0 ||
        sscanf(name + OWNER_HASH_CHARACTERS, "_%23[0-9]_%23[0-9]%n", ret->pid, ret->start, &end) !=
            2)
        return false;
    *ret_rest = name + OWNER_HASH_CHARACTERS + end;
    return true;
}

bool owner_is_dead(const struct owner *owner)
{
    char now[HOST_START_BYTES];
    if (strcmp(owner->start, "0") == 0 || !host_process_start(getpid(), now))
        return false;
    return !host_process_start(strtoll(owner->pid, NULL, 10), now) ||
           strcmp(now, owner->start) != 0;
}
