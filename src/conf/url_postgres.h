/*
 * PostgreSQL's two ways to write a connection, read by libpq's rules (its manual, "Connection
 * Strings") for one purpose: to show them without their secrets.
 */
#ifndef PAWL_CONF_URL_POSTGRES_H
#define PAWL_CONF_URL_POSTGRES_H

#include "conf/url.h"

/* True when the text starts as a conninfo does: keyword, blanks, "=". */
bool conninfo_recognized(const char *text);

/* Fills all of *ret. Errors: ERR_USAGE, never with any part of the text in them. */
bool conninfo_read(struct arena *arena, const char *text, struct url *ret,
                   struct err *err) MUST_CHECK;

/* The same for "postgres://..." and "postgresql://...". */
bool postgres_uri_read(struct arena *arena, const char *text, struct url *ret,
                       struct err *err) MUST_CHECK;

#endif
