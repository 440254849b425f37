/* Of a query the server shows a part: a password may be the last thing in it, and cut short. */
#include "deploy/blank.h"

#include <string.h>

#include "sql/canonical.h"

void blank_passwords(struct arena *arena, const struct pg_sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++) {
        CLEANUP(str_release) struct str text = {0};
        const char **const query = &sessions->items[i].query;
        if (*query == NULL)
            continue;
        sql_blank_passwords(DIALECT_POSTGRES, *query, strlen(*query), &text);
        *query = text.failed ? NULL : arena_strndup(arena, str_text(&text), text.len);
    }
}
