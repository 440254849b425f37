/*
 * The gate: verdicts that must have been attested before a deploy changes anything (docs/gate.md).
 *
 * Each kind that [gate] require names has to have passed, signed with a known key, for these very
 * files, from what is applied, for what is about to run, and not too long ago: compat and tests for
 * each live release. Of all that fit none may have failed.
 */
#ifndef PAWL_DEPLOY_GATE_H
#define PAWL_DEPLOY_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"

struct run;

struct gate_options {
    const char *require;    /* kinds, with commas between; NULL: none */
    const char *public_key; /* a file; NULL: none */
    const char *key_base;   /* the folder that it is relative to */
    const char *folder;     /* of the attestations */
    const char *base;       /* the folder that it is relative to */
    int64_t max_age_ms;
};

/* What is missing: texts are printable, lower case, no full stop. */
struct gate_lack {
    const char *what;    /* "no passed rehearse: ..." */
    const char *command; /* that makes it */
};

struct gate_lacks {
    struct gate_lack *items;
    size_t count, capacity;
};

/* For a begin row: what was missing where the gate was gone over, at most ten; NULL when memory is
 * out. */
json_t *gate_overridden(const struct run *run) MUST_CHECK;

/* After a plan. *ret_asked: something was demanded. Errors: ERR_USAGE for settings and keys that
 * are wrong. */
bool gate_look(struct run *run, struct gate_lacks *ret, bool *ret_asked,
               struct err *err) MUST_CHECK;

/* After each plan of a deploy; ERR_REFUSED. */
bool gate_pass(struct run *run, struct err *err) MUST_CHECK;

#endif
