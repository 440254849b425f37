/* A migration's name taken apart. For name.c, name_check.c and name_new.c. */
#ifndef PAWL_HISTORY_NAME_PARTS_H
#define PAWL_HISTORY_NAME_PARTS_H

#include "base/str.h"
#include "history/name.h"

enum { NAME_MAX_BYTES = 200, SLUG_MAX_BYTES = 100 };

/* What a scheme is made of. */
struct scheme {
    const char *name, *example;
    const char *separator; /* between version and slug */
    bool folder;           /* a folder that holds the file */
    bool up;               /* may end in .up.sql */
    bool moment;           /* the version is a date or a clock's reading */
};

const struct scheme *scheme_of(enum naming naming);

/* prefix version separator slug ending; views of the entry. */
struct parts {
    struct span prefix;    /* "V", "next-"; mostly empty */
    struct span version;   /* as far as it looks like one; may be empty */
    struct span separator; /* the hyphens and underscores that are there, right or not */
    struct span slug;
    struct span ending; /* ".sql", ".up.sql", ".down.sql"; empty for a folder */
};

/* Never fails: what is not there is empty. */
struct parts name_split(enum naming naming, const char *entry, size_t len);

/* What is wrong with a name; rule is NULL when nothing is. */
struct problem {
    const char *rule; /* static */
    char what[200];   /* ASCII: never bytes of the name that may not be printed */
};

struct problem problem_say(const char *rule, const char *format, ...) PRINTF_LIKE(2, 3);

/* The whole grammar, calendar included. */
struct problem name_check(enum naming naming, const char *entry, struct parts *ret_parts);

/* The version alone: its precision and the calendar. */
struct problem name_check_version(enum naming naming, struct span version);

/* Flyway's R__. */
bool name_is_repeatable(enum naming naming, const struct parts *parts);

/* The version's digits, what joins them left out; how many there are. */
size_t version_digits(struct span version, char *ret, size_t capacity);

/* Without the blanks and control characters at its end: a name that ends in such was still meant to
 * be what stands before them. */
size_t name_len(const char *entry);

bool name_ends_with(const char *text, size_t len, const char *ending); /* in any ASCII case */
bool name_character(char c);

#endif
