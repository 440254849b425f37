/*
 * Migration file names: six schemes, each with a strict grammar (docs/naming.md).
 *
 * An id is the file's name less `.sql` and `.up` (scheme folder: the folder's name). A version is
 * the ordering part of it: numbers compared one by one, of any number of digits.
 */
#ifndef PAWL_HISTORY_NAME_H
#define PAWL_HISTORY_NAME_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/finding.h"
#include "base/str.h"

enum naming {
    NAMING_TIMESTAMP, /* 20250703075850_slug.sql: 14 digits, a UTC date and time */
    NAMING_EPOCH,     /* 1751529530_slug.sql: seconds */
    NAMING_LOGTO,     /* 1.30.0-1751529530-slug.sql, next-1751529530-slug.sql; a decimal fraction of
                         the seconds is allowed */
    NAMING_FLYWAY,    /* V1_2__slug.sql, V1.2__slug.sql, R__slug.sql, U1_2__slug.sql */
    NAMING_SEQUENCE,  /* 000042_slug.up.sql, 42_slug.sql */
    NAMING_FOLDER,    /* 20250703075850_slug/up.sql or migration.sql; also 2025-07-03-075850_slug */
};

bool naming_parse(const char *name, enum naming *ret);
const char *naming_name(enum naming naming);
/* "20250703075850_add_users.sql" */
const char *naming_example(enum naming naming);

/* What a name in the migrations folder turned out to be. */
enum name_role {
    NAME_MIGRATION,
    NAME_REPEATABLE, /* flyway's R__ */
    NAME_DOWN,       /* .down.sql, U…__: recognised and never run */
    NAME_OTHER,      /* not a migration by its ending: README.md, pawl.sum, .gitkeep */
    NAME_BAD,        /* meant to be a migration, but breaks the grammar: a finding was added */
};

struct name {
    enum name_role role;
    const char *id;      /* in the arena */
    const char *version; /* as written, the ordering part; "" for a repeatable */
    const char *slug;
};

/*
 * Reads one directory entry (is_folder: it is a folder). A name that breaks the grammar or the
 * calendar gets one finding with rule "name-grammar", "name-precision", "name-date",
 * "name-characters" or "name-length" whose fix holds the name that was probably meant. path is for
 * the finding. For NAME_BAD the id and, where there are leading digits, the version are still
 * filled: an applied name, however odd, must be known.
 */
bool name_read(struct arena *arena, enum naming naming, const char *entry, bool is_folder,
               const char *path, struct name *ret, struct findings *findings,
               struct err *err) MUST_CHECK;

/*
 * The file that holds the SQL, relative to the migrations folder: the entry itself, and in scheme
 * folder "x/up.sql" or else "x/migration.sql", NULL when the folder has neither.
 */
bool name_sql_file(struct arena *arena, enum naming naming, const char *folder, const char *entry,
                   const char **ret, struct err *err) MUST_CHECK;

/* True when the entry is a right name of the scheme and typical for it: for guessing which scheme a
 * folder is written in. */
bool name_fits(enum naming naming, const char *entry);

/* The version in an id whose scheme is not known (from pawl.sum), "" for a repeatable; NULL when
 * memory is out. */
const char *name_id_version(struct arena *arena, const char *id) MUST_CHECK;

/*
 * <0, 0, >0 by the numbers in the versions ("9" < "10", "1_9" < "1_10", "5" < "5.1", "1" equals
 * "1.0"); equal versions order by id, bytewise. Hyphens join the digits of a date
 * ("2019-02-26-002946" equals "20190226002946"), and of versions that are zeros only the one with
 * more than 14 is the later one: both as diesel has it.
 */
int version_compare(const char *a, const char *b);
int name_compare(const char *version_a, const char *id_a, const char *version_b, const char *id_b);

/* The moment that a version stands for in seconds since 1970 UTC; false for schemes without one and
 * for a version of another precision. */
bool version_epoch_s(enum naming naming, const char *version, int64_t *ret);

/*
 * The file (or folder) name that `pawl new` gives: words are made a slug (ASCII letters, digits and
 * single underscores, letters made small; for logto hyphens). newest is the highest version of the
 * set or NULL; the result sorts after it: the clock's version, or the next one up. NULL with err
 * for a slug that is empty or longer than 100 bytes.
 */
char *name_make(struct arena *arena, enum naming naming, const char *words, const char *newest,
                int64_t now_epoch_s, struct err *err) MUST_CHECK;

/* The same file name with another version, for `renumber`: the next after newest, as in
 * name_make(). Works on refused names too as long as they have digits where the version belongs. */
char *name_with_version(struct arena *arena, enum naming naming, const char *entry,
                        const char *newest, int64_t now_epoch_s, struct err *err) MUST_CHECK;

/* The same file name with other words, for a squash, which stands where this one stood. Words as in
 * name_make(). */
char *name_with_words(struct arena *arena, enum naming naming, const char *entry, const char *words,
                      struct err *err) MUST_CHECK;

#endif
