/* Compiler attributes used everywhere, under short names. */
#ifndef PAWL_BASE_MACROS_H
#define PAWL_BASE_MACROS_H

#include <stdlib.h>

/* Runs fn(&variable) when the variable leaves its scope, on every path. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* The result of a fallible function must be looked at; a (void) cast is a decision with a reason.
 */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(text_arg, first_arg) __attribute__((format(printf, text_arg, first_arg)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* For CLEANUP on a malloc'ed pointer. */
static inline void free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

#endif
