/*
 * pawl.h: the library behind the program pawl. It takes a PostgreSQL or SQLite database from one
 * schema to the next, and tells a service whether the schema that it needs is in place.
 *
 *     struct pawl_options options = PAWL_OPTIONS_INIT;
 *     struct pawl *pawl;
 *     options.url = "postgres://app@db/shop";
 *     if (pawl_open(&options, &pawl) == PAWL_OK && pawl_ready(pawl, 30000, NULL) == PAWL_OK)
 *         serve();
 *     else
 *         fprintf(stderr, "%s\n", pawl_last_error(pawl)->message);
 *     pawl_close(pawl);
 *
 * Only what stands here is promised. A program that was compiled with an older pawl.h runs with a
 * newer library: nothing here changes its meaning, structs grow only at their end, and what the
 * library hands out is always behind a pointer.
 *
 *
 * CAVEATS
 *
 * Threads. A handle belongs to one thread at a time. Different handles may be used at once, also
 * for the same target. A call blocks its thread: do not make one from an event loop. To be stopped,
 * a call on PostgreSQL may start a thread of its own that ends by itself.
 *
 * Connections. There are none between calls: each call connects, does its work and disconnects.
 * An open handle costs memory alone, and a service can keep one or close it.
 *
 * Stopping. pawl_options.cancel_fd is how a call is told to stop from outside, another thread or a
 * signal handler (a pipe, an eventfd): it ends with PAWL_CANCELLED, usually within milliseconds and
 * at most about two seconds later. Without one a call can only be waited for.
 *
 * What the library leaves alone. It prints nothing, ends no process, installs no signal handler,
 * changes no signal mask, working directory or locale, and reads neither pawl.conf nor PAWL_*
 * variables. libpq reads its own PG* variables, password and service files. Memory comes from
 * malloc().
 *
 * fork(). A child may go on with a handle of its parent's as long as no call was under way at the
 * fork. A child that is forked during a deploy and does not exec holds a copy of its connection:
 * should the parent die, the server sees that connection open until the child ends.
 *
 * Poolers. Through a pooler in transaction mode readiness, status, plans and transactional
 * migrations work. What cannot run in a transaction (CREATE INDEX CONCURRENTLY) needs a connection
 * to the server itself, and a deploy with such a migration is refused (PAWL_REFUSED).
 *
 * Standbys. pawl_ready() and pawl_status() work on a standby and answer for what it has replayed;
 * a service that reads from a standby should ask that one. A deploy needs a primary.
 *
 * Long transactions. A migration waits for every transaction that uses its tables. pawl does not
 * queue behind one for longer than lock_timeout_ms, because all that comes after would queue behind
 * pawl; it rolls back and tries again until lock_budget_ms is spent. An open transaction of the
 * host program itself, on another connection, is in the way like any other: end it before a deploy.
 * With SQLite it would be waited for to the end of wait_ms.
 *
 * SQLite. Two copies of SQLite in one process break each other's file locks and can corrupt the
 * file (https://www.sqlite.org/howtocorrupt.html, "Multiple copies of SQLite"). pawl uses the
 * shared libsqlite3.so.0: a program that contains a SQLite of its own must not give pawl a file
 * that it has open.
 *
 * Texts. What the library hands out is UTF-8 and was partly written by others: file names, names of
 * tables, messages of the server. A program that shows it on a terminal should replace control
 * characters. No text holds a password that was in the URL.
 *
 * Callbacks. on_event runs in the thread of the call, with the database waiting: return soon. It
 * must not use its handle (such a call gives PAWL_USAGE and changes nothing), throw, or longjmp.
 */
#ifndef PAWL_H
#define PAWL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PAWL_API        __attribute__((visibility("default")))
#define PAWL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PAWL_API
#define PAWL_MUST_CHECK
#endif

/* ---- version ---- */

/* Of this header: major * 1000000 + minor * 1000 + patch. */
#define PAWL_VERSION_NUMBER 1000

/* Of the library that runs: "0.1.0", static. Never fails; any thread. */
PAWL_API const char *pawl_version(void);

/* The same as PAWL_VERSION_NUMBER. Never fails; any thread. */
PAWL_API int pawl_version_number(void);

