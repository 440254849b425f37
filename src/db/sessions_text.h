/* A session as people read it, and as records keep it. Names and queries were chosen by others:
 * they stay on their line here, and what prints the text escapes the rest. */
#ifndef PAWL_DB_SESSIONS_TEXT_H
#define PAWL_DB_SESSIONS_TEXT_H

#include <jansson.h>

#include "base/str.h"
#include "db/sessions.h"

/* Appends a text on one line: what its author broke into lines must not look like lines of ours.
 * Runs of blanks and line breaks become one blank. */
void pg_put_line(struct str *out, const char *text);

/* "backend 4711 (user app, application "psql", local)" */
void pg_session_put_who(struct str *out, const struct pg_session *session);

/* "backend 4711 (user app, application "psql", local), idle in transaction for 31 s: SELECT ..." */
void pg_session_put(struct str *out, const struct pg_session *session);

/* The first three, and how many more; NULL when memory is out. */
const char *pg_sessions_text(struct arena *arena, const struct pg_sessions *sessions) MUST_CHECK;

/* {pid, user, application, state, query, xact_ms}, and an array of them; NULL when memory is out.
 */
json_t *pg_session_json(const struct pg_session *session) MUST_CHECK;
json_t *pg_sessions_json(const struct pg_sessions *sessions) MUST_CHECK;

#endif
