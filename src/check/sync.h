/*
 * Triggers that keep two columns of a table alike, each written from the other: what renames a
 * column step by step, and is meant to go when the old column does.
 *
 * Read from bodies in PL/pgSQL: NEW.a := NEW.b in one place, NEW.b := NEW.a in another. Tables and
 * functions are compared as they are written: t and public.t are two.
 */
#ifndef PAWL_CHECK_SYNC_H
#define PAWL_CHECK_SYNC_H

#include "check/place.h"

struct lint;

/* A function that does so; its name is without arguments. */
struct sync_function {
    const char *name;
    const char *column, *other; /* NULL: the function does so no more, or is gone */
};

struct sync_trigger {
    const char *table, *name, *function;
    bool is_gone;
    size_t migration; /* its number in the review, from 0 */
    struct place place;
};

struct syncs {
    struct {
        struct sync_function *items;
        size_t count, capacity;
    } functions;
    struct {
        struct sync_trigger *items;
        size_t count, capacity;
    } triggers;
};

/* Takes in what the statement at hand does, behind the rules. Memory failure stays in the lint's
 * findings. */
void sync_note(struct lint *lint);

/* The function of a trigger that is still there and does so; else NULL. */
const struct sync_function *sync_of(const struct syncs *syncs, const struct sync_trigger *trigger);

#endif