/* ---- results ---- */

/* How a call ended. The values are the exit codes of the program pawl. */
enum pawl_code {
    PAWL_OK = 0,
    PAWL_FAILED = 1,      /* the migration at hand was rolled back; or memory is out */
    PAWL_USAGE = 2,       /* an option is wrong, a file cannot be read, a library is missing */
    PAWL_REFUSED = 3,     /* refused before anything ran: pawl_findings() says why */
    PAWL_NOT_READY = 4,   /* a deploy has to come first: waiting helps */
    PAWL_BUSY = 5,        /* a lock, a reservation or another deploy was still in the way at the end
                             of the wait */
    PAWL_NEVER_READY = 6, /* a contract migration has passed this code by: waiting does not help */
    PAWL_PARTIAL = 7,     /* a migration stopped part-way: the next deploy resumes it */
    PAWL_CHAIN = 8,       /* the ledger's hash chain is broken */
    PAWL_UNREACHABLE = 9, /* the target cannot be reached or read */
    PAWL_CANCELLED = 128  /* cancel_fd became readable */
};

/* Why the last call on a handle did not give PAWL_OK. */
struct pawl_error {
    enum pawl_code code;
    int retryable;        /* 1: the same call may succeed later, and nothing was changed */
    const char *sqlstate; /* the server's, "" when it gave none */
    const char *message;  /* what happened: lower case, no full stop; never NULL */
    const char *detail;   /* facts beside it; NULL: none */
    const char *state;    /* what state the target is in now, a sentence; NULL: not known */
    const char *hint;     /* what to do or type next, a sentence; NULL: none */
    const char *file;     /* where; NULL: not in a file */
    int line, column;     /* in characters, from 1; 0: not known */
};

enum pawl_severity { PAWL_NOTE = 0, PAWL_WARNING = 1, PAWL_ERROR = 2 };

/* One thing that was found in the migrations; an error is a reason to refuse a deploy. */
struct pawl_finding {
    enum pawl_severity severity;
    const char *rule; /* `pawl explain RULE` tells more */
    const char *what; /* lower case, no full stop */
    const char *fix;  /* what to do or type; NULL: nothing in particular */
    const char *file; /* NULL: not about one file */
    int line, column; /* from 1; 0: the whole file */
};

/* Where a migration of the set stands. */
enum pawl_state {
    PAWL_STATE_PENDING = 0,
    PAWL_STATE_APPLIED = 1,
    PAWL_STATE_ADOPTED = 2,      /* recorded as applied by other means */
    PAWL_STATE_RENAMED = 3,      /* applied under the name known_as; the next deploy records it */
    PAWL_STATE_EDITED = 4,       /* its name is applied with another content */
    PAWL_STATE_DOUBTFUL = 5,     /* same content as something applied, maybe a rename */
    PAWL_STATE_CHANGED = 6,      /* a repeatable that the next deploy runs again */
    PAWL_STATE_OUT_OF_ORDER = 7, /* pending, and older than the newest applied one */
    PAWL_STATE_PARTIAL = 8,      /* stopped part-way: some of its steps are done */
    PAWL_STATE_NOT_IN_SET = 9,   /* applied, and not among this code's migrations */
    PAWL_STATE_BAD_NAME = 10,    /* a file whose name is refused, and with it each deploy */
    PAWL_STATE_RECOGNISED = 11, /* a squash: all that it replaces is applied, so nothing is run; the
                                   next deploy records it */
    PAWL_STATE_SPLIT = 12,      /* a squash: a part of what it replaces is applied, and each deploy
                                   is refused */
    PAWL_STATE_HELD = 13        /* a contract migration that waits for live releases which do not
                                   carry it: a deploy leaves it until they are gone */
};

