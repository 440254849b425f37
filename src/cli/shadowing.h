/* A shadow of the command's target (check/shadow.h), and where it is. */
#ifndef PAWL_CLI_SHADOWING_H
#define PAWL_CLI_SHADOWING_H

#include "check/shadow.h"
#include "check/shadow_place.h"
#include "cli/pending.h"

struct shadowing {
    struct shadow_place place; /* as shadow_place_read() has filled it */
    struct shadow_rows rows;   /* which come with the schema */
    const char *role;          /* who owns what is in it; NULL: whoever connects */
    bool rights;               /* who may do what comes with it too */
    struct shadow *shadow;
};

/* Where it is to be: --on, which may be NULL, else the setting, else a server for this run. */
bool shadowing_read_place(struct cli *cli, const char *on, struct shadow_place *ret,
                          struct err *err) MUST_CHECK;

/* The refusal where there is none: false. verb: "rehearse". */
bool shadowing_no_place(const struct shadowing *shadowing, const char *verb, const char *why,
                        struct err *err);

/* Who the migrations run as; NULL: whoever connects. */
const char *shadowing_role(struct cli *cli);

/* Makes one for a single use. shadowing->shadow stays NULL, with *ret_why, a clause, where that
 * cannot be. Errors: those of shadow_place_start() and shadow_open(). */
bool shadowing_open(struct cli *cli, struct session *session, const struct plan *plan,
                    struct shadowing *shadowing, const char **ret_why, struct err *err) MUST_CHECK;

/* What it was made of and what it lacks, to whoever is watching. where: "in a copy of the schema".
 */
void shadowing_tell(struct cli *cli, const char *where, const struct shadow_facts *facts);

/* What it lacks alone. */
void shadowing_tell_gaps(struct cli *cli, const struct shadow_facts *facts);

void shadowing_close(struct shadowing *shadowing);

#endif
