/*
 * The backups that the journal knows of. Each is one row `backup`; its detail has the members below
 * by their names, and of who took it user, host and pid.
 */
#ifndef PAWL_LEDGER_BACKUP_H
#define PAWL_LEDGER_BACKUP_H

#include <jansson.h>

#include "ledger/journal.h"

struct backup {
    int64_t seq, at_us;      /* of the row: when it was complete */
    const char *method;      /* "pg_dump", "sqlite", "command" or "restore_point" */
    const char *file;        /* with its whole path, on that host; NULL: a restore point has none */
    const char *host;        /* NULL: not known */
    const char *sha256;      /* of the file; NULL without one */
    const char *head;        /* "seq:hash" of the ledger that is in it */
    const char *restore;     /* what restores it, beside what is there; NULL: not known */
    const char *point, *lsn; /* of a restore point */
    int64_t bytes;           /* of the file; -1 without one */
    int64_t database_bytes;  /* of what it was taken of; -1: not known */
    int64_t tables;          /* that it was seen to hold; -1: what is in it is not known to pawl */
    int64_t ms;              /* how long it took: what it shows is at most so much older */
};

struct backups {
    struct backup *items;
    size_t count, capacity;
};

/* All of them, the oldest first. */
bool backups_read(struct arena *arena, const struct journal *journal, struct backups *ret,
                  struct err *err) MUST_CHECK;

/* The row's detail, without who took it; NULL when memory is out. */
json_t *backup_detail(const struct backup *backup) MUST_CHECK;

/* "/var/backups/shop-….dump", or "restore point "pawl_…""; for people. NULL when memory is out. */
const char *backup_place(struct arena *arena, const struct backup *backup) MUST_CHECK;

#endif
