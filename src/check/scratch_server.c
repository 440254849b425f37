/* Finding the binaries, making a cluster, starting and ending its server. */
#include "check/scratch_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/companion.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/process.h"
#include "check/scratch_folder.h"
#include "db/pg.h"

#define DEBIAN "/usr/lib/postgresql"

enum {
    VERSION_MS = 10000,
    INITDB_MS = 120000,
    START_MS = 60000,
    STOP_MS = 5000,
    POLL_MS = 10,
    LOG_MAX_BYTES = 1 << 20,
    PID_FILE_MAX_BYTES = 4096,
};

struct scratch_server {
    struct arena *arena;
    const char *binaries, *folder, *data, *log;
    struct passwd *user; /* NULL: this process's own */
    struct companion companion;
    struct url url;
};

/* ---- the binaries ---- */

/* "postgres (PostgreSQL) 15.4 (Debian 15.4-1)" as 15; 0 when they are not there. */
static bool major_of(struct arena *arena, const char *folder, const struct wait *wait, int *ret,
                     struct err *err)
{
    CLEANUP(process_result_release) struct process_result result = {0};
    CLEANUP(err_release) struct err absent = {0};
    const char *const server = fs_join(arena, folder, "postgres");
    const char *const initdb = fs_join(arena, folder, "initdb");
    *ret = 0;
    if (server == NULL || initdb == NULL)
        return err_nomem(err);
    if (access(server, X_OK) != 0 || access(initdb, X_OK) != 0)
        return true;
    const char *const arguments[] = {server, "--version", NULL};
    const struct process process = {
        .arguments = arguments, .timeout_ms = VERSION_MS, .cancel_fd = wait->cancel_fd};
    if (!process_run(&process, &result, &absent)) {
        if (absent.code == ERR_USAGE)
            return true;
        *err = absent;
        absent = (struct err){0};
        return false;
    }
    (void)sscanf(str_text(&result.output), "postgres (PostgreSQL) %d", ret); /* 0 stays */
    return true;
}

struct search {
    int wanted, found; /* 0: any, none */
    const char *folder;
};

static bool try_folder(struct arena *arena, const char *folder, const struct wait *wait,
                       struct search *search, struct err *err)
{
    int major;
    if (search->found != 0 && search->found == search->wanted)
        return true;
    if (!major_of(arena, folder, wait, &major, err))
        return false;
    if (search->wanted != 0 ? major == search->wanted : major > search->found) {
        search->found = major;
        search->folder = folder;
    }
    return true;
}

/* In PATH, then where Debian has them. */
static bool find_binaries(struct arena *arena, const struct wait *wait, struct search *search,
                          struct err *err)
{
    const char *path = getenv("PATH");
    struct fs_names versions = {0};
    for (size_t len; path != NULL && *path != '\0'; path += len + (path[len] == ':')) {
        len = strcspn(path, ":");
        const char *const folder = arena_strndup(arena, path, len);
        if (folder == NULL)
            return err_nomem(err);
        if (folder[0] == '/' && !try_folder(arena, folder, wait, search, err))
            return false;
    }
    if (!fs_is_folder(DEBIAN))
        return true;
    if (!fs_list(arena, DEBIAN, &versions, err))
        return false;
    for (size_t i = 0; i < versions.count; i++) {
        const char *const folder = arena_printf(arena, DEBIAN "/%s/bin", versions.items[i]);
        if (folder == NULL)
            return err_nomem(err);
        if (!try_folder(arena, folder, wait, search, err))
            return false;
    }
    return true;
}

/* ---- making ---- */

static bool find_user(struct scratch_server *server, struct err *err)
{
    if (geteuid() != 0)
        return true;
    server->user = getpwnam("postgres");
    if (server->user == NULL)
        server->user = getpwnam("nobody");
    return server->user != NULL ||
           err_set(err, ERR_USAGE,
                   "PostgreSQL does not run as root, and there is neither a user "
                   "\"postgres\" nor \"nobody\"");
}

