/*
 * A service that starts only on a schema that fits its code: service URL [MIGRATIONS [WAIT_S]]
 *
 *     cc -o service service.c $(pkg-config --cflags --libs pawl)
 *     ./service env:DATABASE_URL migrations 30 && echo "it served"
 *
 * It exits with pawl's code: 0 served, 4 not ready yet, 6 never ready, 9 no database.
 */
#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>

static int serve(void)
{
    printf("serving (libpawl %s)\n", pawl_version());
    return 0;
}

int main(int argc, char **argv)
{
    struct pawl_options options = PAWL_OPTIONS_INIT;
    struct pawl *pawl = NULL;
    const struct pawl_ready_result *answer = NULL;

    options.url = argc > 1 ? argv[1] : "env:DATABASE_URL";
    options.migrations = argc > 2 ? argv[2] : NULL;
    const long wait_s = argc > 3 ? strtol(argv[3], NULL, 10) : 0;

    enum pawl_code code = pawl_open(&options, &pawl);
    if (code == PAWL_OK)
        code = pawl_ready(pawl, wait_s * 1000, &answer);
    if (code != PAWL_OK) {
        const struct pawl_error *error = pawl_last_error(pawl);
        fprintf(stderr, "not starting: %s\n", error->message);
        if (error->hint != NULL)
            fprintf(stderr, "next: %s\n", error->hint);
    }
    for (size_t i = 0; answer != NULL && i < answer->edited_count; i++)
        fprintf(stderr, "warning: \"%s\" was edited after it was applied\n", answer->edited[i]);
    pawl_close(pawl);
    return code == PAWL_OK ? serve() : (int)code;
}
