/*
 * Fault points: places where a test can kill the process or fail an allocation.
 *
 * They exist only in a build with -Dfaults=true (the one that the tests use) and are absent from
 * release builds. PAWL_FAULT_KILL=N sends the process SIGKILL at the N-th point reached, or
 * the signal whose number is in PAWL_FAULT_SIGNAL; PAWL_FAULT_LOG=PATH appends the name of each
 * point reached, so that a test can count them.
 * PAWL_FAULT_ALLOC=N fails the N-th allocation.
 */
#ifndef PAWL_BASE_FAULT_H
#define PAWL_BASE_FAULT_H

#include <stdbool.h>

#ifdef PAWL_FAULTS
void fault_point(const char *name);
bool fault_allocation(void);
#else
static inline void fault_point(const char *name)
{
    (void)name;
}
static inline bool fault_allocation(void)
{
    return false;
}
#endif

#endif
