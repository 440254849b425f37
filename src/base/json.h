/* For CLEANUP on a value of jansson. */
#ifndef PAWL_BASE_JSON_H
#define PAWL_BASE_JSON_H

#include <jansson.h>

static inline void json_release(json_t **json)
{
    json_decref(*json);
}

#endif