static bool make_folder(struct scratch_server *server, struct err *err)
{
    if (!scratch_folder_make(server->arena, server->user, &server->folder, err))
        return false;
    server->data = fs_join(server->arena, server->folder, "data");
    server->log = fs_join(server->arena, server->folder, "log");
    return (server->data != NULL && server->log != NULL) || err_nomem(err);
}

/* The last line of the log says why a server does not start. */
static bool failed(struct scratch_server *server, const char *program, struct err *err)
{
    CLEANUP(err_release) struct err ignored = {0};
    char *text = NULL;
    size_t len = 0;
    if (!fs_read(server->arena, server->log, LOG_MAX_BYTES, &text, &len, &ignored))
        text = NULL;
    while (text != NULL && len > 0 && text[len - 1] == '\n')
        text[--len] = '\0';
    const char *const last = text == NULL ? NULL : strrchr(text, '\n');
    const char *const said =
        text == NULL ? "" : fs_printable(server->arena, last != NULL ? last + 1 : text);
    return err_set(err, ERR_USAGE, "%s/%s failed: %s", server->binaries, program,
                   said != NULL ? said : "");
}

static bool launch(struct scratch_server *server, const char *const *arguments, int end_signal,
                   struct err *err)
{
    const struct companion_options options = {
        .arguments = arguments,
        .folder = server->folder,
        .log = server->log,
        .as_other = server->user != NULL,
        .user = server->user != NULL ? server->user->pw_uid : 0,
        .group = server->user != NULL ? server->user->pw_gid : 0,
        .end_signal = end_signal,
    };
    return companion_start(&options, &server->companion, err);
}

/* The wait, shortened. */
static struct wait within(const struct wait *wait, int64_t ms)
{
    struct wait limited = *wait;
    const int64_t until_ms = clock_monotonic_ms() + ms;
    if (limited.deadline_ms == 0 || until_ms < limited.deadline_ms)
        limited.deadline_ms = until_ms;
    return limited;
}

/* Nobody else can reach the socket, so nobody is asked for a password. */
static bool make_cluster(struct scratch_server *server, const struct wait *wait, struct err *err)
{
    const char *const initdb = fs_join(server->arena, server->binaries, "initdb");
    const char *const arguments[] = {
        initdb,      "--pgdata",        server->data,       "--username=postgres", "--auth=trust",
        "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--lc-messages=C",     NULL};
    const struct wait limited = within(wait, INITDB_MS);
    bool ok = false;
    if (initdb == NULL)
        return err_nomem(err);
    if (!launch(server, arguments, SIGKILL, err))
        return false;
    while (!companion_ended(&server->companion, &ok))
        if (!wait_sleep(POLL_MS, &limited, err))
            return false;
    return ok || failed(server, "initdb", err);
}

