/*
 * What a deploy would do to a target, and every reason why it may not: pure, from a set and a
 * state.
 */
#ifndef PAWL_DEPLOY_PLAN_H
#define PAWL_DEPLOY_PLAN_H

#include "base/finding.h"
#include "history/script.h"
#include "ledger/match.h"

struct live_release;

struct plan_options {
    bool apply_out_of_order;
    bool allow_missing;
    const char *to; /* the last id to apply; NULL: all */
    int64_t now_epoch_s;
};

struct plan_item {
    const struct migration *migration;
    struct script script;
    int64_t first_unit; /* where to start: after the units that a stopped deploy has committed */
    const struct partial *partial;     /* NULL unless one has */
    const struct squash_match *squash; /* what it replaces; NULL for what is no squash */
    bool recognised; /* a squash that runs nothing, as all that it replaces is applied */
    bool out_of_order;
    bool unprobed; /* what it asks of the rows is not known (deploy/preflight.h) */
};

/* A contract migration that does not run now (deploy/hold.h). */
struct plan_held {
    struct plan_item item;
    const char *why; /* "waits for release ..." */
    struct {
        const struct live_release **items;
        size_t count, capacity;
    } holders; /* who has to go first; none: something else keeps it */
};

struct plan {
    struct comparison comparison;
    struct {
        struct plan_held *items;
        size_t count, capacity;
    } held; /* in order */
    struct {
        struct plan_item *items;
        size_t count, capacity;
    } items; /* pending, in the order in which they run (deploy/order.h); repeatables last */
    struct {
        const struct match **items;
        size_t count, capacity;
    } renames; /* to be recorded */
};

/* True when there is nothing to apply and nothing to record. */
bool plan_empty(const struct plan *plan);

/* How many statements its files have, without those that are recognised. */
size_t plan_statement_count(const struct plan *plan);

/* The statement at which a deploy would start: behind what a stopped one has committed. */
size_t plan_first_statement(const struct plan_item *item);

/*
 * Plans. What forbids the deploy becomes findings of severity error ("edited", "out-of-order",
 * "missing", "renamed", "squash-split", "future-version", and what is wrong with a pending file's
 * text), what is only worth saying is a note. The caller refuses when there is an error among them.
 */
bool plan_make(struct arena *arena, const struct set *set, const struct state *state,
               const struct plan_options *options, struct plan *ret, struct findings *findings,
               struct err *err) MUST_CHECK;

/* An applied or adopted name, however odd, never stops anything: one note "applied-name" takes the
 * place of what set_load() has found about the names of applied files. plan_make() does it. */
void plan_relax(struct arena *arena, struct findings *findings, const struct set *set,
                const struct state *state);

#endif
