/* A session in a record that is kept: what it ran may name a password, the record does not. */
#ifndef PAWL_DEPLOY_SESSION_RECORD_H
#define PAWL_DEPLOY_SESSION_RECORD_H

#include "db/sessions_text.h"

/* As pg_session_json() and pg_sessions_json(), with the passwords in queries blanked. */
json_t *session_record(const struct pg_session *session) MUST_CHECK;
json_t *sessions_record(const struct pg_sessions *sessions) MUST_CHECK;

#endif
