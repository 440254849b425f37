/* Time: a monotonic clock for deadlines, the wall clock in UTC for records, and durations as people
 * type them. */
#ifndef PAWL_BASE_CLOCK_H
#define PAWL_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

/* Milliseconds of a clock that never jumps; only differences mean anything. */
int64_t clock_monotonic_ms(void);

/* Microseconds since 1970-01-01 00:00 UTC. */
int64_t clock_utc_us(void);

/* A civil date and time in UTC, proleptic Gregorian. */
struct civil {
    int year, month, day, hour, minute, second;
};

/* False when there is no such moment: month 13, 30 February, second 60. */
bool civil_valid(const struct civil *civil);
int64_t civil_to_epoch_s(const struct civil *civil);
struct civil civil_from_epoch_s(int64_t epoch_s);

enum { CLOCK_ISO_BYTES = 32 };

/* "2025-07-03T07:58:50.123456Z"; years 0 to 9999. */
void clock_format_us(int64_t utc_us, char ret[CLOCK_ISO_BYTES]);

/* The same to the second with a blank for the T: "2025-07-03 07:58:50Z". */
void clock_format_s(int64_t utc_us, char ret[CLOCK_ISO_BYTES]);

/* For the names of files: "20250703T075850Z". */
void clock_format_compact(int64_t utc_us, char ret[CLOCK_ISO_BYTES]);

/* Reads a moment that names its zone: "2025-07-03T07:58:50Z", "2025-07-03 09:58+02:00", with up to
 * six digits behind the second; T or a blank, +HH:MM, +HHMM or +HH. False for anything else, a
 * moment without a zone above all. */
bool clock_parse_iso_us(const char *text, int64_t *ret_utc_us) MUST_CHECK;

/* Reads "400ms", "5s", "10m", "24h", "7d" or "0"; a number without a unit is refused unless 0. */
bool clock_parse_duration_ms(const char *text, int64_t *ret_ms) MUST_CHECK;

/* The shortest form that clock_parse_duration_ms() reads back to the same value. */
void clock_format_duration_ms(int64_t ms, char ret[CLOCK_ISO_BYTES]);

/* The same for people: "850 ms", "12.3 s", "4 min 5 s", "3 h 20 min", "2 d 4 h". */
void clock_format_elapsed_ms(int64_t ms, char ret[CLOCK_ISO_BYTES]);

#endif
