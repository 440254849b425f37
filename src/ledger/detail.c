/* detail over jansson. */
#include "ledger/detail.h"

bool detail_load(const char *detail, json_t **ret)
{
    json_error_t error = {.text = ""};
    *ret = detail != NULL ? json_loads(detail, 0, &error) : NULL;
    /* Out of memory in the middle of a token is a bad token to jansson: a second look tells. */
    if (*ret == NULL && detail != NULL && error.text[0] != '\0') {
        error.text[0] = '\0';
        *ret = json_loads(detail, 0, &error);
    }
    /* What is wrong with a text, jansson says; that memory is out, it does not. */
    return *ret != NULL || detail == NULL || error.text[0] != '\0';
}

static json_t *load(const char *detail)
{
    json_t *object = NULL;
    return detail_load(detail, &object) ? object : NULL;
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
    /* json_dumps() may cut a key short when memory is out in the middle of it, and not say so. */
    const size_t size = object != NULL ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
    char *const text = size > 0 ? arena_alloc(arena, size + 1) : NULL;
    return text != NULL && json_dumpb(object, text, size, JSON_COMPACT) == size ? text : NULL;
}
