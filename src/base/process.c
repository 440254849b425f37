/* Starting, feeding, reading and ending another program. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { READ_BYTES = 64 << 10, PAUSE_MS = 1 };

/* The ends of the pipes that are open in this process, and the child. -1: none. */
struct running {
    int input;                 /* the child's standard input */
    int output[2], message[2]; /* read end, write end */
    pid_t pid;
    bool with_children; /* the child leads a process group */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* a pipe or a file in memory: nothing to lose */
    *fd = -1;
}

/* A child that still runs is ended; it is waited for on every path. */
static void end(struct running *running)
{
    close_fd(&running->input);
    for (int i = 0; i < 2; i++) {
        close_fd(&running->output[i]);
        close_fd(&running->message[i]);
    }
    if (running->pid <= 0)
        return;
    /* It may have ended already. */
    (void)kill(running->with_children ? -running->pid : running->pid, SIGKILL);
    while (waitpid(running->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* ---- environment ---- */

static size_t name_length(const char *variable)
{
    return strcspn(variable, "=");
}

static const char *find_change(const char *const *changes, const char *variable)
{
    const size_t len = name_length(variable);
    for (; changes != NULL && *changes != NULL; changes++)
        if (name_length(*changes) == len && strncmp(*changes, variable, len) == 0)
            return *changes;
    return NULL;
}

/* Our own environment with the changes; malloc'ed, its strings are not copied. */
static const char **make_environment(const char *const *changes)
{
    size_t count = 0, used = 0;
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
        count++;
    for (const char *const *change = changes; change != NULL && *change != NULL; change++)
        count++;
    const char **made = mem_alloc((count + 1) * sizeof *made);
    if (made == NULL)
        return NULL;
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++)
        if (find_change(changes, *variable) == NULL)
            made[used++] = *variable;
    for (const char *const *change = changes; change != NULL && *change != NULL; change++)
        if (strchr(*change, '=') != NULL)
            made[used++] = *change;
    made[used] = NULL;
    return made;
}

/* ---- starting ---- */

/* A file in memory: unlike a pipe it never waits for the reader, and never raises SIGPIPE. */
static int open_input(struct span input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t written = 0;
    while (fd >= 0 && written < input.len) {
        const ssize_t wrote = write(fd, input.at + written, input.len - written);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            close_fd(&fd);
        else
            written += (size_t)wrote;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0)
        close_fd(&fd);
    return fd;
}

/* Signals as a fresh program has them. 0 or an error number. */
static int set_signals(posix_spawnattr_t *attributes, bool own_group)
{
    sigset_t all, none;
    if (sigfillset(&all) != 0 || sigemptyset(&none) != 0)
        return errno;
    int number = posix_spawnattr_setsigdefault(attributes, &all);
    if (number == 0)
        number = posix_spawnattr_setsigmask(attributes, &none);
    if (number == 0)
        number = posix_spawnattr_setflags(
            attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                (own_group ? POSIX_SPAWN_SETPGROUP : 0))); /* group 0: its own */
    return number;
}

static int set_files(posix_spawn_file_actions_t *actions, const struct running *running)
{
    int number = posix_spawn_file_actions_adddup2(actions, running->input, STDIN_FILENO);
    if (number == 0)
        number = posix_spawn_file_actions_adddup2(actions, running->output[1], STDOUT_FILENO);
    if (number == 0)
        number = posix_spawn_file_actions_adddup2(actions, running->message[1], STDERR_FILENO);
    return number;
}

/* 0 or an error number. */
static int spawn(struct running *running, const char *const *arguments, const char **environment)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);
    if (number != 0)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number == 0) {
        number = set_files(&actions, running);
        if (number == 0)
            number = set_signals(&attributes, running->with_children);
        if (number == 0) /* the prototype lacks the const that POSIX promises in words */
            number = posix_spawnp(&running->pid, arguments[0], &actions, &attributes,
                                  (char **)(uintptr_t)arguments, (char **)(uintptr_t)environment);
        (void)posix_spawnattr_destroy(&attributes); /* always 0 */
    }
    (void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
    if (number != 0)
        running->pid = -1;
    return number;
}

static bool start(const struct process *process, struct running *running, struct err *err)
{
    const char *const program = process->arguments[0];
    running->input = open_input(process->input);
    if (running->input < 0 || pipe2(running->output, O_CLOEXEC) != 0 ||
        pipe2(running->message, O_CLOEXEC) != 0)
        return err_errno(err, ERR_USAGE, "cannot start \"%s\"", program);
    CLEANUP(free_pointer) const char **environment = make_environment(process->environment);
    if (environment == NULL)
        return err_nomem(err);
    const int number = spawn(running, process->arguments, environment);
    close_fd(&running->output[1]);
    close_fd(&running->message[1]);
    if (number == 0)
        return true;
    if (number == ENOENT)
        return err_set(err, ERR_USAGE, "there is no program \"%s\" in PATH", program);
    errno = number;
    return err_errno(err, ERR_USAGE, "cannot start \"%s\"", program);
}

