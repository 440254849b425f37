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

void *arena_alloc(struct arena *arena, size_t bytes)
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
    return memset(memory, 0, bytes);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list measure;
    va_copy(measure, args);
    int len = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)len + 1, format, args); /* measured above */
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
