/* The table of what may be overridden. */
#include "deploy/override.h"

#include <string.h>

static const char *const names[OVERRIDE_BITS] = {
#define X(name, text) [OVERRIDE_BIT_##name] = text,
    OVERRIDES(X)
#undef X
};

bool override_parse(const char *word, unsigned *overrides)
{
    for (unsigned i = 0; i < OVERRIDE_BITS; i++)
        if (strcmp(names[i], word) == 0) {
            *overrides |= 1U << i;
            return true;
        }
    return false;
}

const char *override_name(enum override_bit bit)
{
    return names[bit];
}
