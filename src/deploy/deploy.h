/*
 * Taking one target forward.
 *
 * files -> set -> plan -> mutex -> the same plan again, under the mutex -> begin row -> each
 * migration with its journal row -> end row. Losers of a race wait, find the work done and succeed.
 */
#ifndef PAWL_DEPLOY_DEPLOY_H
#define PAWL_DEPLOY_DEPLOY_H

#include "check/probe/probe.h"
#include "deploy/backup.h"
#include "deploy/black_box_file.h"
#include "deploy/gate.h"
#include "deploy/leftover.h"
#include "deploy/listener.h"
#include "deploy/oust.h"
#include "deploy/override.h"
#include "deploy/plan.h"
#include "deploy/preflight.h"
#include "deploy/throttle.h"
#include "ledger/presence.h"

struct deploy_options {
    struct set *set; /* odd names that turn out to be applied are admitted to it */
    struct plan_options plan;
    struct limits limits;
    int64_t lock_budget_ms;           /* of retries on locks, for each migration */
    int64_t block_budget_ms;          /* how long others may wait behind one of its statements */
    struct oust_options oust;         /* what is done about sessions in the way: nothing */
    struct throttle_options throttle; /* of backfills */
    int64_t data_rows;                /* that a kind=data migration may change; 0: any number */
    int64_t batch_timeout_ms;         /* of the statement of a batch */
    int64_t wait_ms;                  /* for another deploy */
    int64_t reservation_wait_ms;      /* for a reservation to be over */
    unsigned overrides;          /* of deploy/override.h: what it goes over, if it is in the way */
    const char *override_reason; /* why it does */
    struct backup_options backup;
    struct probe_options probe; /* of the questions to the rows of the target */
    const char *release;        /* NULL: none named */
    const char *app_role;       /* NULL: none */
    const char *reserve_role;   /* NULL: none */
    struct black_box_options black_box;
    struct presence_options presence;
    struct gate_options gate;
    bool expand_only; /* contract migrations are left to a later deploy */
    bool dry_run;
    bool preflight; /* it begins with the checks of deploy/preflight.h */
    struct deploy_listener listener;
};

struct deploy_done {
    const struct migration *migration;
    int64_t ms;
    const char *receipt; /* "seq:hash" */
    bool recognised;     /* a squash of which nothing was run */
    int64_t rows;        /* that it changed, where that is counted; -1 */
};

struct deploy_result {
    struct plan plan; /* the last one made */
    struct {
        struct deploy_done *items;
        size_t count, capacity;
    } done;         /* applied by this run */
    size_t renamed; /* names recorded by this run */
    bool release_recorded;
    const char *head;      /* "seq:hash" after the run; NULL where there is no ledger */
    const char *leftover;  /* INVALID indexes and unvalidated constraints, as text; NULL: none */
    struct leftovers debt; /* the same as a list, after a run that failed too */
    const char *start; /* of deploy_look(): the digest of what is applied besides what is to run */
    bool waited;       /* for another deploy */
    struct preflight preflight;  /* what was asked before anything ran; no lines: nothing was */
    const struct backup *backup; /* taken before, or found good enough; NULL */
};

/*
 * ledger is open for writing, and may be opened anew after a lost connection. Findings gets what
 * the plan found. Errors: ERR_REFUSED before anything ran, ERR_FAILED, ERR_BUSY, ERR_PARTIAL,
 * ERR_CHAIN, ERR_UNREACHABLE, ERR_SIGNAL; result says what stands in every case.
 */
bool deploy_run(struct arena *arena, const struct ledger_options *target, const struct wait *wait,
                struct ledger *ledger, const struct deploy_options *options,
                struct deploy_result *result, struct findings *findings,
                struct err *err) MUST_CHECK;

/* Records the set of options->release, and what instances need to say hello, and deploys nothing.
 * result->release_recorded is false where it was recorded already. Errors: as above. */
bool deploy_start_release(struct arena *arena, const struct ledger_options *target,
                          const struct wait *wait, struct ledger *ledger,
                          const struct deploy_options *options, struct deploy_result *result,
                          struct findings *findings, struct err *err) MUST_CHECK;

/* The plan alone, for those who look, on a standby too: options->dry_run is set. Errors: those of
 * deploy_run() before anything ran. */
bool deploy_look(struct arena *arena, const struct wait *wait, struct ledger *ledger,
                 const struct deploy_options *options, struct deploy_result *result,
                 struct findings *findings, struct err *err) MUST_CHECK;

/* The first item of result->plan that was not applied by this run: those before it were, and a plan
 * that was made anew while the run went on has none of them. */
size_t deploy_first_pending(const struct deploy_result *result);

#endif
