/*
 * A thread that the program around us does not notice: its signal handlers never run in it.
 */
#ifndef PAWL_BASE_THREAD_H
#define PAWL_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/macros.h"

/* pthread_create() with all signals blocked; false with errno. The caller joins or detaches it. */
bool thread_start(pthread_t *ret, void *(*run)(void *), void *context) MUST_CHECK;

#endif
