/*
 * Memory that lives as long as one operation: allocate freely, release once.
 *
 * An allocation never moves and stays valid until arena_release(). Every function that allocates
 * returns NULL when memory is out; the caller turns that into err_nomem(). Not safe to share
 * between threads: one arena a thread.
 */
#ifndef PAWL_BASE_ARENA_H
#define PAWL_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/macros.h"

struct arena {
    struct arena_block *blocks;
};

/* Frees everything. The arena is empty and usable again. */
void arena_release(struct arena *arena);

/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *arena, size_t bytes) MUST_CHECK;

/* Copies, always with a final NUL. */
char *arena_strdup(struct arena *arena, const char *text) MUST_CHECK;
char *arena_strndup(struct arena *arena, const char *text, size_t len) MUST_CHECK;
char *arena_printf(struct arena *arena, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) MUST_CHECK
    PRINTF_LIKE(2, 0);

/*
 * Appends one zeroed item to a list struct { T *items; size_t count, capacity; } and returns its
 * address, or NULL when memory is out (the list is then unchanged). Addresses of older items may
 * change.
 */
#define arena_push(arena, list)                                                                    \
    ((__typeof__((list)->items))arena_push_item((arena), (void **)&(list)->items, &(list)->count,  \
                                                &(list)->capacity, sizeof *(list)->items))
void *arena_push_item(struct arena *arena, void **items, size_t *count, size_t *capacity,
                      size_t item_bytes) MUST_CHECK;

#endif
