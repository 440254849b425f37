/* Preloaded: names below .test without a name server. "slow.test" is never found out, "two.test" is
 * 127.0.0.2 and 127.0.0.1 in this order, "one.test" is 127.0.0.1; others go to the C library. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int lookup_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int numeric(const char *address, const char *service, const struct addrinfo *hints,
                   struct addrinfo **ret)
{
    lookup_fn *const real = (lookup_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
    return real(address, service, hints, ret);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    if (name != NULL && strcmp(name, "slow.test") == 0) {
        static const char said[] = "slow.test is asked for\n";
        (void)!write(STDERR_FILENO, said, sizeof said - 1);
        for (;;)
            pause();
    }
    if (name != NULL && strcmp(name, "one.test") == 0)
        return numeric("127.0.0.1", service, hints, ret);
    if (name == NULL || strcmp(name, "two.test") != 0)
        return numeric(name, service, hints, ret);
    struct addrinfo *second = NULL;
    const int failure = numeric("127.0.0.2", service, hints, ret);
    if (failure != 0)
        return failure;
    if (numeric("127.0.0.1", service, hints, &second) == 0)
        (*ret)->ai_next = second;
    return 0;
}
