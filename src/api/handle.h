/* What is behind struct pawl, and the frame of every call on it; included by src/api/ only. */
#ifndef PAWL_API_HANDLE_H
#define PAWL_API_HANDLE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/finding.h"
#include "conf/config.h"
#include "conf/url.h"
#include "db/wait.h"
#include "history/set.h"
#include "ledger/ledger.h"
#include "ledger/state.h"
#include "pawl.h"

struct pawl {
    struct arena arena; /* as long as the handle: options */
    struct config config;
    struct target target;
    struct url url;
    struct set_options set;
    const char *release, *to; /* NULL: none */
    struct wait wait;
    pawl_event_fn *on_event; /* NULL: nobody listens */
    void *context;
    bool usable; /* the options were right */
    atomic_flag busy;

    struct arena call; /* as long as the last call's results */
    struct findings findings;
    const struct pawl_finding *const *finding_list;
    struct err err;
    struct pawl_error error; /* err, as the caller sees it */
};

/* Empties what the last call left. False when the handle cannot be used; then the call returns
 * *ret_code and does nothing else. */
bool call_begin(struct pawl *pawl, enum pawl_code *ret_code) MUST_CHECK;

/* Puts err and the findings before the caller and returns the code. ok false: err says why. */
enum pawl_code call_end(struct pawl *pawl, bool ok);

/* Connects to the handle's target; close with ledger_close(). */
bool handle_connect(struct pawl *pawl, bool write, struct ledger_options *ret_target,
                    struct ledger *ret, struct err *err) MUST_CHECK;

/* Reads the set into the call's arena; what is wrong with it goes to the findings. */
bool handle_load(struct pawl *pawl, struct set *ret, struct err *err) MUST_CHECK;

/* ERR_USAGE when migrations of this dialect are not for the target's engine. */
bool handle_check_dialect(const struct pawl *pawl, enum dialect dialect,
                          struct err *err) MUST_CHECK;

/* A wait within the limits of the setting. */
int64_t handle_wait(int64_t wait_ms);

/* For CLEANUP; closing what was never opened is fine. */
static inline void close_ledger(struct ledger *ledger)
{
    ledger_close(ledger);
}

/* ---- migration.c ---- */

/* A list of pointers, as later versions make the struct longer. */
struct migration_list {
    const struct pawl_migration **items;
    size_t count, capacity;
};

/* Appends one: migration as the set has it (NULL: not in the set), applied as the ledger has it
 * (NULL: not applied). NULL when memory is out; the item may still be filled further. */
struct pawl_migration *migration_list_add(struct arena *arena, struct migration_list *list,
                                          enum pawl_state state, const struct migration *migration,
                                          const struct applied *applied) MUST_CHECK;

#endif
