/*
 * What the journal says is applied: a fold over its rows.
 */
#ifndef PAWL_LEDGER_STATE_H
#define PAWL_LEDGER_STATE_H

#include "history/migration.h"
#include "ledger/digest_set.h"
#include "ledger/reservation.h"

struct applied_names {
    const char **items; /* the oldest first; the last one is the current name */
    size_t count, capacity;
};

struct applied_checksums {
    const char **items; /* the one applied first, then accepted edits */
    size_t count, capacity;
};

struct applied {
    int64_t seq; /* of its applied or adopted row: its identity for ever */
    int64_t at_us;
    int64_t ms; /* how long it took; -1 when not known, as with what came with a squash */
    const char *version;
    struct applied_names names;
    struct applied_checksums checksums;
    enum migration_kind kind;
    enum migration_phase phase;
    bool background, adopted, empty;
    bool squash;                   /* what it replaces counts, and not itself */
    struct applied_names replaces; /* of a squash: the ids that it stands for */
    const char *attempt, *release; /* may be NULL */
};

/* A migration that has steps done but is not applied. */
struct partial {
    const char *id, *checksum;
    int64_t steps_done; /* steps 0 … steps_done-1 are committed */
    bool step_open;     /* step steps_done was begun outside a transaction; its end is not known */
    const char *open_detail; /* of that step_begin row */
};

/* One deploy, from its begin row. */
struct attempt {
    int64_t seq; /* of the begin row */
    int64_t at_us;
    const char *id; /* random, names the attempt in later rows */
    const char *user, *host, *release, *process_start;
    const char *set; /* the digest of the set that was deployed */
    int64_t pid, backend;
    bool pooled;
    enum ledger_event ended;    /* END, FAILED, STOPPED, ABANDONED; EVENT_BEGIN while open */
    int64_t ended_us, last_us;  /* when it ended, and when its last row came */
    const char *last_migration; /* of its last row that names one; NULL */
    const char *message;        /* of a failed row */
    const char *overrode;       /* what it went over: "reservation", "lint", both; NULL: nothing */
    int64_t overrides;          /* the reservation among that; 0: none */
    const char *reason;         /* why it did; NULL */
};

/* A release is one set of migrations. */
struct release {
    const char *name;
    const char *set;   /* the digest of what it needs in place before it runs */
    const char *whole; /* the digest of all that it carries; NULL: only a begin row names it */
    int64_t seq;       /* of the row that says so */
    int64_t at_us;
    /* Contract migrations: those that were not applied then and that it carries, and those that
     * were and that it does not. */
    struct applied_names ids;
    struct applied_checksums checksums;
    struct applied_names lacks;
};

/* The last row that retires the release. */
struct retired {
    const char *name;
    int64_t at_us;
};

/* A contract migration that was held once: it is not out of order when its time comes. */
struct held {
    const char *id, *checksum;
};

/* A contract migration that is about to run, and of which nobody said yet that it did or not. */
struct closing {
    const char *id, *checksum; /* NULL: none is */
    const char *attempt;
    int64_t seq;
};

/* Code that was started although a contract migration has passed it by. */
struct overridden_start {
    int64_t seq; /* 0: none was, or a deploy has ended well since */
    const char *release, *migration, *user, *host, *reason; /* release NULL: of none */
};

struct state {
    struct {
        struct applied *items;
        size_t count, capacity;
    } applied; /* versioned and repeatable, in journal order */
    struct {
        struct partial *items;
        size_t count, capacity;
    } partials;
    struct {
        struct attempt *items;
        size_t count, capacity;
    } attempts;
    struct {
        struct release *items; /* each name once */
        size_t count, capacity;
    } releases;
    struct {
        struct retired *items; /* each name once */
        size_t count, capacity;
    } retired;
    struct {
        struct held *items;
        size_t count, capacity;
    } held;
    struct closing closing;
    struct overridden_start overridden_start; /* the last one */
    struct {
        const char **items;
        size_t count, capacity;
    } declared_new; /* ids that repair declared to be no rename */
    struct reservations reservations;
    struct maintenance maintenance;
    /* Views of applied. */
    struct name_entry *by_name; /* every name, sorted bytewise */
    size_t name_count;
    const struct applied **by_version; /* versioned only, by version and current name */
    size_t versioned;
    struct digest_set digests; /* of what code needs in place before it runs */
    int64_t last_change;
};

struct name_entry {
    const char *name;
    const struct applied *applied;
};

bool state_build(struct arena *arena, const struct journal *journal, struct state *ret,
                 struct err *err) MUST_CHECK;

/* By any name that it ever had; NULL. Logarithmic. */
const struct applied *state_find(const struct state *state, const char *id);
const struct partial *state_partial(const struct state *state, const char *id);

/* NULL where no row names it. */
const struct release *state_release(const struct state *state, const char *name);
/* Whether the release is past this contract migration, which is not applied; a release whose set
 * nobody recorded is past none. */
bool release_carries(const struct release *release, const struct migration *migration);
bool release_has(const struct release *release, const char *id, const char *checksum);
/* The first contract migration that was applied, or begun, and that the release lacks; NULL.
 * since_us: of a release whose set nobody recorded, those after this count. */
const char *release_passed_by(const struct release *release, const struct journal *journal,
                              int64_t since_us);
/* When it was retired; 0: never. */
int64_t state_retired_us(const struct state *state, const char *name);
bool state_was_held(const struct state *state, const struct migration *migration);

/* The last attempt that has no end; NULL. */
const struct attempt *state_open_attempt(const struct state *state);

/* The last attempt that went over something, until a deploy after it ends well; NULL. */
const struct attempt *state_override(const struct state *state);

/* The digest of all that is applied, contract migrations and repeatables too, but for the
 * migrations of these names and what such a squash has replaced. False when memory is out. */
bool state_digest_without(struct arena *arena, const struct state *state, const char *const *ids,
                          size_t count, struct hash_hex *ret) MUST_CHECK;

const char *applied_name(const struct applied *applied); /* the current one */
/* As migration_in_digest(), by what the journal says of it. */
bool applied_in_digest(const struct applied *applied);
bool applied_has_checksum(const struct applied *applied, const char *checksum);

#endif
