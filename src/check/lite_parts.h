/* Between the files of check/lite. */
#ifndef PAWL_CHECK_LITE_PARTS_H
#define PAWL_CHECK_LITE_PARTS_H

#include "check/lite.h"

/* Adds what the words of the statement say that it does. */
bool lite_read_acts(struct lite *lite, const struct lint_spot *at, size_t number,
                    struct err *err) MUST_CHECK;

#endif
