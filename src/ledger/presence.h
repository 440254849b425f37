/*
 * Who lives on a target: instances that said hello, sessions whose name tells a release, what may
 * be started again, and sessions of which nobody knows what they are.
 *
 * An instance lives from its hello until its bye, its release's retirement, or a lapsed ttl by the
 * server's clock. It explains the sessions of its user, application_name and address, and no
 * others: behind one address may be instances of any release. SQLite has no sessions to look at.
 */
#ifndef PAWL_LEDGER_PRESENCE_H
#define PAWL_LEDGER_PRESENCE_H

#include "ledger/ledger.h"
#include "ledger/state.h"

/* What names of presence_application() begin with. */
#define PRESENCE_APPLICATION "pawl run "

enum presence_how {
    PRESENCE_REGISTERED, /* an instance said hello */
    PRESENCE_SIGHTED,    /* a session's application_name says so */
    PRESENCE_SOAK,       /* it is the one before the newest, and was seen not long ago */
    PRESENCE_UNKNOWN,    /* sessions that nothing explains */
};

const char *presence_how_name(enum presence_how how);

struct live_release {
    const char *name;             /* NULL: PRESENCE_UNKNOWN */
    const struct release *record; /* NULL: nobody recorded its set */
    enum presence_how how;
    size_t instances, sessions;
    int64_t seen_us, until_us; /* until_us: PRESENCE_SOAK */
    const char *example;       /* of an instance, or of up to three kinds of sessions: who, where */
    const char *others; /* PRESENCE_UNKNOWN: a value of [releases] others that explains these */
};

/* One that said hello, and lives. */
struct live_instance {
    const char *release, *instance, *user, *host, *application;
    int64_t registered_us, seen_us, ttl_ms;
};

struct presence_options {
    const char *application_name; /* a pattern; what it captures is a release. NULL: none */
    const char *others;           /* a pattern for application_name or user: to be ignored. NULL */
    int64_t soak_ms;
    int64_t settle_ms;
    int64_t own_backend; /* another session of this process: none of an application's; 0 */
};

struct presence {
    bool table; /* this ledger knows of instances */
    int64_t now_us;
    struct {
        struct live_release *items;
        size_t count, capacity;
    } releases;
    struct {
        struct live_instance *items;
        size_t count, capacity;
    } instances;
};

/* Reads who lives; newest: the release before which the last one soaks, NULL: none of those
 * recorded. Waits for nobody. ERR_USAGE for a pattern that is none. */
bool presence_read(struct ledger *ledger, struct arena *arena, const struct state *state,
                   const struct presence_options *options, const char *newest, struct presence *ret,
                   struct err *err) MUST_CHECK;

/* The release that was recorded last; NULL: none was. */
const char *presence_newest(const struct state *state);

/* "release "1.24" (3 instances, last seen 2025-07-03 12:00:00Z)", printable; NULL when memory is
 * out. */
const char *live_release_text(struct arena *arena, const struct live_release *live);

/* What to do about sessions of no known release, as a sentence without capital and full stop;
 * printable. NULL when memory is out. */
const char *live_release_advice(struct arena *arena, const struct live_release *live);

/* Makes the table and the functions where the ledger has none; for its owner. */
bool presence_make(struct ledger *ledger, struct arena *arena, struct err *err) MUST_CHECK;

/* What an instance that starts, or goes on, is told. */
enum hello_answer { HELLO_OK, HELLO_WAIT, HELLO_BLOCKED };

struct hello {
    enum hello_answer answer;
    const char *migration; /* that it has to wait for, or was passed by; NULL: HELLO_OK */
};

/* The name that sessions of a release have which no other name was given: for libpq's PGAPPNAME,
 * plain ASCII and short enough for the server to keep. NULL when memory is out. */
const char *presence_application(struct arena *arena, const char *release);

struct presence_instance {
    const char *release, *instance;
    const char *application; /* application_name of its sessions; SQLite has none */
    int64_t ttl_ms;
};

/* Registers or renews. Makes what a ledger of an older build lacks, where this role may. */
bool presence_hello(struct ledger *ledger, struct arena *arena,
                    const struct presence_instance *instance, struct hello *ret,
                    struct err *err) MUST_CHECK;
bool presence_bye(struct ledger *ledger, struct arena *arena, const char *release,
                  const char *instance, struct err *err) MUST_CHECK;

/* Of the advisory lock that hello() holds shared, as a parameter; NULL when memory is out. */
const char *presence_lock_key(struct arena *arena, const struct ledger *ledger);

/* Appends the row in a transaction that no hello is in the middle of. ERR_BUSY where one stays in
 * the way for longer than a second. */
bool presence_close(struct ledger *ledger, struct arena *arena, const struct entry *entry,
                    int64_t expected_change, struct receipt *ret, struct err *err) MUST_CHECK;

#endif
