/* A session in one line, and as a member of a record. */
#include "db/sessions_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

/* What it does, since when. */
static void put_doing(struct str *out, const struct pg_session *session)
{
    char elapsed[CLOCK_ISO_BYTES];
    const bool idle = session->state != NULL && strncmp(session->state, "idle", 4) == 0;
    const int64_t ms = idle ? session->state_ms : session->query_ms;
    if (session->state != NULL)
        str_printf(out, ", %s", session->state);
    if (session->state != NULL && ms >= 0) {
        clock_format_elapsed_ms(ms, elapsed);
        str_printf(out, " for %s", elapsed);
    }
    if (session->lock_mode != NULL && session->lock_object != NULL)
        str_printf(out, ", waits for %s on %s", session->lock_mode, session->lock_object);
    if (session->query != NULL && session->query[0] != '\0')
        str_printf(out, ": %s", session->query);
}

void pg_session_put(struct str *out, const struct pg_session *session)
{
    char elapsed[CLOCK_ISO_BYTES];
    if (session->gid != NULL) {
        clock_format_elapsed_ms(session->xact_ms, elapsed);
        str_printf(out, "the prepared transaction \"%s\" of %s, %s old", session->gid,
                   session->user != NULL ? session->user : "?", elapsed);
        return;
    }
    if (session->autovacuum)
        str_printf(out, "autovacuum, backend %" PRId64 "%s", session->pid,
                   session->wraparound ? ", to prevent wraparound" : "");
    else
        str_printf(out, "backend %" PRId64 " (user %s, application \"%s\", %s)", session->pid,
                   session->user != NULL ? session->user : "?",
                   session->application != NULL ? session->application : "",
                   session->address != NULL ? session->address : "?");
    put_doing(out, session);
}

const char *pg_sessions_text(struct arena *arena, const struct pg_sessions *sessions)
{
    enum { SHOWN = 3 };
    CLEANUP(str_release) struct str text = {0};
    for (size_t i = 0; i < sessions->count && i < SHOWN; i++) {
        str_puts(&text, i > 0 ? "; " : "");
        pg_session_put(&text, &sessions->items[i]);
    }
    if (sessions->count > SHOWN)
        str_printf(&text, "; and %zu more", sessions->count - SHOWN);
    return text.failed ? NULL : arena_strdup(arena, str_text(&text));
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

json_t *pg_session_json(const struct pg_session *s)
{
    return json_pack("{so* so* so* so* so* so* sI}", "pid", json_integer((json_int_t)s->pid),
                     "prepared", s->gid != NULL ? json_string(s->gid) : NULL, "user",
                     text_or_null(s->user), "application", text_or_null(s->application), "state",
                     text_or_null(s->state), "query", text_or_null(s->query), "xact_ms",
                     (json_int_t)s->xact_ms);
}

json_t *pg_sessions_json(const struct pg_sessions *sessions)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < sessions->count; i++) {
        json_t *const item = pg_session_json(&sessions->items[i]);
        if (item == NULL || json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
