/* A session in one line, and as a member of a record. */
#include "db/sessions_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

void pg_put_line(struct str *out, const char *text)
{
    bool blank = false;
    const size_t start = out->len;
    for (const char *c = text; *c != '\0'; c++) {
        if (!ascii_space(*c)) {
            if (blank && out->len > start)
                str_putc(out, ' ');
            str_putc(out, *c);
        }
        blank = ascii_space(*c);
    }
}

static void put_or_unknown(struct str *out, const char *before, const char *text, const char *after)
{
    str_puts(out, before);
    pg_put_line(out, text != NULL ? text : "?");
    str_puts(out, after);
}

/* More is said after it: a semicolon at its end would read as a second one. */
static void put_query(struct str *out, const char *query)
{
    CLEANUP(str_release) struct str line = {0};
    pg_put_line(&line, query);
    size_t len = line.len;
    while (len > 0 && line.data[len - 1] == ';')
        len--;
    str_puts(out, ": ");
    str_append(out, str_text(&line), len);
    out->failed = out->failed || line.failed;
}

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
        put_query(out, session->query);
}

void pg_session_put_who(struct str *out, const struct pg_session *session)
{
    char elapsed[CLOCK_ISO_BYTES];
    if (session->pid == 0) {
        put_or_unknown(out, "the prepared transaction \"", session->gid, "\"");
        put_or_unknown(out, " of ", session->user, "");
        if (session->xact_ms < 0)
            return;
        clock_format_elapsed_ms(session->xact_ms, elapsed);
        str_printf(out, ", %s old", elapsed);
    } else if (session->autovacuum) {
        str_printf(out, "autovacuum, backend %" PRId64 "%s", session->pid,
                   session->wraparound ? ", to prevent wraparound" : "");
    } else {
        str_printf(out, "backend %" PRId64, session->pid);
        put_or_unknown(out, " (user ", session->user, "");
        put_or_unknown(out, ", application \"",
                       session->application != NULL ? session->application : "", "\"");
        put_or_unknown(out, ", ", session->address, ")");
    }
}

void pg_session_put(struct str *out, const struct pg_session *session)
{
    pg_session_put_who(out, session);
    if (session->pid != 0)
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
