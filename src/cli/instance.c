/* Recording, registering, naming. */
#include "cli/instance.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/readiness.h"
#include "cli/session.h"
#include "cli/stop.h"
#include "cli/workspace.h"
#include "deploy/prepare.h"
#include "live/announce.h"

static const char application_variable[] = "PGAPPNAME=";

/* Beside the program's own words: one line. */
static void say_blocked(void *context, const char *migration)
{
    dprintf(STDERR_FILENO,
            "pawl: warning: the contract migration \"%s\" was applied and release \"%s\" does not "
            "carry it: start newer code\n",
            migration, (const char *)context);
}

bool instance_open(struct cli *cli, struct instance *ret, struct err *err)
{
    const char *const release = session_release(cli);
    *ret = (struct instance){.heartbeat = {.target = &ret->target,
                                           .on_blocked = say_blocked,
                                           .context = (void *)(uintptr_t)release,
                                           .stop = {-1, -1}}};
    prepare_target(&cli->config, &cli->target, &cli->url, true, &ret->target);
    if (release == NULL)
        return true;
    ret->heartbeat.instance = (struct presence_instance){
        .release = release,
        .instance = heartbeat_name(&cli->arena),
        .application = heartbeat_application(&cli->arena, release),
        .ttl_ms = HEARTBEAT_TTL_MS,
    };
    return (ret->heartbeat.instance.instance != NULL &&
            ret->heartbeat.instance.application != NULL) ||
           err_nomem(err);
}

void instance_close(struct instance *instance)
{
    heartbeat_end(&instance->heartbeat);
}

static const char *release_of(const struct instance *instance)
{
    return instance->heartbeat.instance.release;
}

/* ---- recording ---- */

/* A container may ship pawl.sum alone, which does not say all that a release carries. */
static bool load_set(struct cli *cli, struct workspace *ret, bool *ret_loaded, struct err *err)
{
    struct findings *const findings = &cli->findings;
    const size_t kept = findings->count;
    *ret_loaded = workspace_load(cli, ret, err);
    findings->count = kept; /* a deploy says what is wrong with them */
    if (!*ret_loaded)
        return false;
    *ret_loaded = ret->set.count > 0 && (!ret->sum_exists || ret->sum_fits);
    return true;
}

static bool record(struct cli *cli, const struct instance *instance, struct workspace *workspace,
                   struct session *session, struct err *err)
{
    struct deploy_options options;
    struct deploy_result result = {0};
    struct findings findings = {0};
    prepare_deploy(&cli->config, &cli->target, &options);
    options.set = &workspace->set;
    options.release = release_of(instance);
    return session_open(cli, true, session, err) &&
           deploy_start_release(&cli->arena, &session->target, &session->wait, &session->ledger,
                                &options, &result, &findings, err);
}

static void warn_not_recorded(struct cli *cli, const struct instance *instance,
                              const struct err *err)
{
    const char *const release = fs_printable(&cli->arena, release_of(instance));
    output_chat(&cli->output, "warning: what release \"%s\" carries is not recorded: %s",
                release != NULL ? release : "?",
                err->message != NULL ? err->message : err_meaning(err->code));
}

bool instance_record(struct cli *cli, const struct instance *instance, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    CLEANUP(err_release) struct err failed = {0};
    struct workspace workspace;
    bool loaded = false;
    if (release_of(instance) == NULL)
        return true;
    if (!load_set(cli, &workspace, &loaded, &failed)) {
        warn_not_recorded(cli, instance, &failed);
        return true;
    }
    if (!loaded || record(cli, instance, &workspace, &session, &failed))
        return true;
    /* What a standby, a read-only role or a ledger of another format refuses is not the release. */
    const bool other_set = failed.code == ERR_REFUSED && session.ledger.exists &&
                           !session.ledger.standby && !session.ledger.read_only;
    if (other_set || failed.code == ERR_NOMEM || failed.code == ERR_SIGNAL) {
        *err = failed;
        failed = (struct err){0};
        return false;
    }
    if (strcmp(failed.sqlstate, "42501") != 0) /* insufficient_privilege: the usual case */
        warn_not_recorded(cli, instance, &failed);
    return true;
}

/* ---- registering ---- */

