/*
 * One line of a black box: made, filled and added. Where none is wanted line_new() gives NULL,
 * which all the others take for a line and do nothing with. A member that memory was out for is
 * missing.
 */
#ifndef PAWL_DEPLOY_BLACK_BOX_LINE_H
#define PAWL_DEPLOY_BLACK_BOX_LINE_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct run;

json_t *line_new(const struct run *run, const char *event);

/* Takes the value over. */
void line_put(json_t *line, const char *name, json_t *value);
/* Nothing for a text that is NULL. */
void line_put_text(json_t *line, const char *name, const char *text);
void line_put_number(json_t *line, const char *name, int64_t number);
/* Any bytes: those that are not UTF-8 become \xNN. */
json_t *black_box_text(const char *text, size_t len);

/* Takes the line over, to be written with the next ones, or at once. */
void line_add(struct run *run, json_t *line);
void line_write(struct run *run, json_t *line);

/* The rest of the deploy has no black box; tells why. */
void black_box_give_up(struct run *run, const struct err *why);

#endif
