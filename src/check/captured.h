/* The statements in logs of a server, each once and without its values. */
#ifndef PAWL_CHECK_CAPTURED_H
#define PAWL_CHECK_CAPTURED_H

#include "check/server_log.h"

/* So many are kept: what comes after is left out. */
enum { CAPTURED_MAX = 20000 };

struct captured_options {
    const struct server_log_prefix *prefix;    /* NULL: not known */
    const char *user, *database, *application; /* NULL: of any */
    const char *ledger;                        /* pawl's own statements name it */
};

struct captured {
    struct arena arena; /* the texts */
    struct captured_statement {
        const char *sql;
        long long key; /* of its shape */
    } * items;
    size_t count, capacity;
    struct server_log_counts lines;
    size_t unread; /* statements that pawl's parser cannot read */
    bool full;
    long long *seen; /* keys of shapes, each where its remainder says or behind that; 0: free */
    size_t seen_count, slots;
};

/* Reads one log to its end, and adds to ret, which starts as {0}. Errors: those of
 * server_log_read(); ERR_USAGE where the log does not say who and that is asked for. */
bool captured_add_log(int fd, const char *path, const struct captured_options *options,
                      struct captured *ret, struct err *err) MUST_CHECK;

/* By their text. */
void captured_sort(struct captured *captured);
void captured_release(struct captured *captured);

/* True for what pawl itself asks, and for what tools ask of the catalogs: it names these, or the
 * ledger, with a dot behind. */
bool captured_is_of_a_tool(struct span statement, const char *ledger);

#endif