/* What hello() said, as `pawl ready` says it. */
static void refuse_start(struct cli *cli, const struct instance *instance,
                         const struct hello *hello)
{
    const bool never = hello->answer == HELLO_BLOCKED;
    const char *const id = fs_printable(&cli->arena, hello->migration);
    const char *const release = fs_printable(&cli->arena, release_of(instance));
    const char *const reason =
        id != NULL && release != NULL
            ? arena_printf(&cli->arena,
                           "the contract migration \"%s\" %s and release \"%s\" does not carry it",
                           id, never ? "was applied" : "is about to run", release)
            : NULL;
    const char *const next = never ? readiness_never_text(&cli->arena, hello->migration)
                                   : "wait for that deploy, or wait longer: --wait";
    cli->output.failed = cli->output.failed || reason == NULL || next == NULL;
    output_result(&cli->output, "%s: %s\n", never ? "never ready" : "not ready", reason);
    output_chat(&cli->output, "next: %s", next);
    cli_result(cli, "ready", json_false());
    cli_result(cli, "verdict", cli_json_text(never ? "never ready" : "not ready"));
    cli_result(cli, "reason", cli_json_text(reason));
    cli_result(cli, "next", cli_json_text(next));
    cli->outcome = never ? ERR_NEVER_READY : ERR_NOT_READY;
}

bool instance_register(struct cli *cli, struct instance *instance, int64_t give_up_ms,
                       struct instance_override *override, bool *ret_start, struct err *err)
{
    enum { PAUSE_MS = 500 };
    struct heartbeat *const heartbeat = &instance->heartbeat;
    struct wait wait = {.cancel_fd = -1};
    struct hello hello;
    *ret_start = true;
    if (release_of(instance) == NULL)
        return true;
    if (!stop_watch(&wait.cancel_fd, err))
        return false;
    for (;;) {
        CLEANUP(err_release) struct err failed = {0};
        if (!heartbeat_once(heartbeat, &cli->arena, &wait, &hello, &failed)) {
            const char *const release = fs_printable(&cli->arena, release_of(instance));
            output_chat(&cli->output, "warning: release \"%s\" is not registered: %s",
                        release != NULL ? release : "?",
                        failed.message != NULL ? failed.message : err_meaning(failed.code));
            return heartbeat_start(heartbeat, err);
        }
        if (hello.answer == HELLO_BLOCKED && override->reason != NULL && override->passed == NULL)
            override->passed = hello.migration;
        *ret_start = hello.answer == HELLO_OK || override->passed != NULL;
        if (*ret_start)
            return heartbeat_start(heartbeat, err);
        if (hello.answer == HELLO_BLOCKED || clock_monotonic_ms() >= give_up_ms) {
            refuse_start(cli, instance, &hello);
            return true;
        }
        if (!wait_sleep(PAUSE_MS, &wait, err))
            return false;
    }
}

/* ---- going over ---- */

bool instance_journal_override(struct cli *cli, const struct instance *instance,
                               const struct instance_override *override, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    struct announcer announcer;
    const char *head = NULL;
    if (override->passed == NULL)
        return true;
    if (session_open(cli, true, &session, err) &&
        announce_open(&cli->arena, &session.ledger, &announcer, err) &&
        announce_override(&announcer, release_of(instance), override->passed, override->reason,
                          &head, err))
        return true;
    if (strcmp(err->sqlstate, "42501") == 0) { /* insufficient_privilege */
        (void)err_set(err, ERR_REFUSED,
                      "an override goes into the ledger, and this role may not write to it");
        err_state(err, "The program was not started, and nothing was changed.");
        err_hint(err, "Give the url of the role that deploys: --url, or PAWL_URL.");
    }
    return false;
}

/* ---- naming ---- */

bool instance_environment(struct cli *cli, const struct instance *instance, const char *const **ret,
                          struct err *err)
{
    const char *const given = getenv("PGAPPNAME");
    const size_t len = sizeof application_variable - 1;
    size_t count = 0, kept = 0;
    *ret = (const char *const *)environ;
    if (release_of(instance) == NULL || cli->url.engine == ENGINE_SQLITE ||
        (given != NULL && given[0] != '\0'))
        return true;
    while (environ[count] != NULL)
        count++;
    const char **const variables = arena_alloc(&cli->arena, (count + 2) * sizeof *variables);
    if (variables == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], application_variable, len) != 0)
            variables[kept++] = environ[i];
    variables[kept] = arena_printf(&cli->arena, "%s%s", application_variable,
                                   instance->heartbeat.instance.application);
    variables[kept + 1] = NULL;
    *ret = variables;
    return variables[kept] != NULL || err_nomem(err);
}
