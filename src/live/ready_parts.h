/* What ready.c and ready_look.c share. */
#ifndef PAWL_LIVE_READY_PARTS_H
#define PAWL_LIVE_READY_PARTS_H

#include "db/rows.h"
#include "live/ready.h"

/* "{ledger}" in the template becomes the ledger's name. */
bool ready_query(struct ledger *ledger, struct arena *arena, const char *template,
                 const char *const *params, size_t count, struct rows *ret,
                 struct err *err) MUST_CHECK;

bool ready_add_name(struct arena *arena, struct ready_names *names, const char *name,
                    struct err *err) MUST_CHECK;

/* The whole answer: fills result->missing, passed and edited. */
bool ready_look(struct ledger *ledger, struct arena *arena, const struct set *set,
                struct ready_result *result, struct err *err) MUST_CHECK;

#endif
