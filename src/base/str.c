/* The byte buffer, spans, and ASCII and UTF-8 tests. */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void str_release(struct str *str)
{
    free(str->data);
    *str = (struct str){.max = str->max};
}

void str_clear(struct str *str)
{
    str->len = 0;
    str->failed = false;
    if (str->data != NULL)
        str->data[0] = '\0';
}

/* Room for len more bytes and the NUL. */
static bool reserve(struct str *str, size_t len)
{
    const size_t max = str->max != 0 ? str->max : STR_DEFAULT_MAX_BYTES;
    if (str->failed || len > max || str->len > max - len) {
        str->failed = true;
        return false;
    }
    const size_t needed = str->len + len + 1;
    if (needed <= str->capacity)
        return true;
    size_t capacity = str->capacity != 0 ? str->capacity * 2 : 64;
    if (capacity < needed)
        capacity = needed;
    char *moved = mem_realloc(str->data, capacity);
    if (moved == NULL) {
        str->failed = true;
        return false;
    }
    str->data = moved;
    str->capacity = capacity;
    return true;
}

void str_append(struct str *str, const char *bytes, size_t len)
{
    if (!reserve(str, len))
        return;
    if (len > 0)
        memcpy(str->data + str->len, bytes, len);
    str->len += len;
    str->data[str->len] = '\0';
}

void str_puts(struct str *str, const char *text)
{
    str_append(str, text, strlen(text));
}

void str_putc(struct str *str, char byte)
{
    str_append(str, &byte, 1);
}

void str_printf(struct str *str, const char *format, ...)
{
    const size_t room = str->capacity - str->len; /* 0 before the first append */
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(room > 0 ? str->data + str->len : NULL, room, format, args);
    va_end(args);
    if (len < 0 || !reserve(str, (size_t)len)) {
        str->failed = true;
        if (str->data != NULL)
            str->data[str->len] = '\0';
        return;
    }
    if ((size_t)len >= room) {
        va_start(args, format);
        (void)vsnprintf(str->data + str->len, (size_t)len + 1, format, args); /* measured above */
        va_end(args);
    }
    str->len += (size_t)len;
}

void str_put_size(struct str *str, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double size = (double)bytes;
    size_t unit = 0;
    for (; size >= 1000 && unit + 1 < COUNT_OF(units); unit++)
        size /= 1024;
    str_printf(str, size < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

const char *str_text(const struct str *str)
{
    return str->data != NULL ? str->data : "";
}

bool span_is(struct span span, const char *text)
{
    return strlen(text) == span.len && memcmp(span.at, text, span.len) == 0;
}

bool span_is_nocase(struct span span, const char *text)
{
    if (strlen(text) != span.len)
        return false;
    for (size_t i = 0; i < span.len; i++)
        if (ascii_lower(span.at[i]) != ascii_lower(text[i]))
            return false;
    return true;
}

bool ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool ascii_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The length of the sequence that starts with this byte, and the least code point that may be
 * written in that many bytes (Unicode 15, table 3-7). 0 when no sequence starts so. */
static size_t sequence_length(unsigned char lead, unsigned *ret_least)
{
    if (lead < 0x80) {
        *ret_least = 0;
        return 1;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        *ret_least = 0x80;
        return 2;
    }
    if ((lead & 0xf0) == 0xe0) {
        *ret_least = 0x800;
        return 3;
    }
    if (lead >= 0xf0 && lead <= 0xf4) {
        *ret_least = 0x10000;
        return 4;
    }
    return 0;
}

bool utf8_valid(const char *text, size_t len, size_t *ret_bad)
{
    for (size_t i = 0; i < len;) {
        const unsigned char lead = (unsigned char)text[i];
        unsigned least = 0;
        const size_t length = sequence_length(lead, &least);
        bool ok = length != 0 && length <= len - i;
        unsigned code = length == 1 ? lead : lead & (0x7fu >> length);
        for (size_t k = 1; ok && k < length; k++) {
            ok = ((unsigned char)text[i + k] & 0xc0) == 0x80;
            code = code << 6 | ((unsigned char)text[i + k] & 0x3f);
        }
        if (!ok || code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
            *ret_bad = i;
            return false;
        }
        i += length;
    }
    return true;
}