struct pawl_migration {
    const char *id;
    enum pawl_state state;
    const char *kind;     /* "schema", "data", "backfill", "repeatable" */
    const char *phase;    /* "expand", "contract" */
    const char *checksum; /* 64 hexadecimal digits: of the file; without one, of what was applied */
    const char *known_as; /* the name that the ledger has for it; NULL: the same, or none */
    const char *receipt;  /* "SEQ:HASH" of its row in the ledger, once this call applied it; NULL */
    int64_t applied_at_us; /* microseconds since 1970 UTC, by the server's clock; -1: not applied,
                              or not read by this call */
    int64_t elapsed_ms;    /* how long it took; -1: not known */
    size_t statements;     /* to run, in a plan; 0 elsewhere */
    const char *why; /* PAWL_STATE_HELD, of a plan or deploy: whom it waits for, lower case, no
                        full stop; NULL elsewhere */
};

/* ---- events ---- */

enum pawl_event_type {
    PAWL_EVENT_WAITING = 0,   /* for another deploy, every 5 s: text says for whom */
    PAWL_EVENT_MIGRATION = 1, /* migration id starts, number of total */
    PAWL_EVENT_STATEMENT = 2, /* statement number of total of id is done */
    PAWL_EVENT_RETRY = 3,     /* id was rolled back and is tried again after elapsed_ms: text says
                                 why */
    PAWL_EVENT_NOTICE = 4,    /* of the server, in text */
    PAWL_EVENT_APPLIED = 5,   /* migration id is committed, it took elapsed_ms */
    PAWL_EVENT_NOTE = 6,      /* text */
    PAWL_EVENT_PROGRESS = 7,  /* a statement of id is still at work: text says for how long and,
                                 where  the server tells, how far it is; every quarter of a second */
    PAWL_EVENT_BLOCKED = 8, /* a statement of id waits for other sessions: text names them, and the
                               command that ends the first */
    PAWL_EVENT_BLOCKING = 9 /* other sessions wait behind a statement of id: text */
};

/* Later versions may send types that are not in this list: ignore them. */
struct pawl_event {
    enum pawl_event_type type;
    const char *id;   /* NULL where it makes no sense */
    const char *text; /* lower case, no full stop; NULL where it makes no sense */
    size_t number, total;
    int64_t elapsed_ms;
};

/* The event and its texts are valid until the callback returns. context is pawl_options.context. */
typedef void pawl_event_fn(void *context, const struct pawl_event *event);

/* ---- opening ---- */

/* Start from PAWL_OPTIONS_INIT. NULL, and 0 for a number, is the default. Texts are copied. Each
 * option but the last five is a setting of pawl.conf, with the same values and limits. */
struct pawl_options {
    size_t size;              /* sizeof(struct pawl_options) of the caller's header */
    const char *url;          /* required: sqlite:PATH, postgres://..., a libpq connection string,
                                 env:NAME or file:PATH, which are read once, at pawl_open() */
    const char *migrations;   /* the folder with the migrations, or with their pawl.sum alone, which
                                 is enough for pawl_ready(): "migrations" */
    const char *naming;       /* timestamp, epoch, logto, flyway, sequence, folder: "timestamp" */
    const char *dialect;      /* auto, postgres, sqlite: "auto", the engine of the url */
    const char *ledger;       /* PostgreSQL: the ledger's schema; SQLite: the prefix of its tables:
                                 "pawl" */
    const char *schema;       /* search_path of migrations: left alone */
    const char *role;         /* SET ROLE before a migration: left alone */
    const char *app_role;     /* a deploy lets this role read what pawl_ready() reads: none */
    const char *out_of_order; /* refuse, apply: "refuse" */
    const char *missing;      /* refuse, allow: "refuse" */
    int64_t connect_timeout_ms; /* 1000 to 3600000: 10000. Also how long one look of pawl_ready()
                                   may take after connecting */
    int64_t lock_timeout_ms;    /* of one try to get a lock, 1 to 3600000: 400 */
    int64_t lock_budget_ms;     /* of all tries for one migration, to 7 days: 300000 */
    const char *release;     /* the version of the program, any text, recorded by a deploy: none */
    const char *to;          /* the last id that a plan or deploy goes to: all */
    int cancel_fd;           /* stops each call as soon as it is readable; never read, and stays
                                the caller's. 0 or less: none */
    pawl_event_fn *on_event; /* hears of a deploy's progress: nobody */
    void *context;           /* for on_event */
};

