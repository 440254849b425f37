/* May this code start: the question prepared, asked and answered for the command line. */
#ifndef PAWL_CLI_READINESS_H
#define PAWL_CLI_READINESS_H

#include "cli/cli.h"
#include "live/await.h"
#include "live/source.h"

/* Used in place: it must not move. */
struct readiness {
    struct source source;
    struct ledger_options target;
    struct wait wait;
    struct arena answer; /* holds the result */
    struct ready_result result;
};

/* What the checkout carries, and how its target is reached; no connection yet. */
bool readiness_open(struct cli *cli, struct readiness *ret, struct err *err) MUST_CHECK;

/* Fills readiness->result. Errors: those of ready_await(). */
bool readiness_ask(struct readiness *readiness, const struct ready_patience *patience,
                   struct err *err) MUST_CHECK;

/* The answer, and cli->outcome. longer: how to wait for a deploy, for the
 * next step. */
void readiness_report(struct cli *cli, const struct ready_result *result, const char *longer);

/* What to do with code that a contract migration has passed by; NULL when memory is out. */
const char *readiness_never_text(struct arena *arena, const char *passed);

void readiness_close(struct readiness *readiness);

#endif
