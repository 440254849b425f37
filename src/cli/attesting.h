/* --attest: what a command that gives a verdict writes about it, for the gate of a deploy. */
#ifndef PAWL_CLI_ATTESTING_H
#define PAWL_CLI_ATTESTING_H

#include "cli/cli.h"
#include "deploy/deploy.h"
#include "history/attestation.h"

/* The row of a command's options. */
#define ATTEST_OPTION                                                                              \
    {                                                                                              \
        .name = "attest", .argument = "KEY",                                                       \
        .text = "write the verdict down, signed with this Ed25519 private key in PEM; else "       \
                "PAWL_ATTEST_KEY",                                                                 \
        .offers = OFFER_FILES                                                                      \
    }

struct attesting {
    struct signing_key key; /* none: nothing is attested */
    bool bound;             /* to a set */
    bool asked;             /* from here on an error is the verdict */
    const char *skipped;    /* why a run without an error is no verdict; NULL */
    struct attestation attestation;
    json_t *about;
};

/* Reads the key of --attest or PAWL_ATTEST_KEY, before the command does its work. Errors:
 * ERR_USAGE. */
bool attesting_start(struct cli *cli, enum attested_kind kind, struct attesting *ret,
                     struct err *err) MUST_CHECK;
void attesting_release(struct attesting *attesting);

/* What the verdict is about: the set as it was read, before anything is done with it. */
bool attesting_set(struct cli *cli, struct attesting *attesting, const struct set *set,
                   struct err *err) MUST_CHECK;
/* And the plan for the target. */
bool attesting_plan(struct cli *cli, struct attesting *attesting,
                    const struct deploy_result *result, struct err *err) MUST_CHECK;
/* And this release, once or more. */
bool attesting_add_release(struct cli *cli, struct attesting *attesting, const char *release,
                           struct err *err) MUST_CHECK;
/* A fact for people; takes the value over. */
void attesting_about(struct attesting *attesting, const char *name, json_t *value);

/* Writes it, whatever the verdict: ok and err are the command's own end, which is returned. False
 * with its own error where the command was well and the file cannot be written. */
bool attesting_end(struct cli *cli, struct attesting *attesting, bool ok,
                   struct err *err) MUST_CHECK;

#endif
