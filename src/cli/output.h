/*
 * What people read: results on stdout, everything else on stderr. Control characters in what is
 * printed become \xNN, as names and server messages were written by others; colour comes from here
 * alone.
 */
#ifndef PAWL_CLI_OUTPUT_H
#define PAWL_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/finding.h"
#include "base/str.h"

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct output {
    bool json;            /* stdout is kept for one document: the JSON object, for one */
    bool stdout_is_taken; /* by a program that is started: results go to stderr */
    bool quiet;           /* no chat */
    bool verbose;         /* more of it */
    bool color_out, color_err;
    bool failed; /* memory was out: something is missing in what was printed */
};

/* Decides once: the flag, then NO_COLOR and TERM=dumb, then whether each is a terminal. */
void output_choose_color(struct output *output, enum color color);

/* A part of the result, to stdout; nothing when json. */
void output_result(struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same for a text that is safe to print already. */
void output_result_text(struct output *output, const struct str *text);

/* For whoever is watching, to stderr; nothing when quiet. A newline is added. */
void output_chat(struct output *output, const char *format, ...) PRINTF_LIKE(2, 3);

/* The error with its place, detail, state and next step, to stderr. */
void output_error(struct output *output, const struct err *err);

/* One finding a paragraph, to stdout where findings are what was asked for, else to stderr. */
void output_findings(struct output *output, const struct findings *findings, bool to_stdout);

/* Appends text as it may be printed: control characters (newline and tab too unless
 * keep_newlines) and bytes that are not UTF-8 as \xNN. */
void output_escape(struct str *out, const char *text, size_t len, bool keep_newlines);

/* The same into the arena; NULL when memory is out. */
char *output_safe(struct arena *arena, const char *text) MUST_CHECK;

/* Writes out what is buffered. False when any of it could not be written, with err. */
bool output_flush(struct err *err) MUST_CHECK;

#endif