/* The server says so itself, in the eighth line of this file. */
static bool is_ready(struct scratch_server *server)
{
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(err_release) struct err ignored = {0};
    char *text = NULL;
    size_t len = 0;
    const char *const path = fs_join(&arena, server->data, "postmaster.pid");
    if (path == NULL || !fs_read(&arena, path, PID_FILE_MAX_BYTES, &text, &len, &ignored))
        return false;
    for (int line = 1; line < 8 && text != NULL; line++) {
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
    return text != NULL && strncmp(text, "ready", strlen("ready")) == 0;
}

static bool start_server(struct scratch_server *server, const struct wait *wait, struct err *err)
{
    const char *const program = fs_join(server->arena, server->binaries, "postgres");
    const char *const arguments[] = {program,
                                     "-D",
                                     server->data,
                                     "-k",
                                     server->folder,
                                     "-c",
                                     "listen_addresses=",
                                     "-c",
                                     "fsync=off",
                                     "-c",
                                     "full_page_writes=off",
                                     "-c",
                                     "synchronous_commit=off",
                                     "-c",
                                     "max_connections=20",
                                     NULL};
    const struct wait limited = within(wait, START_MS);
    bool ok;
    if (program == NULL)
        return err_nomem(err);
    if (!launch(server, arguments, SIGQUIT, err))
        return false;
    while (!is_ready(server)) {
        if (companion_ended(&server->companion, &ok))
            return failed(server, "postgres", err);
        if (!wait_sleep(POLL_MS, &limited, err))
            return false;
    }
    return true;
}

/* What the environment says of other servers must not count here. */
static bool name_it(struct scratch_server *server, int major, struct err *err)
{
    CLEANUP(str_release)
    struct str location = {0};
    pg_put_parameter(&location, "host", server->folder);
    str_puts(&location,
             " port=5432 user=postgres dbname=postgres sslmode=disable gssencmode=disable"
             " options='' target_session_attrs=any");
    server->url = (struct url){
        .engine = ENGINE_POSTGRES,
        .location = location.failed ? NULL : arena_strdup(server->arena, str_text(&location)),
        .display = arena_printf(server->arena, "a PostgreSQL %d in %s", major, server->folder),
    };
    return (server->url.location != NULL && server->url.display != NULL) || err_nomem(err);
}

bool scratch_server_start(struct arena *arena, int major, const struct wait *wait,
                          struct scratch_server **ret, const char **ret_why, struct err *err)
{
    CLEANUP(scratch_server_stop) struct scratch_server *server = mem_alloc(sizeof *server);
    struct search search = {.wanted = major};
    *ret = NULL;
    *ret_why = NULL;
    if (server == NULL)
        return err_nomem(err);
    *server = (struct scratch_server){.arena = arena};
    if (!find_binaries(arena, wait, &search, err))
        return false;
    if (search.folder == NULL) {
        *ret_why = major == 0 ? "no PostgreSQL server is installed on this machine"
                              : arena_printf(arena,
                                             "no server of PostgreSQL %d is installed on this "
                                             "machine",
                                             major);
        return *ret_why != NULL || err_nomem(err);
    }
    server->binaries = search.folder;
    if (!find_user(server, err) || !make_folder(server, err) || !make_cluster(server, wait, err) ||
        !start_server(server, wait, err) || !name_it(server, search.found, err))
        return false;
    *ret = server;
    server = NULL;
    return true;
}

const struct url *scratch_server_url(const struct scratch_server *server)
{
    return &server->url;
}

/* ---- the end ---- */

/* pg_ctl hands the options to a shell of its own. */
static const char *start_command(const struct scratch_server *server, const char *folder)
{
    struct arena *const arena = server->arena;
    const char *const program = fs_join(arena, server->binaries, "pg_ctl");
    const char *const data = fs_join(arena, folder, "data"), *const socket =
                                                                 shell_word(arena, folder);
    if (program == NULL || data == NULL || socket == NULL)
        return NULL;
    const char *const options = arena_printf(arena, "-k %s -c listen_addresses=", socket);
    const char *const words[] = {shell_word(arena, program), shell_word(arena, data),
                                 options != NULL ? shell_word(arena, options) : NULL};
    if (words[0] == NULL || words[1] == NULL || words[2] == NULL)
        return NULL;
    return arena_printf(arena, "%s -D %s -o %s start", words[0], words[1], words[2]);
}

static bool leave(struct scratch_server *server, const char **ret_folder, const char **ret_command,
                  struct err *err)
{
    const char *folder;
    companion_end(&server->companion, SIGINT, START_MS);
    if (!scratch_folder_leave(server->arena, server->folder, &folder, err))
        return false;
    server->folder = NULL;
    *ret_folder = folder;
    *ret_command = start_command(server, folder);
    return *ret_command != NULL || err_nomem(err);
}

bool scratch_server_leave(struct scratch_server **server, const char **ret_folder,
                          const char **ret_command, struct err *err)
{
    const bool ok = leave(*server, ret_folder, ret_command, err);
    scratch_server_stop(server);
    return ok;
}

void scratch_server_stop(struct scratch_server **server)
{
    if (*server == NULL)
        return;
    companion_end(&(*server)->companion, SIGQUIT, STOP_MS);
    if ((*server)->folder != NULL)
        scratch_folder_remove((*server)->folder);
    free(*server);
    *server = NULL;
}
