/* What the gate has read, and judging it; included by src/deploy/gate*.c only. */
#ifndef PAWL_DEPLOY_GATE_PARTS_H
#define PAWL_DEPLOY_GATE_PARTS_H

#include "deploy/gate.h"
#include "deploy/run.h"
#include "history/attestation.h"

struct gate_item {
    const char *name; /* of the file, printable */
    struct attestation attestation;
    enum attestation_trust trust;
    const char *key; /* the id that it names; NULL */
};

/* Read once for a run. */
struct gate {
    bool kinds[ATTESTED_KIND_COUNT]; /* that are demanded */
    struct public_keys keys;
    struct attested_files files;
    struct hash_hex set;
    struct {
        struct gate_item *items;
        size_t count, capacity;
    } attestations;
    size_t unreadable;
    const char *unreadable_why; /* of the first one; NULL */
};

/* How near an attestation comes to what is demanded, the farthest first. */
enum gate_fit {
    GATE_NONE,
    GATE_OTHER_FILES,
    GATE_OTHER_START,
    GATE_OTHER_PLAN,
    GATE_NOT_FRESH,
    GATE_UNKNOWN_KEY,
    GATE_BROKEN,
    GATE_SKIPPED,
    GATE_PASSED,
    GATE_FAILED,
};

/* Whether a migration that is to run has to be covered by attestations of this kind. */
bool gate_needs(enum attested_kind kind, const struct plan_item *item);

/* *ret_why: a clause, printable, of all but GATE_PASSED. */
bool gate_judge(struct run *run, const struct gate *gate, const struct gate_item *item,
                enum gate_fit *ret, const char **ret_why, struct err *err) MUST_CHECK;

/* By the server's clock where there is one. */
int64_t gate_now_us(const struct run *run);

#endif
