/* Queries of others are cut at 200 characters: a password may be the last thing in one. */
#include "deploy/session_record.h"

#include <string.h>

#include "sql/canonical.h"

json_t *session_record(const struct pg_session *session)
{
    struct pg_session blanked = *session;
    CLEANUP(str_release) struct str query = {0};
    if (session->query != NULL) {
        sql_blank_passwords(DIALECT_POSTGRES, session->query, strlen(session->query), &query);
        blanked.query = query.failed ? NULL : str_text(&query);
    }
    return pg_session_json(&blanked);
}

json_t *sessions_record(const struct pg_sessions *sessions)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < sessions->count; i++) {
        if (json_array_append_new(array, session_record(&sessions->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
