/*
 * One target's ledger on one connection: reading and appending, on either engine.
 *
 * PostgreSQL: the schema named by the target (default "pawl") with tables journal, head and text,
 * the function append() and the view migration. SQLite: the same with the name as a prefix
 * (pawl_journal …), and the appending done here. Reading never writes and needs no more than what
 * app_role may read; writing belongs to the deploy role.
 */
#ifndef PAWL_LEDGER_LEDGER_H
#define PAWL_LEDGER_LEDGER_H

#include "db/pg.h"
#include "db/sessions.h"
#include "db/sqlite.h"
#include "ledger/journal.h"

struct ledger {
    const char *name;    /* "pawl" */
    const char *display; /* the target's URL without its password */
    struct pg *pg;       /* one of these two is not NULL */
    struct sqlite *sqlite;
    bool plans;          /* after ledger_prepare_plan() */
    bool direct;         /* PostgreSQL: no pooler between; SQLite: true */
    bool standby;        /* what the primary alone knows is not known here */
    bool read_only;      /* for this role */
    int64_t now_epoch_s; /* by the server, as of ledger_prepare_plan(); 0: not asked */
    bool exists;         /* as of the last ledger_read() or ledger_create() */
};

struct ledger_options {
    const char *name;
    const char *location, *display;
    bool sqlite; /* which engine location is of */
    bool write;  /* SQLite: open for writing, creating the file */
    int64_t connect_timeout_ms;
};

/* Connects. The ledger need not exist; a SQLite file that is not there reads as an empty database.
 * Errors: ERR_UNREACHABLE, ERR_USAGE (a bad ledger name). */
bool ledger_open(struct arena *arena, const struct ledger_options *options, const struct wait *wait,
                 struct ledger *ret, struct err *err) MUST_CHECK;
void ledger_close(struct ledger *ledger);

/* For those who plan, and may only read: asks the server what it is, and sets direct, standby,
 * read_only and now_epoch_s. From then on a format that this pawl does not know is refused. */
bool ledger_prepare_plan(struct ledger *ledger, struct arena *arena, struct err *err) MUST_CHECK;

/* ERR_REFUSED for what ledger_prepare_plan() has found to be a standby, or read-only. */
bool ledger_check_writable(const struct ledger *ledger, struct err *err) MUST_CHECK;

/* Both. */
bool ledger_prepare_writer(struct ledger *ledger, struct arena *arena, struct err *err) MUST_CHECK;

/* The whole journal and the head; an empty journal and exists=false where there is no ledger. */
bool ledger_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                 struct err *err) MUST_CHECK;

/* The kept text of the migration with this checksum, passwords blanked; *ret is NULL when there is
 * none. For the ledger's owner, where there is a ledger. */
bool ledger_text(struct ledger *ledger, struct arena *arena, const char *checksum, const char **ret,
                 struct err *err) MUST_CHECK;

/* True when the database holds user objects that belong to no ledger; *ret_example names one. */
bool ledger_foreign_objects(struct ledger *ledger, struct arena *arena, const char *schema,
                            const char **ret_example, struct err *err) MUST_CHECK;

/* Lets the role read what a start-up check reads; done already is success. PostgreSQL only. */
bool ledger_grant(struct ledger *ledger, struct arena *arena, const char *app_role,
                  struct err *err) MUST_CHECK;

/* Lets the role say hello and bye, and makes these where the ledger has none; as above. */
bool ledger_grant_presence(struct ledger *ledger, struct arena *arena, const char *app_role,
                           struct err *err) MUST_CHECK;

/* Lets the role reserve in SQL, and makes the functions for it where the ledger has none; done
 * already is success. PostgreSQL only; for the ledger's owner. */
bool ledger_grant_reserve(struct ledger *ledger, struct arena *arena, const char *reserve_role,
                          struct err *err) MUST_CHECK;

/* What a writer hands in; seq, at and the hashes are the ledger's. Members may be NULL but event
 * and detail. */
struct entry {
    enum ledger_event event;
    const char *migration, *checksum, *kind, *phase, *detail, *digest;
    const char *text; /* kept by checksum; NULL: none */
};

/* Creates the ledger with its first row, and the entries after it, in one transaction. Another pawl
 * having created it meanwhile is success when there are no entries, else ERR_REFUSED. Reads
 * nothing: call ledger_read() after. */
