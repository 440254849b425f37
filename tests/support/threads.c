/*
 * Uses libpawl from many threads at once, each with handles of its own: threads URL FOLDER LAST.
 * All deploy, ask and look at the same time; then all are stopped in a deploy by one descriptor,
 * where the migration that is left takes long. Prints how many migrations the threads applied and
 * how many threads were stopped.
 */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pawl.h>

enum { THREADS = 6, ROUNDS = 3 };

struct work {
    const char *url, *folder;
    const char *to; /* the last migration before the long one */
    int stop_fd, started_fd;
    size_t applied;
    int asked, stopped;
};

static struct pawl_options options_of(struct work *work)
{
    struct pawl_options options = PAWL_OPTIONS_INIT;
    options.url = work->url;
    options.migrations = work->folder;
    options.context = work;
    return options;
}

static int is(enum pawl_code code, enum pawl_code expected, const char *call,
              const struct pawl *pawl)
{
    if (code != expected)
        (void)fprintf(stderr, "%s: %d, %s\n", call, code, pawl_last_error(pawl)->message);
    return code == expected;
}

static void *deploy_and_ask(void *context)
{
    struct work *const work = context;
    const struct pawl_deploy_result *deployed = NULL;
    const struct pawl_status_result *status = NULL;
    const struct pawl_plan_result *plan = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        struct pawl_options options = options_of(work);
        struct pawl *pawl = NULL;
        options.to = work->to;
        if (is(pawl_open(&options, &pawl), PAWL_OK, "open", pawl) &&
            is(pawl_deploy(pawl, 60000, &deployed), PAWL_OK, "deploy", pawl)) {
            work->applied += deployed->applied_count;
            work->asked +=
                is(pawl_status(pawl, &status), PAWL_OK, "status", pawl) && status->chain_whole &&
                is(pawl_plan(pawl, &plan), PAWL_OK, "plan", pawl) && plan->pending_count == 0 &&
                is(pawl_ready(pawl, 0, NULL), PAWL_NOT_READY, "ready", pawl);
        }
        pawl_close(pawl);
    }
    return NULL;
}

static void tell_start(void *context, const struct pawl_event *event)
{
    const struct work *const work = context;
    const uint64_t one = 1;
    if (event->type == PAWL_EVENT_MIGRATION)
        (void)!write(work->started_fd, &one, sizeof one);
}

static void *deploy_until_stopped(void *context)
{
    struct work *const work = context;
    struct pawl_options options = options_of(work);
    struct pawl *pawl = NULL;
    options.cancel_fd = work->stop_fd;
    options.on_event = tell_start;
    work->stopped = is(pawl_open(&options, &pawl), PAWL_OK, "open", pawl) &&
                    is(pawl_deploy(pawl, 60000, NULL), PAWL_CANCELLED, "deploy", pawl);
    pawl_close(pawl);
    return NULL;
}

static void run(struct work works[THREADS], void *(*start)(void *), const struct work *waited_for)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, start, &works[i]) != 0)
            _exit(2);
    if (waited_for != NULL) {
        const uint64_t one = 1;
        struct pollfd started = {.fd = waited_for->started_fd, .events = POLLIN};
        (void)poll(&started, 1, 30000);
        (void)!write(waited_for->stop_fd, &one, sizeof one);
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct work works[THREADS];
    const struct work all = {.url = argv[1],
                             .folder = argv[2],
                             .to = argv[3],
                             .stop_fd = eventfd(0, EFD_CLOEXEC),
                             .started_fd = eventfd(0, EFD_CLOEXEC)};
    size_t applied = 0;
    int asked = 0, stopped = 0;
    for (int i = 0; i < THREADS; i++)
        works[i] = all;
    run(works, deploy_and_ask, NULL);
    run(works, deploy_until_stopped, &all);
    for (int i = 0; i < THREADS; i++) {
        applied += works[i].applied;
        asked += works[i].asked;
        stopped += works[i].stopped;
    }
    (void)printf("%zu applied, %d of %d asked, %d of %d stopped\n", applied, asked,
                 THREADS * ROUNDS, stopped, THREADS);
    return 0;
}
