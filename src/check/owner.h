/*
 * Whose a thing is that a run makes for its own time, and a killed one leaves: its name holds the
 * process, so that the next run on the same machine can tell and take it away.
 */
#ifndef PAWL_CHECK_OWNER_H
#define PAWL_CHECK_OWNER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/host.h"

enum { OWNER_HASH_CHARACTERS = 8, OWNER_PID_BYTES = 24 };

struct owner {
    char host[HOST_NAME_BYTES]; /* as it may stand in a string constant */
    char hash[OWNER_HASH_CHARACTERS + 1];
    char pid[OWNER_PID_BYTES], start[HOST_START_BYTES];
};

/* This process. */
void owner_self(struct owner *ret);

/* "HOST_PID_START", with a hash for the host; NULL when memory is out. */
const char *owner_name(struct arena *arena, const struct owner *owner) MUST_CHECK;

/* Reads that at the start of a name; *ret_rest is what follows. False for a name that is not of
 * this machine's making. */
bool owner_read(const char *name, struct owner *ret, const char **ret_rest) MUST_CHECK;

/* The process has surely ended. */
bool owner_is_dead(const struct owner *owner);

#endif
