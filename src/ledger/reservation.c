/* The fold, and a reservation in words. */
#include "ledger/reservation.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"

/* *ret is a copy, or NULL where there is no such text. */
static bool member(struct arena *arena, const json_t *detail, const char *name, const char **ret)
{
    const char *const text = json_string_value(json_object_get(detail, name));
    *ret = text != NULL ? arena_strdup(arena, text) : NULL;
    return text == NULL || *ret != NULL;
}

static bool fold_reserved(struct arena *arena, struct reservations *reservations,
                          const struct journal_row *row, const json_t *detail)
{
    const char *const until = json_string_value(json_object_get(detail, "until"));
    struct reservation reservation = {.seq = row->seq, .at_us = row->at_us};
    /* In doubt it holds: what cannot be read must not let a deploy pass. */
    if (until == NULL || !clock_parse_iso_us(until, &reservation.until_us))
        reservation.until_us = row->at_us + RESERVATION_MAX_DAYS * 86400LL * 1000000;
    struct reservation *const item = arena_push(arena, reservations);
    if (item == NULL || !member(arena, detail, "user", &reservation.user) ||
        !member(arena, detail, "host", &reservation.host) ||
        !member(arena, detail, "reason", &reservation.reason))
        return false;
    *item = reservation;
    return true;
}

bool reservations_fold(struct arena *arena, struct reservations *reservations,
                       const struct journal_row *row, const json_t *detail)
{
    if (row->event == EVENT_RESERVED)
        return fold_reserved(arena, reservations, row, detail);
    const json_t *const id = json_object_get(detail, "reservation");
    for (size_t i = 0; json_is_integer(id) && i < reservations->count; i++)
        if (reservations->items[i].seq == json_integer_value(id))
            reservations->items[i].ended = true;
    return true;
}

bool maintenance_fold(struct arena *arena, struct maintenance *maintenance,
                      const struct journal_row *row, const json_t *detail)
{
    maintenance->on = row->event == EVENT_MAINTENANCE_ON;
    maintenance->since_us = row->at_us;
    return member(arena, detail, "user", &maintenance->user) &&
           member(arena, detail, "host", &maintenance->host) &&
           member(arena, detail, "reason", &maintenance->reason);
}

const struct reservation *reservations_find(const struct reservations *reservations, int64_t seq)
{
    for (size_t i = 0; i < reservations->count; i++)
        if (reservations->items[i].seq == seq)
            return &reservations->items[i];
    return NULL;
}

bool reservation_in_force(const struct reservation *reservation, int64_t now_us)
{
    return !reservation->ended && reservation->until_us > now_us;
}

const struct reservation *reservations_last(const struct reservations *reservations, int64_t now_us,
                                            int64_t before_seq)
{
    const struct reservation *last = NULL;
    for (size_t i = 0; i < reservations->count; i++) {
        const struct reservation *const item = &reservations->items[i];
        if (item->seq < before_seq && reservation_in_force(item, now_us) &&
            (last == NULL || item->until_us > last->until_us))
            last = item;
    }
    return last;
}

static const char *shown(struct arena *arena, const char *text)
{
    return text != NULL ? fs_printable(arena, text) : "?";
}

const char *reservation_text(struct arena *arena, const struct reservation *reservation)
{
    char until[CLOCK_ISO_BYTES];
    const char *const user = shown(arena, reservation->user);
    const char *const host = shown(arena, reservation->host);
    const char *const reason = shown(arena, reservation->reason);
    clock_format_s(reservation->until_us, until);
    return user != NULL && host != NULL && reason != NULL
               ? arena_printf(arena, "until %s by %s on %s: %s", until, user, host, reason)
               : NULL;
}
