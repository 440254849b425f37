/*
 * Reservations and maintenance: what people have said about a target, folded from the journal's
 * rows. A reservation holds deploys up until it expires by the server's clock, or is ended;
 * maintenance only shows.
 */
#ifndef PAWL_LEDGER_RESERVATION_H
#define PAWL_LEDGER_RESERVATION_H

#include <jansson.h>

#include "base/arena.h"
#include "ledger/journal.h"

struct reservation {
    int64_t seq; /* of its row, and its id */
    int64_t at_us, until_us;
    const char *user, *host, *reason; /* may be NULL in a row that no pawl wrote */
    bool ended;                       /* before its time */
};

struct reservations {
    struct reservation *items; /* in the journal's order */
    size_t count, capacity;
};

struct maintenance {
    bool on;
    int64_t since_us;
    const char *user, *host, *reason; /* of the last row; may be NULL */
};

enum {
    RESERVATION_MAX_DAYS = 30,
    RESERVATION_REASON_BYTES = 1000,
};

/* Rows reserved and reservation_ended. An end that cannot be read is as late as any may be. False
 * when memory is out. */
bool reservations_fold(struct arena *arena, struct reservations *reservations,
                       const struct journal_row *row, const json_t *detail) MUST_CHECK;
/* Rows maintenance_on and maintenance_off: the last one counts. */
bool maintenance_fold(struct arena *arena, struct maintenance *maintenance,
                      const struct journal_row *row, const json_t *detail) MUST_CHECK;

/* By its id; NULL. */
const struct reservation *reservations_find(const struct reservations *reservations, int64_t seq);

bool reservation_in_force(const struct reservation *reservation, int64_t now_us);

/* The one in force that ends last, of those whose row is before that seq; NULL when none is.
 * now_us: by the server's clock. */
const struct reservation *reservations_last(const struct reservations *reservations, int64_t now_us,
                                            int64_t before_seq);

/* "until 2025-07-03 12:00:00Z by alice on db1: REASON", for people, printable; NULL when memory is
 * out. */
const char *reservation_text(struct arena *arena, const struct reservation *reservation);

#endif
