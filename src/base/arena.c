/* Bump allocation in growing blocks. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char data[];
};

enum { FIRST_BLOCK_BYTES = 4096, LARGEST_STEP_BYTES = 1 << 20 };

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks; block != NULL;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    arena->blocks = NULL;
}

static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
    size_t size = arena->blocks != NULL ? arena->blocks->size * 2 : FIRST_BLOCK_BYTES;
    if (size > LARGEST_STEP_BYTES)
        size = LARGEST_STEP_BYTES;
    if (size < bytes)
        size = bytes;
    struct arena_block *block = mem_alloc(sizeof *block + size);
    if (block == NULL)
        return NULL;
    *block = (struct arena_block){.next = arena->blocks, .size = size};
    arena->blocks = block;
    return block;
}

/* Memory with whatever is in it. */
static void *arena_alloc_raw(struct arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + align - 1) / align * align;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < bytes)
        block = add_block(arena, bytes);
    if (block == NULL)
        return NULL;
    void *memory = block->data + block->used;
    block->used += bytes;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    void *const memory = arena_alloc_raw(arena, bytes);
    return memory != NULL ? memset(memory, 0, bytes) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *const copy = arena_alloc_raw(arena, len + 1);
    if (copy == NULL)
        return NULL;
    if (len > 0)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

/* Into what is left of the block first: most texts fit, and need no measuring then. */
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    struct arena_block *const block = arena->blocks;
    const size_t left = block != NULL ? block->size - block->used : 0;
    va_list again;
    va_copy(again, args);
    const int len = vsnprintf(left > 0 ? block->data + block->used : NULL, left, format, args);
    char *text = len < 0 ? NULL : arena_alloc_raw(arena, (size_t)len + 1);
    if (text != NULL && (size_t)len >= left)
        (void)vsnprintf(text, (size_t)len + 1, format, again); /* measured above */
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void *arena_push_item(struct arena *arena, void **items, size_t *count, size_t *capacity,
                      size_t item_bytes)
{
    if (*count == *capacity) {
        size_t larger = *capacity == 0 ? 8 : *capacity * 2;
        if (larger > SIZE_MAX / 4 / item_bytes)
            return NULL;
        void *moved = arena_alloc(arena, larger * item_bytes);
        if (moved == NULL)
            return NULL;
        if (*count > 0)
            memcpy(moved, *items, *count * item_bytes);
        *items = moved;
        *capacity = larger;
    }
    return (char *)*items + (*count)++ * item_bytes;
}
