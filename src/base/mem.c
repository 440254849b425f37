/* malloc with a fault point in front of it. */
#include "base/mem.h"

#include "base/fault.h"

void *mem_alloc(size_t bytes)
{
    return fault_allocation() ? NULL : malloc(bytes);
}

void *mem_realloc(void *memory, size_t bytes)
{
    return fault_allocation() ? NULL : realloc(memory, bytes);
}
