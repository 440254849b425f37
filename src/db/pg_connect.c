/*
 * Connecting. libpq looks up names (and gets Kerberos tickets) in calls that block for as long as
 * the network does. So a thread of its own does all of it, in the order in which libpq would, and
 * whoever must not wait any longer leaves it behind: it frees what it holds when it ends. A socket
 * of this machine needs no name, and no thread.
 */
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "db/pg_parts.h"

/* How long a thread that is told to stop may take, unless it is in a call that blocks. The process
 * may end next, and with it what the thread is using. */
enum { STOP_GRACE_MS = 200 };

static PGconn *start(const struct libpq *libpq, const struct pg_options *options)
{
    /* What stands before dbname is a default that the URL may override; what follows is not. */
    const char *const keywords[] = {"keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "fallback_application_name",
                                    "dbname",
                                    "client_encoding",
                                    options->database != NULL ? "dbname" : NULL,
                                    NULL};
    const char *const values[] = {
        "10", "5", "3", options->application, options->location, "UTF8", options->database, NULL};
    return libpq->PQconnectStartParams(keywords, values, 1);
}

/* libpq quotes a location that it cannot read, password and all. */
static bool cannot_connect(const struct libpq *libpq, PGconn *conn,
                           const struct pg_options *options, struct err *err)
{
    CLEANUP(str_release) struct str text = {0}, shown = {0};
    pg_first_lines(libpq->PQerrorMessage(conn), &text);
    const char *rest = str_text(&text);
    for (const char *at; (at = strstr(rest, options->location)) != NULL;
         rest = at + strlen(options->location)) {
        str_append(&shown, rest, (size_t)(at - rest));
        str_puts(&shown, options->display);
    }
    str_puts(&shown, rest);
    (void)err_set(err, ERR_UNREACHABLE, "cannot connect: %s", str_text(&shown));
    err->retryable = true;
    return false;
}

/* What comes before the caller has the connection is for nobody; libpq's default prints it. */
static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* *ret is the caller's to finish, also on failure. */
static bool connect_here(const struct libpq *libpq, const struct pg_options *options,
                         const struct wait *wait, PGconn **ret, struct err *err)
{
    PGconn *const conn = *ret = start(libpq, options);
    if (conn == NULL)
        return err_nomem(err);
    (void)libpq->PQsetNoticeReceiver(conn, ignore_notice, NULL); /* returns the old one */
    PostgresPollingStatusType polling = PGRES_POLLING_WRITING;
    if (libpq->PQstatus(conn) == CONNECTION_BAD)
        return cannot_connect(libpq, conn, options, err);
    while (polling != PGRES_POLLING_OK) {
        short events = polling == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_fd(libpq->PQsocket(conn), events, wait, &events, err))
            return false;
        polling = libpq->PQconnectPoll(conn);
        if (polling == PGRES_POLLING_FAILED)
            return cannot_connect(libpq, conn, options, err);
    }
    return true;
}

/* ---- in a thread ---- */

struct connecting {
    const struct libpq *libpq;
    struct arena arena; /* options; only whoever frees all of it changes it */
    struct pg_options options;
    pthread_t thread;
    int stop_fd, done_fd; /* eventfds: for the thread, and from it */
    atomic_int holders;   /* caller and thread; the last one frees */
    bool ok;              /* this and what follows is the thread's until its end */
    PGconn *conn;
    struct err err;
};

static void release(struct connecting *connecting)
{
    if (atomic_fetch_sub(&connecting->holders, 1) > 1)
        return;
    if (connecting->conn != NULL)
        connecting->libpq->PQfinish(connecting->conn);
    err_release(&connecting->err);
    if (connecting->stop_fd >= 0)
        (void)close(connecting->stop_fd);
    if (connecting->done_fd >= 0)
        (void)close(connecting->done_fd);
    arena_release(&connecting->arena);
    free(connecting);
}

static void set_event(int fd)
{
    (void)!write(fd, &(uint64_t){1}, sizeof(uint64_t)); /* from 0 to 1: cannot fail */
}

