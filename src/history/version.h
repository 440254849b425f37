/* Versions as moments: what a row of digits was probably meant to say. For name.c and
 * name_new.c. */
#ifndef PAWL_HISTORY_VERSION_H
#define PAWL_HISTORY_VERSION_H

#include "base/clock.h"
#include "history/name.h"

enum { DATE_DIGITS = 14, EPOCH_DIGITS = 10 };

/* A version has 14 digits in the longest written date and time; bytes with hyphens and the NUL. */
enum { VERSION_BYTES = 32 };

/* The first 14 digits of a version, hyphens left out: false when there are fewer, or when another
 * character stands between them. Not checked against the calendar. */
bool version_civil(const char *version, struct civil *ret);

/*
 * What moment the digits may stand for, whatever the scheme: a date with or without its time, or
 * seconds, milliseconds, microseconds or nanoseconds since 1970. *ret_unit says which, for a
 * message. False when nothing plausible fits.
 */
bool version_moment(const char *digits, size_t len, int64_t *ret_epoch_s, const char **ret_unit);

/* Turns 14 digits that are no date into the one that was probably meant: day and month the wrong
 * way round, or a clock counted on past its end (the 60th second is the next minute's first). False
 * when neither fits. */
bool version_meant_date(char digits[DATE_DIGITS]);

/* Writes the moment as the scheme writes it: timestamp, folder, epoch, logto. False when the scheme
 * has no moments or the year is out of range. */
bool version_format(enum naming naming, int64_t epoch_s, char ret[VERSION_BYTES]);

/* The version of a new migration that comes after newest (NULL: there is none). */
char *version_next(struct arena *arena, enum naming naming, const char *newest, int64_t now_epoch_s,
                   struct err *err) MUST_CHECK;

#endif
