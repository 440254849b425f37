/* Reading, atomic writing and listing. */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* reading, or already synced */
}

static void close_folder(DIR **folder)
{
    if (*folder != NULL)
        (void)closedir(*folder);
}

bool fs_read(struct arena *arena, const char *path, size_t max_bytes, char **ret_text,
             size_t *ret_len, struct err *err)
{
    /* O_NONBLOCK: a FIFO that nobody writes must not hang the open. */
    CLEANUP(close_fd) const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0)
        return err_errno(err, ERR_USAGE, "cannot read %s", path);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_USAGE, "cannot read %s: it is not a regular file", path);
    if (status.st_size < 0 || (unsigned long long)status.st_size > max_bytes)
        return err_set(err, ERR_USAGE, "cannot read %s: it is larger than %zu bytes", path,
                       max_bytes);
    const size_t size = (size_t)status.st_size;
    char *text = arena_alloc(arena, size + 1);
    if (text == NULL)
        return err_nomem(err);
    size_t len = 0;
    while (len < size) {
        const ssize_t got = read(fd, text + len, size - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_USAGE, "cannot read %s", path);
        if (got == 0)
            return err_set(err, ERR_USAGE, "cannot read %s: it became shorter while it was read",
                           path);
        len += (size_t)got;
    }
    *ret_text = text;
    *ret_len = len;
    return true;
}

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        const ssize_t wrote = write(fd, text, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        text += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* Fills a fresh file beside path; on success its name is in temporary. mode may be NULL. */
static bool write_temporary(const char *path, const char *text, size_t len, const mode_t *mode,
                            struct str *temporary, struct err *err)
{
    str_printf(temporary, "%s.%ld.tmp", path, (long)getpid());
    if (temporary->failed)
        return err_nomem(err);
    const int fd = open(str_text(temporary), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(err, ERR_USAGE, "cannot write %s", path);
    const bool written =
        write_all(fd, text, len) && (mode == NULL || fchmod(fd, *mode) == 0) && fsync(fd) == 0;
    const int number = errno;
    if (close(fd) == 0 && written)
        return true;
    errno = written ? errno : number;
    (void)err_errno(err, ERR_USAGE, "cannot write %s", path);
    (void)unlink(str_text(temporary)); /* the error already says that nothing was written */
    return false;
}

static bool write_over(const char *path, const char *text, size_t len, const mode_t *mode,
                       struct err *err)
{
    CLEANUP(str_release) struct str temporary = {0};
    if (!write_temporary(path, text, len, mode, &temporary, err))
        return false;
    if (rename(str_text(&temporary), path) == 0)
        return true;
    (void)err_errno(err, ERR_USAGE, "cannot write %s", path);
    (void)unlink(str_text(&temporary));
    return false;
}

bool fs_write(const char *path, const char *text, size_t len, struct err *err)
{
    return write_over(path, text, len, NULL, err);
}

bool fs_replace(const char *path, const char *text, size_t len, struct err *err)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return err_errno(err, ERR_USAGE, "cannot write %s", path);
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_USAGE, "cannot write %s: it is not a regular file", path);
    const mode_t mode = status.st_mode & 07777;
    return write_over(path, text, len, &mode, err);
}

bool fs_create(const char *path, const char *text, size_t len, struct err *err)
{
    CLEANUP(str_release) struct str temporary = {0};
    if (!write_temporary(path, text, len, NULL, &temporary, err))
        return false;
    /* link() refuses an existing name, rename() would replace it. */
    const bool linked = link(str_text(&temporary), path) == 0;
    if (!linked)
        (void)err_errno(err, ERR_USAGE, "cannot create %s", path);
    (void)unlink(str_text(&temporary));
    return linked;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool fs_list(struct arena *arena, const char *path, struct fs_names *ret, struct err *err)
{
    CLEANUP(close_folder) DIR *folder = opendir(path);
    if (folder == NULL)
        return err_errno(err, ERR_USAGE, "cannot read the folder %s", path);
    struct fs_names names = {0};
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0)
            return err_errno(err, ERR_USAGE, "cannot read the folder %s", path);
        if (entry == NULL)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char **item = arena_push(arena, &names);
        if (item == NULL || (*item = arena_strdup(arena, entry->d_name)) == NULL)
            return err_nomem(err);
    }
    if (names.count > 0)
        qsort(names.items, names.count, sizeof *names.items, compare_names);
    *ret = names;
    return true;
}

