/*
 * Shared libraries that are loaded when they are first needed: a start-up check must not pay for
 * libraries that it does not use (libpq brings 22, about 3.5 ms).
 */
#ifndef PAWL_BASE_LIBRARY_H
#define PAWL_BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct library_symbol {
    const char *name;
    void **address; /* where the function's address goes */
};

/* Loads soname and fills every address; a missing library or function is ERR_USAGE with the Debian
 * package to install. Never unloaded. Calling it again is cheap. Not for two threads at once. */
bool library_load(const char *soname, const char *package, const struct library_symbol *symbols,
                  size_t count, struct err *err) MUST_CHECK;

#endif
