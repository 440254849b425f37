/*
 * Runs one command with its output thrown away and prints what it took:
 * wall time, user and system time in microseconds, peak memory in kilobytes, exit code.
 *
 * A program of its own, because a process counts the memory of whoever started it until its exec:
 * started by an interpreter each command would seem to need as much memory as the interpreter.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_us(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static long long timeval_us(struct timeval time)
{
    return (long long)time.tv_sec * 1000000 + time.tv_usec;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status;
    if (argc < 2 || posix_spawn_file_actions_init(&actions) != 0 ||
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0)
        return 1;
    const long long start_us = now_us();
    if (posix_spawn(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0) {
        perror(argv[1]);
        return 1;
    }
    if (wait4(pid, &status, 0, &usage) != pid)
        return 1;
    const long long wall_us = now_us() - start_us;
    printf("%lld %lld %lld %ld %d\n", wall_us, timeval_us(usage.ru_utime),
           timeval_us(usage.ru_stime), usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