bool ledger_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                   size_t count, struct err *err) MUST_CHECK;

/* "seq:hash" of the row written. */
struct receipt {
    const char *text;
};

/* Appends in a transaction of its own. expected_change: the last set-changing seq that the caller's
 * plan was made from (journal_last_change()); another one is ERR_BUSY with SQLSTATE PW002, a mutex
 * that someone else holds ERR_BUSY with PW001; -1 checks neither. */
bool ledger_append(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                   int64_t expected_change, struct receipt *ret, struct err *err) MUST_CHECK;

/* A statement on the ledger's own tables, beside its rows. */
struct ledger_write {
    const char *sql;
    const char *params[12];
    size_t count;
    bool one_row; /* it hits exactly one row, or its transaction fails with LEDGER_NOT_ONE_ROW */
};

/* The SQLSTATE of that. */
#define LEDGER_NOT_ONE_ROW "22012"

/* ledger_append() with these in front of the row, in the same transaction. */
bool ledger_append_with(struct ledger *ledger, struct arena *arena,
                        const struct ledger_write *writes, size_t write_count,
                        const struct entry *entry, int64_t expected_change, struct receipt *ret,
                        struct err *err) MUST_CHECK;

/* One of them inside an open transaction: PostgreSQL: queues it, SQLite: runs it. */
bool ledger_write(struct ledger *ledger, struct arena *arena, const struct ledger_write *write,
                  struct err *err) MUST_CHECK;

/* --- for deploys on PostgreSQL: pieces of a pipeline --- */

/* Settings of one transaction; NULL or -1 leaves one alone. */
struct limits {
    int64_t lock_timeout_ms;
    int64_t statement_timeout_ms; /* of one statement, and of the pause between two; 0: leave it */
    const char *search_path;
    const char *role;
    const char *isolation; /* NULL: READ COMMITTED. At a higher level the look at the applied set
                              may be outdated; then append() fails with 40001, as head moved */
};

/* Before many migrations: has the server keep the statements of the two below parsed, on a direct
 * connection. What else the session had prepared is gone after it. */
bool ledger_pg_keep(struct ledger *ledger, struct arena *arena, const struct limits *limits,
                    struct err *err) MUST_CHECK;

/* Queues BEGIN, the limits, and the mutex with the look at the applied set. */
bool ledger_pg_enter(struct ledger *ledger, struct arena *arena, const struct limits *limits,
                     int64_t expected_change, struct err *err) MUST_CHECK;

/* Queues the return to our own role, append() and COMMIT, and the reset of the session. The
 * receipt is the answer before the last three. */
bool ledger_pg_leave(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                     size_t count, struct err *err) MUST_CHECK;

/* How many statements ledger_pg_enter() and, after the receipts, ledger_pg_leave() queue. */
size_t ledger_pg_enter_count(const struct limits *limits);

/* --- for deploys on SQLite: inside an open transaction --- */
bool ledger_sqlite_append(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                          struct receipt *ret, struct err *err) MUST_CHECK;
/* ERR_BUSY with PW002 when the applied set is not the expected one. */
bool ledger_sqlite_expect(struct ledger *ledger, struct arena *arena, int64_t expected_change,
                          struct err *err) MUST_CHECK;

/* --- the mutex: a session advisory lock, on PostgreSQL; for a deploy on a direct connection --- */

/* The published key: the first eight bytes, big-endian, of SHA-256("pawl:" name). */
long long ledger_mutex_key(const char *name);

/* Tries once. */
bool ledger_mutex_try(struct ledger *ledger, struct arena *arena, bool *ret_taken,
                      struct err *err) MUST_CHECK;
/* Who has it, behind a pooler too: there for the time of a transaction. *ret_found is false when
 * nobody has. */
bool ledger_mutex_holder(struct ledger *ledger, struct arena *arena, bool *ret_found,
                         struct pg_session *ret, struct err *err) MUST_CHECK;
bool ledger_mutex_held(struct ledger *ledger, struct arena *arena, bool *ret_held,
                       struct err *err) MUST_CHECK;
bool ledger_mutex_release(struct ledger *ledger, struct err *err) MUST_CHECK;

#endif