#define PAWL_OPTIONS_INIT                                                                          \
    {                                                                                              \
        sizeof(struct pawl_options), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,   \
            0, 0, 0, NULL, NULL, 0, NULL, NULL                                                     \
    }

struct pawl;

/*
 * Checks the options. Touches no database and does not block (url file:PATH: reads that file).
 * Relative paths start from the current folder, which each later call looks up anew.
 *
 * *ret is a handle also when this fails, so that pawl_last_error() can say why: close it in every
 * case. Each call on such a handle gives the same error. Only when memory is out *ret is NULL, with
 * which every function here can be called. A NULL ret is PAWL_USAGE.
 *
 * PAWL_OK, PAWL_USAGE, PAWL_FAILED (out of memory).
 */
PAWL_API enum pawl_code pawl_open(const struct pawl_options *options,
                                  struct pawl **ret) PAWL_MUST_CHECK;

/* Frees the handle and all that it handed out. NULL is fine. Does not block. */
PAWL_API void pawl_close(struct pawl *pawl);

/* ---- what the last call left ---- */

/*
 * Of the last call on this handle; code PAWL_OK and message "" after PAWL_OK. Never NULL: of a NULL
 * handle it is that memory is out. Valid until the next call on the handle or pawl_close(). Does
 * not block.
 */
PAWL_API const struct pawl_error *pawl_last_error(const struct pawl *pawl);

/*
 * What the last pawl_plan(), pawl_deploy() or pawl_status() found: *ret_count items, NULL and 0 for
 * none. After PAWL_REFUSED the reasons are those of severity PAWL_ERROR, if there are any. Valid
 * until the next call on the handle or pawl_close(). Does not block.
 */
PAWL_API const struct pawl_finding *const *pawl_findings(const struct pawl *pawl,
                                                         size_t *ret_count);

/*
 * All results below belong to the handle: valid until the next call on it or pawl_close(). A list
 * is not NULL where its count is not 0. Every ret may be NULL. A wait_ms of more than 7 days is 7
 * days.
 */

/* ---- may this code start? ---- */

struct pawl_ready_result {
    const char *reason; /* lower case, no full stop */
    const char *const *missing;
    size_t missing_count; /* ids that were never applied */
    const char *const *passed;
    size_t passed_count; /* ids of contract migrations that this code does not carry */
    const char *const *edited;
    size_t edited_count; /* ids applied with another content: worth a warning, never a refusal */
};

/*
 * Asks whether the code that carries these migrations may work on the target. Reads pawl.sum when
 * the folder has one, else the files, and makes one indexed lookup in the usual case. Never writes.
 *
 * Waits up to wait_ms milliseconds (0 or less: looks once) for a deploy that has to come first and
 * for a server that cannot be reached, looking about five times a second; a last look may take
 * twice connect_timeout_ms longer.
 *
 * PAWL_OK: it may. PAWL_NOT_READY, PAWL_NEVER_READY: it may not, the error's message is the reason
 * and its hint the next step. *ret is set for these three, NULL otherwise.
 * PAWL_UNREACHABLE, PAWL_USAGE, PAWL_CANCELLED, PAWL_FAILED (out of memory): not known.
 */
PAWL_API enum pawl_code pawl_ready(struct pawl *pawl, int64_t wait_ms,
                                   const struct pawl_ready_result **ret) PAWL_MUST_CHECK;

/* ---- what is applied, what is pending ---- */

struct pawl_status_result {
    int ledger;         /* 1: the target has a ledger; 0: nothing was ever deployed */
    int chain_whole;    /* 0: somebody changed the ledger by hand, broken says where */
    const char *broken; /* NULL when chain_whole */
    const char *head;   /* "SEQ:HASH" of the ledger's last row; NULL: no ledger */
    size_t applied;     /* applied migrations, whether in the set or not; without repeatables */
    size_t pending;     /* what a deploy would run, changed repeatables among it; what is held is
                           not */
    size_t missing;     /* applied and not in the set */
    size_t bad_names;   /* files that no deploy takes as they are called */
    const struct pawl_migration *const *migrations;
    size_t migration_count; /* the set in its order, then those that are not in it */
    size_t held;            /* contract migrations that the last deploy left for live releases */
};

