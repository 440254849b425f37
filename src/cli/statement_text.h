/* A statement, and other people's names, in a line of a report. */
#ifndef PAWL_CLI_STATEMENT_TEXT_H
#define PAWL_CLI_STATEMENT_TEXT_H

#include "base/arena.h"
#include "base/str.h"

enum { STATEMENT_SHOWN_BYTES = 80, STATEMENT_JSON_BYTES = 2000 };

/* The statement on one line, cut; not within a character. NULL when memory is out. */
const char *statement_one_line(struct arena *arena, struct span text, size_t max_bytes) MUST_CHECK;

/* A cell of a Markdown table: nothing in it ends the cell, or is taken for markup. */
void markdown_put_cell(struct str *out, const char *text);

#endif
