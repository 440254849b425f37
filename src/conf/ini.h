/*
 * The grammar of pawl.conf, read strictly: every line is blank, a comment (its first character that
 * is not white space is # or ;), a [section], or `key = value`.
 *
 * A value is everything after the = less white space at both ends: no quoting, no comment behind
 * it, no continuation line. The same section or key twice is refused. CRLF and a BOM are tolerated.
 */
#ifndef PAWL_CONF_INI_H
#define PAWL_CONF_INI_H

#include "base/arena.h"
#include "base/err.h"

enum { INI_MAX_BYTES = 1 << 20 };

struct ini_entry {
    const char *section, *key, *value;
    int section_line;
    int line, key_column, value_column;
};

struct ini_section {
    const char *name;
    int line, column; /* of the name */
};

struct ini {
    struct {
        struct ini_section *items;
        size_t count, capacity;
    } sections;
    struct {
        struct ini_entry *items;
        size_t count, capacity;
    } entries; /* in the file's order */
};

/* Reads text; path is for messages. Everything returned is in the arena. Errors: ERR_USAGE with
 * file, line and column (in characters). */
bool ini_parse(struct arena *arena, const char *path, const char *text, size_t len, struct ini *ret,
               struct err *err) MUST_CHECK;

#endif
