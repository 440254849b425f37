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
    bool secret;          /* something was left out of display */
};

/*
 * Resolves env: and file: (their content must not point again). A SQLite path is relative to
 * folder, and so is the path of file:. sqlite:PATH takes the path as it stands; sqlite://PATH is
 * the same; sqlite:///PATH is refused, as some tools read it as relative and some as absolute. A
 * PostgreSQL URI that libpq would read otherwise than its writer meant (a raw "@", "/" or "?" in
 * the password) is refused. Parameters that libpq does not know are left out of display, so that a
 * mistyped "pasword" does not show. Errors: ERR_USAGE, never with the password in them.
 */
bool url_parse(struct arena *arena, const char *text, const char *folder, struct url *ret,
               struct err *err) MUST_CHECK;

/* True for env: and file:, which say where the URL is and may be shown as they are. */
bool url_is_pointer(const char *text);

const char *engine_name(enum engine engine); /* "postgres", "sqlite" */

#endif
