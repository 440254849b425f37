/*
 * The lines of pawl.sum as they stand in the file. For sum.c and squash.c.
 */
#ifndef PAWL_HISTORY_SUM_LINES_H
#define PAWL_HISTORY_SUM_LINES_H

#include "history/set.h"

enum {
    SUM_MAX_BYTES = 64 << 20,
    SUM_MARK_AT = HASH_HEX_LEN + 1, /* in a line */
};

struct sum_first {
    enum dialect dialect;
    struct hash_hex digest;
};

/* One line below the first, without its line end. */
struct sum_line {
    struct hash_hex checksum;
    bool squashed; /* squashed away: the mark starts with "s" */
    char mark;     /* e, c, b, r or q; of a line that was squashed away, what it was before */
    int id_column;
    const char *id;
    int number;
};

struct sum_lines {
    struct sum_line *items;
    size_t count, capacity;
};

/* Where reading stopped, and why; what is NULL while all is well, and when memory was out. */
struct sum_fault {
    int line, column;
    const char *what;
};

/* The words before the dialect's name in the first line. */
extern const char sum_format_words[];

/* Always false. */
bool sum_fail(struct sum_fault *fault, int line, size_t column, const char *what);

/* Takes a line off the front; a CR before its end goes too. False when no line end follows. */
bool sum_take_line(struct span *rest, struct span *ret);
bool sum_parse_first(struct span line, struct sum_first *ret, struct sum_fault *fault);

/* The whole text. */
bool sum_parse(struct arena *arena, struct span text, struct sum_first *ret_first,
               struct sum_lines *ret_lines, struct sum_fault *fault);

/* NULL when memory is out. */
const struct sum_line **sum_sorted_by_id(struct arena *arena, const struct sum_lines *lines);

/* The fault as an error; always false. */
bool sum_refuse(const char *path, const struct sum_fault *fault, struct err *err);

/* Reads the file, and refuses an id that stands there twice and a repeatable below another line,
 * where sum_read_head() does not look for it. Errors: ERR_USAGE with line and column. */
bool sum_read_lines(struct arena *arena, const char *path, struct sum_first *ret_first,
                    struct sum_lines *ret_lines, struct err *err) MUST_CHECK;

/* The migration that a line stands for, without a text; false when memory is out. */
bool sum_line_migration(struct arena *arena, const struct sum_line *line, struct migration *ret);

#endif
