/*
 * The journal's rows and the hash chain over them (docs/ledger.md, with test vectors).
 *
 * A row's hash is SHA-256 over "pawl-journal 1\n" and then prev_hash, seq, at, event, migration,
 * checksum, kind, phase, detail and digest, each written as its length in bytes, ":", its UTF-8
 * bytes and "\n"; NULL is "-\n". seq is decimal, at is decimal microseconds since 1970 UTC. This
 * form never changes.
 */
#ifndef PAWL_LEDGER_JOURNAL_H
#define PAWL_LEDGER_JOURNAL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "ledger/event.h"

/* The format that this pawl writes, in the first row's detail. */
enum { LEDGER_FORMAT = 1 };

#define JOURNAL_FIRST_PREV_HASH "0000000000000000000000000000000000000000000000000000000000000000"

struct journal_row {
    int64_t seq;
    int64_t at_us; /* by the server's clock, UTC */
    const char *event_name;
    enum ledger_event event;
    const char *migration, *checksum, *kind, *phase; /* may be NULL */
    const char *detail;                              /* JSON, as stored; never NULL */
    const char *digest;                              /* of the applied set after the event */
    const char *prev_hash, *hash;
};

struct journal_head {
    int64_t seq;
    const char *hash;
};

struct journal {
    struct journal_row *items;
    size_t count, capacity;
    struct journal_head head;
    int64_t now_us; /* by the server's clock, when it was read; 0 where there is no ledger */
};

/* False when memory is out. */
bool journal_hash(const struct journal_row *row, struct hash_hex *ret) MUST_CHECK;

enum { JOURNAL_FACT_BYTES = 80 };

struct journal_break {
    int64_t seq; /* the first row that is missing, changed, or not the one its successor names */
    const char *what; /* a sentence, static */
    const char
        *field; /* the one that does not fit, static: "hash", "the next row's prev_hash" ... */
    char found[JOURNAL_FACT_BYTES], wanted[JOURNAL_FACT_BYTES]; /* what it says, and should say */
};

/*
 * Verifies the chain and the head. True when whole, or when each break was accepted by a later
 * break_accepted row; then ret_break is not touched. accepted breaks are found by detail.seq.
 */
bool journal_verify(const struct journal *journal, struct journal_break *ret_break,
                    struct err *err) MUST_CHECK;

/* True when a later row says that the break at this seq was looked into. */
bool journal_accepted(const struct journal *journal, int64_t seq);

/* The format from the first row's detail; 0 when it has none. */
int journal_format(const struct journal *journal);

/* The seq of the last row that changes the applied set; 0 when there is none. */
int64_t journal_last_change(const struct journal *journal);

#endif