/*
 * Reads the files and the whole ledger. Never writes. Blocks for connect_timeout_ms at most to
 * connect, and then for as long as the server takes to answer. A broken chain is told, not refused.
 *
 * PAWL_OK: *ret is set, NULL otherwise. PAWL_UNREACHABLE, PAWL_USAGE, PAWL_CANCELLED, PAWL_FAILED
 * (out of memory, or the server's error), PAWL_BUSY (SQLite: the file was locked for
 * connect_timeout_ms).
 */
PAWL_API enum pawl_code pawl_status(struct pawl *pawl,
                                    const struct pawl_status_result **ret) PAWL_MUST_CHECK;

/* ---- going forward ---- */

struct pawl_plan_result {
    const struct pawl_migration *const *pending;
    size_t pending_count; /* to run, in this order */
    const struct pawl_migration *const *renamed;
    size_t renamed_count; /* names to be recorded */
    int older_code;       /* 1: the target is ahead of this code, which has nothing to add */
    const char *head;     /* "SEQ:HASH" of the ledger's last row; NULL: no ledger */
    const struct pawl_migration *const *held;
    size_t held_count; /* contract migrations that wait for live releases, and would not run */
};

/*
 * What pawl_deploy() would do now, or why it would refuse. Never writes. Blocks as pawl_status().
 *
 * PAWL_OK. PAWL_REFUSED: pawl_findings() has the reasons. *ret is set for these two, NULL
 * otherwise. PAWL_CHAIN, PAWL_UNREACHABLE, PAWL_USAGE, PAWL_CANCELLED, PAWL_FAILED, PAWL_BUSY.
 */
PAWL_API enum pawl_code pawl_plan(struct pawl *pawl,
                                  const struct pawl_plan_result **ret) PAWL_MUST_CHECK;

struct pawl_deploy_result {
    const struct pawl_migration *const *applied;
    size_t applied_count; /* by this call, whatever it returned */
    const struct pawl_migration *const *pending;
    size_t pending_count; /* still to do, the one that failed first */
    size_t renamed;       /* names recorded by this call */
    int waited;           /* 1: another deploy was waited for */
    int older_code;       /* 1: the target is ahead of this code: nothing was changed */
    const char *head;     /* "SEQ:HASH" of the ledger's last row: keep it, `pawl status --expect`
                             compares; NULL: no ledger */
    const char *leftover; /* INVALID indexes and constraints that are not validated, one a line;
                             NULL: none */
    const struct pawl_migration *const *held;
    size_t held_count; /* contract migrations that wait for live releases: no failure, call again
                          when these are gone */
};

/*
 * Applies what is pending, each migration exactly once however many processes call this at the same
 * time: the others wait up to wait_ms milliseconds (0: not at all; less than 0: the default,
 * 600000) and find the work done. A migration and its row in the ledger are committed together.
 * What stopped part-way is resumed. With nothing to do it writes nothing. Unless pawl.conf says
 * preflight = off, a statement that would take others down or lose data is refused.
 *
 * Blocks for as long as the migrations take. Each waits for locks at most lock_budget_ms; a lost
 * connection is tried again, and its outcome looked up, for wait_ms.
 *
 * A contract migration that a live release does not carry is left and named in held: this is
 * PAWL_OK, and a later call runs it.
 *
 * PAWL_OK. PAWL_REFUSED: pawl_findings() has the reasons, and nothing was changed, unless the
 * reason came up between two migrations: then the error's state says so. PAWL_FAILED: a
 * statement failed and its migration was rolled back. PAWL_BUSY: locks, another deploy, or a
 * reservation (`pawl reserve`), which is waited for up to wait_ms too, but not by default.
 * PAWL_PARTIAL: part-way, call again. PAWL_CANCELLED: rolled back, or part-way as the error's state
 * says. PAWL_CHAIN, PAWL_UNREACHABLE, PAWL_USAGE. *ret says what stands in each of these cases; it
 * is NULL only when the deploy was never begun: options, files or the first connection.
 */
PAWL_API enum pawl_code pawl_deploy(struct pawl *pawl, int64_t wait_ms,
                                    const struct pawl_deploy_result **ret) PAWL_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
