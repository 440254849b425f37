/*
 * Where a database is: sqlite:path, postgres://… (or postgresql://), a libpq conninfo
 * (host=… dbname=…), and two that only point: env:NAME and file:PATH.
 */
#ifndef PAWL_CONF_URL_H
#define PAWL_CONF_URL_H

#include "base/arena.h"
#include "base/err.h"

enum engine { ENGINE_POSTGRES, ENGINE_SQLITE };

struct url {
    enum engine engine;
    const char *location; /* SQLite: the path; PostgreSQL: a URI or conninfo for libpq, password and
                             all: never print it */
    const char *display;  /* without password or other secret: for people, logs and the ledger */
};

/* Resolves env: and file: (their content must not point again). A SQLite path is relative to
 * folder. Errors: ERR_USAGE, never with the password in them. */
bool url_parse(struct arena *arena, const char *text, const char *folder, struct url *ret,
               struct err *err) MUST_CHECK;

const char *engine_name(enum engine engine); /* "postgres", "sqlite" */

#endif
