/*
 * The one place where pawl's own memory comes from, so that a test can make any allocation fail.
 */
#ifndef PAWL_BASE_MEM_H
#define PAWL_BASE_MEM_H

#include <stddef.h>

#include "base/macros.h"

/* As malloc() and realloc(); free with free(). In a build with fault points the allocation whose
 * number is in PAWL_FAULT_ALLOC fails, counted from 1. */
void *mem_alloc(size_t bytes) MUST_CHECK;
void *mem_realloc(void *memory, size_t bytes) MUST_CHECK;

#endif
