/* Filling and freeing struct err. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct code_row {
    const char *name;
    int exit_code;
    const char *meaning;
};

static const struct code_row code_rows[] = {
#define X(name, exit_code, text) {#name, exit_code, text},
    ERR_CODES(X)
#undef X
};

static void replace(char **slot, const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL; /* out of memory while reporting: the code still says what happened */
    free(*slot);
    *slot = text;
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;
    char *message = NULL;
    va_start(args, format);
    replace(&message, format, args); /* before the release: an argument may be the old message */
    va_end(args);
    err_release(err);
    err->code = code;
    err->message = message;
    return false;
}

bool err_nomem(struct err *err)
{
    return err_set(err, ERR_NOMEM, "out of memory");
}

bool err_errno(struct err *err, enum err_code code, const char *format, ...)
{
    const int number = errno;
    va_list args;
    char *text = NULL;
    va_start(args, format);
    replace(&text, format, args);
    va_end(args);
    (void)err_set(err, code, "%s: %s", text != NULL ? text : "out of memory", strerror(number));
    free(text);
    return false;
}

void err_detail(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    replace(&err->detail, format, args);
    va_end(args);
}

void err_state(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    replace(&err->state, format, args);
    va_end(args);
}

void err_hint(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    replace(&err->hint, format, args);
    va_end(args);
}

void err_at(struct err *err, const char *file, int line, int column)
{
    free(err->file);
    err->file = file != NULL ? strdup(file) : NULL;
    err->line = line;
    err->column = column;
}

void err_prefix(struct err *err, const char *format, ...)
{
    va_list args;
    char *prefix = NULL, *joined = NULL;
    va_start(args, format);
    replace(&prefix, format, args);
    va_end(args);
    if (prefix == NULL || err->message == NULL)
        joined = NULL;
    else if (asprintf(&joined, "%s: %s", prefix, err->message) < 0)
        joined = NULL;
    free(prefix);
    if (joined == NULL)
        return; /* the message without its prefix is better than none */
    free(err->message);
    err->message = joined;
}

void err_release(struct err *err)
{
    free(err->message);
    free(err->detail);
    free(err->state);
    free(err->hint);
    free(err->file);
    *err = (struct err){.code = ERR_NONE};
}

int err_exit_code(const struct err *err)
{
    const int base = code_rows[err->code].exit_code;
    return err->code == ERR_SIGNAL ? base + err->signal : base;
}

const char *err_name(enum err_code code)
{
    return code_rows[code].name;
}

const char *err_meaning(enum err_code code)
{
    return code_rows[code].meaning;
}