bool fs_rename(const char *from, const char *to, struct err *err)
{
    /* One step that refuses to replace a file; a plain rename() would. */
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EINVAL && !fs_exists(to) && rename(from, to) == 0)
        return true; /* a file system that does not know the flag */
    return err_errno(err, ERR_USAGE, "cannot rename \"%s\" to \"%s\"", from, to);
}

bool fs_is_link(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode);
}

bool fs_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

bool fs_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool fs_make_folder(const char *path, struct err *err)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && fs_is_folder(path)))
        return true;
    return err_errno(err, ERR_USAGE, "cannot make the folder %s", path);
}

/* Empties the folder behind the descriptor, which it takes over. */
static bool empty_folder(int fd)
{
    CLEANUP(close_folder) DIR *folder = fdopendir(fd);
    bool ok = folder != NULL;
    if (!ok)
        (void)close(fd); /* only read */
    for (const struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
        const char *const name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0)
            continue;
        const int inside = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        ok = (inside >= 0 && empty_folder(inside) && unlinkat(fd, name, AT_REMOVEDIR) == 0) ||
             errno == ENOENT;
    }
    return ok;
}

bool fs_remove_folder(const char *path, struct err *err)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 ? empty_folder(fd) && (rmdir(path) == 0 || errno == ENOENT) : errno == ENOENT)
        return true;
    return err_errno(err, ERR_USAGE, "cannot remove %s", path);
}

bool fs_make_private_folders(struct arena *arena, const char *folder, struct err *err)
{
    char *const path = arena_strdup(arena, folder);
    if (path == NULL)
        return err_nomem(err);
    for (char *slash = path; slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST && !fs_is_folder(path))
            return err_errno(err, ERR_USAGE, "cannot make the folder %s", path);
        if (slash != NULL)
            *slash = '/';
    }
    return true;
}

/* The specification of XDG has relative paths ignored. */
static const char *folder_variable(const char *name)
{
    const char *const value = getenv(name);
    return value != NULL && value[0] == '/' ? value : NULL;
}

bool fs_state_folder(struct arena *arena, const char **ret, struct err *err)
{
    const char *const state = folder_variable("XDG_STATE_HOME");
    const char *const home = folder_variable("HOME");
    if (state == NULL && home == NULL)
        return err_set(err, ERR_USAGE, "neither XDG_STATE_HOME nor HOME names a folder for it");
    *ret =
        state != NULL ? fs_join(arena, state, "pawl") : fs_join(arena, home, ".local/state/pawl");
    return *ret != NULL || err_nomem(err);
}

char *fs_join(struct arena *arena, const char *folder, const char *name)
{
    if (name[0] == '/' || strcmp(folder, ".") == 0)
        return arena_strdup(arena, name);
    const size_t len = strlen(folder), name_len = strlen(name);
    char *const path = arena_alloc(arena, len + 1 + name_len + 1);
    if (path == NULL)
        return NULL;
    memcpy(path, folder, len);
    char *end = path + len;
    if (len == 0 || folder[len - 1] != '/')
        *end++ = '/';
    memcpy(end, name, name_len);
    return path;
}

char *fs_printable(struct arena *arena, const char *name)
{
    CLEANUP(str_release) struct str out = {0};
    const size_t len = strlen(name);
    size_t i = 0;
    while (i < len && out.len < 200) {
        size_t valid = 0;
        const size_t rest = len - i;
        /* The longest valid run, then one byte that is not. */
        if (utf8_valid(name + i, rest, &valid))
            valid = rest;
        for (; valid > 0 && out.len < 200; valid--, i++) {
            const unsigned char c = (unsigned char)name[i];
            if (c < 0x20 || c == 0x7f || c == '\\')
                str_printf(&out, "\\x%02x", c);
            else
                str_putc(&out, (char)c);
        }
        if (i < len && valid == 0 && out.len < 200)
            str_printf(&out, "\\x%02x", (unsigned char)name[i++]);
    }
    /* Never end in the middle of a character. */
    size_t bad = out.len;
    if (!out.failed && out.len > 0 && !utf8_valid(str_text(&out), out.len, &bad))
        out.data[out.len = bad] = '\0';
    if (i < len)
        str_puts(&out, "…");
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}
