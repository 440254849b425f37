/*
 * A growing byte buffer with sticky failure: when memory is out or the maximum is passed, the
 * buffer stays failed and further appends do nothing, so one check at the end is enough (the idea
 * is libpq's PQExpBuffer). The bytes are always followed by a NUL.
 */
#ifndef PAWL_BASE_STR_H
#define PAWL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct str {
    char *data; /* NULL until the first append */
    size_t len, capacity;
    size_t max; /* 0: STR_DEFAULT_MAX_BYTES */
    bool failed;
};

/* A view of bytes that belong to someone else; not NUL-terminated. */
struct span {
    const char *at;
    size_t len;
};

enum { STR_DEFAULT_MAX_BYTES = 1 << 30 };

void str_release(struct str *str);
void str_clear(struct str *str);
void str_append(struct str *str, const char *bytes, size_t len);
void str_puts(struct str *str, const char *text);
void str_putc(struct str *str, char byte);
void str_printf(struct str *str, const char *format, ...) PRINTF_LIKE(2, 3);

/* A size for people: "160 MB", "2.5 GB". */
void str_put_size(struct str *str, int64_t bytes);

/* The text, "" when nothing was appended. Valid until the next append. */
const char *str_text(const struct str *str);

/* True when the span says exactly this, or this in any ASCII case. */
bool span_is(struct span span, const char *text);
bool span_is_nocase(struct span span, const char *text);

/* The ASCII-only character tests and lower-casing of SQL and file names, whatever the locale. */
bool ascii_digit(char c);
bool ascii_letter(char c);
bool ascii_space(char c);
char ascii_lower(char c);

/* True for well-formed UTF-8 (no overlong form, no surrogate, nothing over U+10FFFF). When false,
 * *ret_bad is the offset of the first byte that does not belong. */
bool utf8_valid(const char *text, size_t len, size_t *ret_bad);

#endif