static struct connecting *prepare(const struct libpq *libpq, const struct pg_options *options,
                                  struct err *err)
{
    struct connecting *const made = mem_alloc(sizeof *made);
    if (made == NULL) {
        (void)err_nomem(err);
        return NULL;
    }
    *made = (struct connecting){.libpq = libpq, .holders = 1, .options = *options};
    made->options.location = arena_strdup(&made->arena, options->location);
    made->options.display = arena_strdup(&made->arena, options->display);
    made->options.application = arena_strdup(&made->arena, options->application);
    if (options->database != NULL)
        made->options.database = arena_strdup(&made->arena, options->database);
    made->stop_fd = eventfd(0, EFD_CLOEXEC);
    made->done_fd = made->stop_fd < 0 ? -1 : eventfd(0, EFD_CLOEXEC);
    if (made->options.location != NULL && made->options.display != NULL &&
        made->options.application != NULL &&
        (made->options.database != NULL) == (options->database != NULL) && made->stop_fd >= 0 &&
        made->done_fd >= 0)
        return made;
    if (made->stop_fd < 0 || made->done_fd < 0)
        (void)err_errno(err, ERR_FAILED, "cannot make an event descriptor");
    else
        (void)err_nomem(err);
    release(made);
    return NULL;
}

static void *run(void *context)
{
    struct connecting *const connecting = context;
    const struct wait wait = {.cancel_fd = connecting->stop_fd};
    connecting->ok = connect_here(connecting->libpq, &connecting->options, &wait, &connecting->conn,
                                  &connecting->err);
    set_event(connecting->done_fd);
    release(connecting);
    return NULL;
}

static bool start_thread(struct connecting *connecting, struct err *err)
{
    atomic_fetch_add(&connecting->holders, 1);
    if (thread_start(&connecting->thread, run, connecting))
        return true;
    atomic_fetch_sub(&connecting->holders, 1);
    return err_errno(err, ERR_FAILED, "cannot start a thread to connect");
}

/* What a thread that is done has made. It is waited for to its end: the TLS library frees at the
 * end of a thread what is the thread's, which must not be while the process ends. */
static bool take(struct connecting *connecting, PGconn **ret, struct err *err)
{
    (void)pthread_join(connecting->thread, NULL); /* cannot fail: this thread has started it */
    *ret = connecting->conn;
    connecting->conn = NULL;
    if (!connecting->ok) {
        err_release(err);
        *err = connecting->err;
        connecting->err = (struct err){0};
    }
    return connecting->ok;
}

/* False when it could not be waited for, in a call that blocks. */
static bool stop_thread(struct connecting *connecting)
{
    const struct wait grace = {.cancel_fd = -1,
                               .deadline_ms = clock_monotonic_ms() + STOP_GRACE_MS};
    CLEANUP(err_release) struct err late = {0};
    short events = 0;
    set_event(connecting->stop_fd);
    const bool done = wait_fd(connecting->done_fd, POLLIN, &grace, &events, &late);
    if (done)
        (void)pthread_join(connecting->thread, NULL); /* as above */
    else
        (void)pthread_detach(connecting->thread);
    return done;
}

/* *ret_looking_up: the wait ended, for whatever reason, while libpq was in a call that blocks. */
static bool connect_in_thread(const struct libpq *libpq, const struct pg_options *options,
                              const struct wait *wait, PGconn **ret, bool *ret_looking_up,
                              struct err *err)
{
    short events = 0;
    struct connecting *const connecting = prepare(libpq, options, err);
    if (connecting == NULL)
        return false;
    bool ok = start_thread(connecting, err);
    if (ok && !wait_fd(connecting->done_fd, POLLIN, wait, &events, err)) {
        *ret_looking_up = !stop_thread(connecting);
        ok = false;
    } else if (ok) {
        ok = take(connecting, ret, err);
    }
    release(connecting);
    return ok;
}

/* ---- which of them ---- */

static const char *value_of(const PQconninfoOption *option)
{
    const char *const value = option->val != NULL      ? option->val
                              : option->envvar != NULL ? getenv(option->envvar)
                                                       : NULL;
    return value != NULL ? value : "";
}

static bool are_sockets(const char *hosts)
{
    for (const char *host = hosts;; host++) {
        if (*host != '\0' && strchr("/@,", *host) == NULL)
            return false;
        host = strchrnul(host, ',');
        if (*host == '\0')
            return true;
    }
}

