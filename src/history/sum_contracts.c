/* The contract lines of pawl.sum in one pass that keeps nothing else: at ten thousand migrations
 * the file has a megabyte, and a start-up check needs a hundredth of it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "history/sum.h"

/* A line is a checksum, a blank, the mark, a blank, the id; a file name has at most 255 bytes. */
enum { CHUNK_BYTES = 32 * 1024 };

struct scan {
    struct arena *arena;
    struct sum_ids ids;
    char bytes[CHUNK_BYTES];
    size_t have;
};

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* only read */
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool take_line(struct scan *scan, const char *line, size_t len)
{
    static const char *const marks[] = {" c ", " sc "};
    size_t id_at = 0;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        const size_t after = HASH_HEX_LEN + strlen(marks[i]);
        if (len > after && memcmp(line + HASH_HEX_LEN, marks[i], strlen(marks[i])) == 0)
            id_at = after;
    }
    if (id_at == 0)
        return true;
    const char **const id = arena_push(scan->arena, &scan->ids);
    return id != NULL && (*id = arena_strndup(scan->arena, line + id_at, len - id_at)) != NULL;
}

/* Takes the whole lines that are there; what follows the last line end stays. */
static bool take_lines(struct scan *scan)
{
    const char *line = scan->bytes, *end;
    while ((end = memchr(line, '\n', scan->have - (size_t)(line - scan->bytes))) != NULL) {
        if (!take_line(scan, line, (size_t)(end - line)))
            return false;
        line = end + 1;
    }
    scan->have -= (size_t)(line - scan->bytes);
    memmove(scan->bytes, line, scan->have);
    return true;
}

bool sum_read_contracts(struct arena *arena, const char *path, struct sum_ids *ret, struct err *err)
{
    struct scan scan = {.arena = arena};
    CLEANUP(close_fd) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = fd >= 0 ? 1 : -1;
    while (got > 0) {
        got = read(fd, scan.bytes + scan.have, sizeof scan.bytes - scan.have);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        scan.have += got > 0 ? (size_t)got : 0;
        if (!take_lines(&scan))
            return err_nomem(err);
    }
    if (got < 0)
        return err_errno(err, ERR_USAGE, "cannot read %s", path);
    if (scan.ids.count > 1)
        qsort(scan.ids.items, scan.ids.count, sizeof *scan.ids.items, compare_ids);
    *ret = scan.ids;
    return true;
}
