/* detail over jansson. */
#include "ledger/detail.h"

#include <stdlib.h>

static json_t *load(const char *detail)
{
    return detail != NULL ? json_loads(detail, 0, NULL) : NULL;
}

int64_t detail_number(const char *detail, const char *name, int64_t fallback)
{
    CLEANUP(json_release) json_t *object = load(detail);
    const json_t *const member = json_object_get(object, name);
    return json_is_integer(member) ? json_integer_value(member) : fallback;
}

const char *detail_string(struct arena *arena, const char *detail, const char *name)
{
    CLEANUP(json_release) json_t *object = load(detail);
    const char *const text = json_string_value(json_object_get(object, name));
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

bool detail_flag(const char *detail, const char *name)
{
    CLEANUP(json_release) json_t *object = load(detail);
    return json_is_true(json_object_get(object, name));
}

const char *detail_text(struct arena *arena, const json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    const char *const copy = text != NULL ? arena_strdup(arena, text) : NULL;
    free(text);
    return copy;
}
