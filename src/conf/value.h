/* Reading one setting's text by its row of the table, wherever the text was found. */
#ifndef PAWL_CONF_VALUE_H
#define PAWL_CONF_VALUE_H

#include "conf/config.h"

/* True for the rows of section "target", which every target has values of its own for. */
bool setting_of_target(const struct setting *setting);

/* Checks text against the row and fills text and number of the value; its origin is the caller's to
 * set. Errors: ERR_USAGE, without the name of the setting and never with a URL in them. */
bool value_parse(struct arena *arena, const struct setting *setting, const char *text,
                 struct value *ret, struct err *err) MUST_CHECK;

/* "512kB", "20GB", in powers of 1024; "0". What is too large becomes the largest. */
bool value_read_size(const char *text, int64_t *ret);

/* Fills all SETTING_COUNT values: the defaults of the rows of targets, or of all others. */
bool values_default(struct arena *arena, bool of_target, struct value *values,
                    struct err *err) MUST_CHECK;

#endif