/* ---- reading ---- */

static int cancel_fd(const struct process *process)
{
    return process->cancel_fd > 0 ? process->cancel_fd : -1;
}

static bool cancelled(struct err *err)
{
    return err_set(err, ERR_SIGNAL, "stopped on request");
}

/* Takes what is there; closes the descriptor at its end. False when it cannot be read. */
static bool take(int *fd, struct str *into, bool drop_what_is_too_much)
{
    char bytes[READ_BYTES];
    const ssize_t got = read(*fd, bytes, sizeof bytes);
    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (got == 0)
        close_fd(fd);
    size_t len = (size_t)got;
    if (drop_what_is_too_much && len > into->max - into->len)
        len = into->max - into->len;
    str_append(into, bytes, len);
    return true;
}

static bool read_once(const struct process *process, struct running *running,
                      struct process_result *ret, int64_t left_ms, struct err *err)
{
    const char *const program = process->arguments[0];
    struct pollfd waits[] = {{.fd = running->output[0], .events = POLLIN},
                             {.fd = running->message[0], .events = POLLIN},
                             {.fd = cancel_fd(process), .events = POLLIN}};
    const int ready = poll(waits, COUNT_OF(waits), left_ms < 60000 ? (int)left_ms : 60000);
    if (ready < 0 && errno != EINTR)
        return err_errno(err, ERR_USAGE, "cannot wait for \"%s\"", program);
    if (ready <= 0)
        return true;
    if (waits[2].revents != 0)
        return cancelled(err);
    if ((waits[0].revents != 0 && !take(&running->output[0], &ret->output, false)) ||
        (waits[1].revents != 0 && !take(&running->message[0], &ret->message, true)))
        return err_errno(err, ERR_USAGE, "cannot read from \"%s\"", program);
    if (!ret->output.failed && !ret->message.failed)
        return true;
    if (ret->message.failed || ret->output.max - ret->output.len >= READ_BYTES)
        return err_nomem(err);
    return err_set(err, ERR_USAGE, "\"%s\" gave more than %zu bytes", program, ret->output.max);
}

static bool time_over(const struct process *process, struct err *err)
{
    char time[CLOCK_ISO_BYTES];
    clock_format_elapsed_ms(process->timeout_ms, time);
    return err_set(err, ERR_USAGE, "\"%s\" did not end within %s", process->arguments[0], time);
}

static bool read_all(const struct process *process, struct running *running,
                     struct process_result *ret, int64_t deadline_ms, struct err *err)
{
    while (running->output[0] >= 0 || running->message[0] >= 0) {
        const int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0)
            return time_over(process, err);
        if (!read_once(process, running, ret, left_ms, err))
            return false;
    }
    return true;
}

/* A program that closed its output may still run: waits for its end, not for ever. */
static bool wait_for_end(const struct process *process, struct running *running,
                         struct process_result *ret, int64_t deadline_ms, struct err *err)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(running->pid, &status, WNOHANG)) == 0 ||
           (ended < 0 && errno == EINTR)) {
        if (clock_monotonic_ms() >= deadline_ms)
            return time_over(process, err);
        struct pollfd cancel = {.fd = cancel_fd(process), .events = POLLIN};
        if (poll(&cancel, 1, PAUSE_MS) > 0)
            return cancelled(err);
    }
    running->pid = -1;
    if (ended < 0)
        return err_errno(err, ERR_USAGE, "cannot learn how \"%s\" ended", process->arguments[0]);
    ret->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    ret->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return true;
}

bool process_run(const struct process *process, struct process_result *ret, struct err *err)
{
    CLEANUP(end)
    struct running running = {-1, {-1, -1}, {-1, -1}, -1, process->with_children};
    const int64_t deadline_ms = clock_monotonic_ms() + process->timeout_ms;
    *ret = (struct process_result){
        .output.max =
            process->max_output_bytes != 0 ? process->max_output_bytes : STR_DEFAULT_MAX_BYTES,
        .message.max = PROCESS_MAX_MESSAGE_BYTES,
    };
    return start(process, &running, err) && read_all(process, &running, ret, deadline_ms, err) &&
           wait_for_end(process, &running, ret, deadline_ms, err);
}

void process_result_release(struct process_result *result)
{
    str_release(&result->output);
    str_release(&result->message);
}

const char *shell_word(struct arena *arena, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_/.,:=@%+-";
    CLEANUP(str_release) struct str word = {0};
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0')
        return arena_strdup(arena, text);
    str_putc(&word, '\'');
    for (const char *c = text; *c != '\0'; c++)
        if (*c == '\'')
            str_puts(&word, "'\\''");
        else
            str_putc(&word, *c);
    str_putc(&word, '\'');
    return word.failed ? NULL : arena_strdup(arena, str_text(&word));
}
