/*
 * What a PostgreSQL server has logged: csvlog, jsonlog and the text of stderr, told apart line by
 * line, read as a stream in a buffer of fixed size.
 *
 * A log is what happened to be written: it may begin or end in the middle of a record, and hold
 * bytes that are none. What cannot be read is counted and passed over, and reading goes on with the
 * next line that looks like the start of a record.
 */
#ifndef PAWL_CHECK_SERVER_LOG_H
#define PAWL_CHECK_SERVER_LOG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A longer record is not read. */
enum { SERVER_LOG_MAX_RECORD_BYTES = 4 << 20 };

/* log_line_prefix, taken apart. */
struct server_log_prefix {
    struct server_log_part {
        char escape;      /* 'u' of %u; 'q' for %q; '\0': text alone */
        const char *text; /* what follows it as it stands */
    } * items;
    size_t count, capacity;
};

/* Errors: ERR_USAGE for a format in which nobody can say where a value ends (%u%d), or that the
 * server does not know. */
bool server_log_prefix_read(struct arena *arena, const char *format, struct server_log_prefix *ret,
                            struct err *err) MUST_CHECK;

/* A record of the level LOG. The spans live until the next one. */
struct server_log_entry {
    bool says_who; /* what follows is known; text without a prefix does not say */
    struct span user, database, application;
    struct span message;
};

/* What the prefix of a line of the level LOG says, and how long both are; false: the line has
 * another one. */
bool server_log_prefix_match(const struct server_log_prefix *prefix, struct span line,
                             struct server_log_entry *ret, size_t *ret_len);

/* The SQL in a message of log_statement or log_min_duration_statement: behind "statement: ",
 * "execute NAME: ", "duration: … ms  parse NAME: ". False: there is none. */
bool server_log_statement(struct span message, struct span *ret);

struct server_log_counts {
    size_t lines, unread;
};

typedef bool server_log_fn(void *context, const struct server_log_entry *entry, struct err *err);

/* Reads on to the end, and adds to the counts. prefix: NULL where it is not known. Errors:
 * ERR_USAGE where the file cannot be read, ERR_NOMEM, those of take(). */
bool server_log_read(int fd, const char *path, const struct server_log_prefix *prefix,
                     server_log_fn *take, void *context, struct server_log_counts *counts,
                     struct err *err) MUST_CHECK;

/* ---- for server_log.c ---- */

enum server_log_column {
    SERVER_LOG_USER = 1,
    SERVER_LOG_DATABASE = 2,
    SERVER_LOG_SEVERITY = 11,
    SERVER_LOG_MESSAGE = 13,
    SERVER_LOG_APPLICATION = 22,
    SERVER_LOG_MIN_COLUMNS = 23,
    SERVER_LOG_MAX_COLUMNS = 32, /* 26 in PostgreSQL 15 */
};

/* Where the fields of a record lie in its text, still quoted. */
struct server_log_record {
    struct span fields[SERVER_LOG_MAX_COLUMNS];
    size_t count, len; /* with its line end */
};

enum server_log_result { SERVER_LOG_WHOLE, SERVER_LOG_BROKEN, SERVER_LOG_MORE };

/* True for a line that starts as a record of csvlog does. */
bool server_log_is_csv(struct span line);
/* MORE: the text ends before the record does. */
enum server_log_result server_log_csv_read(struct span text, struct server_log_record *ret);
/* A field without its quotes, appended. */
void server_log_csv_put(struct span field, struct str *out);

#endif
