/* The parts that fuzz targets share. */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_fail(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

void fuzz_end(struct fuzz *fuzz)
{
    arena_release(&fuzz->arena);
    err_release(&fuzz->err);
}

char *fuzz_text(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    char *const text = arena_alloc(&fuzz->arena, size + 1);
    HOLDS(text != NULL);
    for (size_t i = 0; i < size; i++)
        text[i] = data[i] == '\0' ? ' ' : (char)data[i];
    return text;
}

char *fuzz_bytes(const void *data, size_t size)
{
    char *const copy = malloc(size > 0 ? size : 1);
    HOLDS(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

const char *fuzz_file(const void *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    if (fd < 0) {
        fd = memfd_create("pawl-fuzz", MFD_CLOEXEC);
        HOLDS(fd >= 0);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    HOLDS(ftruncate(fd, 0) == 0);
    HOLDS(pwrite(fd, data, size, 0) == (ssize_t)size);
    return path;
}

void fuzz_check_findings(const struct findings *findings, const char *text, size_t len)
{
    int lines = 1;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    HOLDS(!findings->failed);
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *const finding = &findings->items[i];
        size_t bad = 0;
        HOLDS(finding->rule != NULL && finding->what != NULL && finding->what[0] != '\0');
        HOLDS(finding->line >= 0 && finding->line <= lines);
        HOLDS(finding->column >= 0 && finding->column <= (int)len + 1);
        HOLDS(utf8_valid(finding->what, strlen(finding->what), &bad));
        for (const char *c = finding->what; *c != '\0'; c++)
            HOLDS((unsigned char)*c >= ' ');
    }
}

enum dialect fuzz_dialect(uint8_t byte)
{
    return byte % 2 == 0 ? DIALECT_POSTGRES : DIALECT_SQLITE;
}
