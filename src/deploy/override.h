/* What `pawl deploy --override` may go over: each with a reason, for the ledger. */
#ifndef PAWL_DEPLOY_OVERRIDE_H
#define PAWL_DEPLOY_OVERRIDE_H

#include <stdbool.h>

/* One row each: its name on the command line and in a begin row's detail. */
#define OVERRIDES(X)                                                                               \
    X(RESERVATION, "reservation")                                                                  \
    X(LINT, "lint")                                                                                \
    X(DATA, "data")                                                                                \
    X(BACKUP, "backup")                                                                            \
    X(HOLD, "hold")                                                                                \
    X(GATE, "gate")

enum override_bit {
#define X(name, text) OVERRIDE_BIT_##name,
    OVERRIDES(X)
#undef X
        OVERRIDE_BITS
};

enum {
#define X(name, text) OVERRIDE_##name = 1 << OVERRIDE_BIT_##name,
    OVERRIDES(X)
#undef X
};

/* As in struct option, for the command line. */
#define OVERRIDE_CHOICES "reservation|lint|data|backup|hold|gate"

/* Adds the bit; false for any other word. */
bool override_parse(const char *word, unsigned *overrides);

const char *override_name(enum override_bit bit);

#endif
