/* dlopen() with one error message. */
#include "base/library.h"

#include <dlfcn.h>

bool library_load(const char *soname, const char *package, const struct library_symbol *symbols,
                  size_t count, struct err *err)
{
    /* Lazy, as a linked library is: libpq brings 22 more, most of whose functions nobody calls. */
    void *library = dlopen(soname, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        (void)err_set(err, ERR_USAGE, "cannot load %s: %s", soname, dlerror());
        err_hint(err, "Install it: apt-get install %s", package);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *symbols[i].address = dlsym(library, symbols[i].name);
        if (*symbols[i].address == NULL) {
            (void)err_set(err, ERR_USAGE, "%s has no function %s: it is too old", soname,
                          symbols[i].name);
            err_hint(err, "Install a newer one: apt-get install %s", package);
            return false;
        }
    }
    return true;
}
