/* Loading libpq once. */
#include "db/libpq.h"

#include <pthread.h>

#include "base/library.h"

const struct libpq *libpq_load(struct err *err)
{
    /* Written once under the lock and only read after that. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct libpq table;
    static bool loaded;
    const struct library_symbol symbols[] = {
#define X(name) {#name, (void **)&table.name},
        LIBPQ_FUNCTIONS(X)
#undef X
    };
    (void)pthread_mutex_lock(&lock); /* a plain mutex, never locked twice by a thread */
    if (!loaded)
        loaded = library_load("libpq.so.5", "libpq5", symbols, COUNT_OF(symbols), err);
    const bool ok = loaded;
    (void)pthread_mutex_unlock(&lock);
    return ok ? &table : NULL;
}
