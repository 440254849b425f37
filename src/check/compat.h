/*
 * The statements of an old release held against the schema that is to come.
 *
 * Each is parsed, described and planned in a scratch database with the schema of today, and again
 * after each pending migration; it is never run. What the server says then that it did not say
 * before is a verdict. What parsing cannot see (a column that must be filled now, a new constraint,
 * trigger or policy, another default) is read from the catalogs: how what a statement comes to, by
 * its own text, through views, keys, triggers and functions, differs from what it was.
 */
#ifndef PAWL_CHECK_COMPAT_H
#define PAWL_CHECK_COMPAT_H

#include "check/shadow.h"
#include "check/xray.h"

struct compat_query {
    const char *path; /* of its file */
    int line, column;
    const char *sql;
};

struct compat_queries {
    struct compat_query *items;
    size_t count, capacity;
    size_t files;
};

/* ERR_USAGE for a release that cannot be the name of a folder. */
bool compat_release_check(struct arena *arena, const char *release, struct err *err) MUST_CHECK;

/* The statements of folder/RELEASE/NAME.sql, by path; release NULL: of all. Errors: ERR_USAGE where
 * there is no such folder or no statement in it, or it cannot be one, ERR_REFUSED for a file that
 * cannot be split. */
bool compat_queries_read(struct arena *arena, const char *folder, const char *release,
                         struct compat_queries *ret, struct err *err) MUST_CHECK;

struct compat_options {
    struct xray_rehearsal rehearsal; /* how the migrations are run; first_units of each */
    const char *app_role;            /* who sends the statements; NULL: whoever connects */
};

struct compat_verdict {
    const struct compat_query *query;
    const char *rule;
    enum severity severity;
    const char *what;                  /* a clause, printable */
    const struct migration *migration; /* after which it is so; NULL: before all of them */
};

struct compat {
    struct {
        struct compat_verdict *items;
        size_t count, capacity;
    } verdicts;                         /* in order of the statements */
    size_t judged;                      /* statements that work with the schema of today */
    bool lacks_role;                    /* app_role is not on that server, or not to be had */
    const struct migration *failed;     /* the migration that failed; NULL: all went through */
    const struct xray_failure *failure; /* and why */
};

/* Uses the shadow up: it has the pending schema afterwards. It must be for one use. Errors: those
 * of xray_rehearse(). */
bool compat_run(struct arena *arena, struct shadow *shadow, const struct compat_queries *queries,
                const struct migration *const *migrations, size_t count,
                const struct compat_options *options, struct compat *ret,
                struct err *err) MUST_CHECK;

#endif