/* Whether there is surely no name to look up. */
static bool only_sockets(const struct libpq *libpq, const char *location)
{
    bool sockets = true;
    PQconninfoOption *const options = libpq->PQconninfoParse(location, NULL);
    if (options == NULL)
        return true; /* which libpq refuses at once */
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
        if (strcmp(option->keyword, "host") == 0)
            sockets = sockets && are_sockets(value_of(option));
        else if (strcmp(option->keyword, "hostaddr") == 0 ||
                 strcmp(option->keyword, "service") == 0)
            sockets = sockets && *value_of(option) == '\0';
    libpq->PQconninfoFree(options);
    return sockets;
}

bool pg_connect(const struct libpq *libpq, const struct pg_options *options,
                const struct wait *wait, PGconn **ret, struct err *err)
{
    struct wait limited = *wait;
    const int64_t limit_ms = clock_monotonic_ms() + options->connect_timeout_ms;
    if (limited.deadline_ms == 0 || limit_ms < limited.deadline_ms)
        limited.deadline_ms = limit_ms;
    bool looking_up = false;
    *ret = NULL;
    if (only_sockets(libpq, options->location)
            ? connect_here(libpq, options, &limited, ret, err)
            : connect_in_thread(libpq, options, &limited, ret, &looking_up, err))
        return true;
    if (err->code == ERR_SIGNAL && looking_up)
        (void)err_set(err, ERR_SIGNAL, "stopped on request while the server's name was looked up");
    if (err->code == ERR_BUSY) {
        (void)err_set(err, ERR_UNREACHABLE, "cannot connect: %s in time",
                      looking_up ? "the server's name was not looked up"
                                 : "the server did not answer");
        err->retryable = true;
    }
    return false;
}

/* ---- for other programs ---- */

bool pg_environment(struct arena *arena, const char *location, const char *const **ret,
                    struct err *err)
{
    struct {
        const char **items;
        size_t count, capacity;
    } variables = {0};
    const struct libpq *const libpq = libpq_load(err);
    if (libpq == NULL)
        return false;
    PQconninfoOption *const options = libpq->PQconninfoParse(location, NULL);
    if (options == NULL)
        return err_set(err, ERR_USAGE, "libpq cannot read where the database is");
    bool ok = true;
    for (const PQconninfoOption *option = options; ok && option->keyword != NULL; option++) {
        if (option->val == NULL || option->envvar == NULL)
            continue;
        const char **const variable = arena_push(arena, &variables);
        if (variable != NULL)
            *variable = arena_printf(arena, "%s=%s", option->envvar, option->val);
        ok = variable != NULL && *variable != NULL;
    }
    libpq->PQconninfoFree(options);
    if (!ok || arena_push(arena, &variables) == NULL) /* zeroed: the NULL at the end */
        return err_nomem(err);
    *ret = variables.items;
    return true;
}

/* libpq marks what must not be shown. */
static bool may_be_shown(const PQconninfoOption *option)
{
    return strchr(option->dispchar, '*') == NULL && strcmp(option->keyword, "dbname") != 0;
}

void pg_put_parameter(struct str *out, const char *keyword, const char *value)
{
    str_printf(out, "%s%s=", out->len > 0 ? " " : "", keyword);
    if (value[0] != '\0' && value[strcspn(value, " \t\n\r\f\v'\\")] == '\0') {
        str_puts(out, value);
        return;
    }
    str_putc(out, '\'');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\')
            str_putc(out, '\\');
        str_putc(out, *c);
    }
    str_putc(out, '\'');
}

bool pg_conninfo(struct arena *arena, const char *location, const char *database, const char **ret,
                 struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    const struct libpq *const libpq = libpq_load(err);
    if (libpq == NULL)
        return false;
    PQconninfoOption *const options = libpq->PQconninfoParse(location, NULL);
    if (options == NULL)
        return err_set(err, ERR_USAGE, "libpq cannot read where the database is");
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++)
        if (option->val != NULL && may_be_shown(option))
            pg_put_parameter(&out, option->keyword, option->val);
    libpq->PQconninfoFree(options);
    pg_put_parameter(&out, "dbname", database);
    *ret = out.failed ? NULL : arena_strdup(arena, str_text(&out));
    return *ret != NULL || err_nomem(err);
}
