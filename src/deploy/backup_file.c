/* Making, keeping and removing the file of a backup. */
#include "deploy/backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"

/* Of a name "shop-20250708T094434Z-0123abcd.dump": how much of the database's is in it. */
enum { NAME_BYTES = 40, LOCK_TRIES = 100, LOCK_PAUSE_MS = 10 };

static const char PARTIAL[] = ".partial";

/* ---- the folder ---- */

static bool find_folder(const struct backup_work *work, const char **ret, struct err *err)
{
    const struct backup_options *const options = work->options;
    if (strcmp(options->directory, "auto") != 0) {
        *ret = fs_join(work->arena, options->base, options->directory);
        return *ret != NULL || err_nomem(err);
    }
    if (!fs_state_folder(work->arena, ret, err))
        return false;
    *ret = fs_join(work->arena, *ret, "backups");
    return *ret != NULL || err_nomem(err);
}

/* The journal keeps UTF-8, and what restores the file is typed. */
static bool check_name(const char *folder, struct err *err)
{
    size_t bad = 0;
    bool ok = utf8_valid(folder, strlen(folder), &bad);
    for (const char *c = folder; ok && *c != '\0'; c++)
        ok = (unsigned char)*c >= 0x20 && *c != 0x7f;
    return ok || err_set(err, ERR_REFUSED,
                         "the path of the folder for backups holds a control character, or is not "
                         "UTF-8");
}

static bool open_folder(const struct backup_work *work, struct backup_file *file, struct err *err)
{
    struct stat status;
    const char *folder = NULL;
    if (!find_folder(work, &folder, err) || !fs_make_private_folders(work->arena, folder, err))
        return false;
    char *const whole = realpath(folder, NULL);
    if (whole == NULL)
        return err_errno(err, ERR_REFUSED, "cannot use the folder \"%s\"", folder);
    file->folder = arena_strdup(work->arena, whole);
    free(whole);
    if (file->folder == NULL)
        return err_nomem(err);
    file->folder_fd = open(file->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->folder_fd < 0 || fstat(file->folder_fd, &status) != 0)
        return err_errno(err, ERR_REFUSED, "cannot use the folder \"%s\"", file->folder);
    if ((status.st_mode & S_IWOTH) == 0 || (status.st_mode & S_ISVTX) != 0)
        return check_name(file->folder, err);
    (void)err_set(err, ERR_REFUSED, "anybody may replace the files in \"%s\"", file->folder);
    err_hint(err, "A backup holds all of the database: chmod o-w the folder.");
    return false;
}

/* Each byte of the text against one of the form: 9 is a digit, f a hexadecimal one. */
static bool has_form(const char *text, const char *form)
{
    for (; *form != '\0'; form++, text++)
        if (*form == '9'   ? !ascii_digit(*text)
            : *form == 'f' ? *text == '\0' || strchr("0123456789abcdef", *text) == NULL
                           : *text != *form)
            return false;
    return true;
}

/* Exactly a partial file of ours, or what SQLite puts beside one: nobody else's is ever removed. */
static bool is_partial(const char *name)
{
    static const char form[] = "-99999999T999999Z-ffffffff.";
    const char *const mark = strstr(name, PARTIAL);
    if (mark == NULL)
        return false;
    const char *const rest = mark + strlen(PARTIAL);
    const char *suffix = mark;
    while (suffix > name && suffix[-1] != '.')
        suffix--;
    return suffix - name > (ptrdiff_t)strlen(form) && has_form(suffix - strlen(form), form) &&
           (*rest == '\0' || strcmp(rest, "-journal") == 0 || strcmp(rest, "-wal") == 0 ||
            strcmp(rest, "-shm") == 0);
}

/* What cannot be removed stays: it is in nobody's way. */
static void sweep(struct arena *arena, const struct backup_file *file)
{
    CLEANUP(err_release) struct err ignored = {0};
    struct fs_names names;
    if (!fs_list(arena, file->folder, &names, &ignored))
        return;
    for (size_t i = 0; i < names.count; i++)
        if (is_partial(names.items[i]))
            (void)unlinkat(file->folder_fd, names.items[i], 0);
}

/* Whoever makes a file shares the lock: who gets it alone knows that all partial files are dead.
 * Where a file system has no locks nothing is swept. */
static bool lock_folder(const struct backup_work *work, const struct backup_file *file,
                        struct err *err)
{
    if (flock(file->folder_fd, LOCK_EX | LOCK_NB) == 0)
        sweep(work->arena, file);
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        if (flock(file->folder_fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return true;
        if (!wait_sleep(LOCK_PAUSE_MS, work->wait, err))
            return false;
    }
    return err_set(err, ERR_REFUSED, "another program holds a lock on \"%s\"", file->folder);
}

/* ---- the file ---- */

static const char *make_name(struct arena *arena, const char *database, const char *suffix)
{
    CLEANUP(str_release) struct str name = {0};
    char at[CLOCK_ISO_BYTES];
    unsigned int random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return NULL;
    for (const char *c = database; *c != '\0' && name.len < NAME_BYTES; c++)
        str_putc(&name, ascii_letter(*c) || ascii_digit(*c) || *c == '_' ? *c : '_');
    str_putc(&name, '-');
    clock_format_compact(clock_utc_us(), at);
    str_printf(&name, "%s-%08x%s", at, random, suffix);
    return name.failed ? NULL : arena_strdup(arena, str_text(&name));
}

bool backup_file_open(const struct backup_work *work, const char *database, const char *suffix,
                      struct backup_file *ret, struct err *err)
{
    *ret = (struct backup_file){.folder_fd = -1, .bytes = -1};
    if (!open_folder(work, ret, err) || !lock_folder(work, ret, err))
        return false;
    const char *const name = make_name(work->arena, database, suffix);
    ret->path = name != NULL ? fs_join(work->arena, ret->folder, name) : NULL;
    ret->partial = ret->path != NULL ? arena_printf(work->arena, "%s%s", ret->path, PARTIAL) : NULL;
    if (ret->partial == NULL)
        return err_nomem(err);
    const int fd = open(ret->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_REFUSED, "cannot write \"%s\"", ret->partial);
    (void)close(fd); /* nothing was written */
    ret->there = true;
    return true;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* synced, or only read */
}

/* Never through a link, and never waiting for a FIFO's writer. */
static bool open_regular(const char *path, struct stat *ret_status, int *ret, struct err *err)
{
    *ret = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*ret < 0 && errno == ELOOP)
        return err_set(err, ERR_REFUSED, "\"%s\" is a symbolic link, and no file", path);
    if (*ret < 0 || fstat(*ret, ret_status) != 0)
        return err_errno(err, ERR_REFUSED, "cannot read \"%s\"", path);
    return S_ISREG(ret_status->st_mode) ||
           err_set(err, ERR_REFUSED, "\"%s\" is not a regular file", path);
}

bool backup_file_measure(struct backup_file *file, const char *by, struct err *err)
{
    struct stat status;
    CLEANUP(close_fd) int fd = -1;
    if (!open_regular(file->partial, &status, &fd, err)) {
        err_prefix(err, "%s has left no backup", by);
        return false;
    }
    if (status.st_size <= 0)
        return err_set(err, ERR_REFUSED, "%s has left an empty backup", by);
    file->bytes = status.st_size;
    return true;
}

bool backup_file_begins(const struct backup_file *file, char *ret, size_t size, struct err *err)
{
    struct stat status;
    CLEANUP(close_fd) int fd = -1;
    if (!open_regular(file->partial, &status, &fd, err))
        return false;
    const ssize_t got = read(fd, ret, size - 1);
    if (got < 0)
        return err_errno(err, ERR_REFUSED, "cannot read \"%s\"", file->partial);
    ret[got] = '\0';
    return true;
}

static bool stop_hashing(const void *context)
{
    return wait_cancelled(context);
}

static bool hash_fd(int fd, const char *path, const struct wait *wait, struct hash_hex *ret,
                    struct err *err)
{
    if (hash_file(fd, stop_hashing, wait, ret))
        return true;
    return errno != 0 ? err_errno(err, ERR_REFUSED, "cannot read \"%s\"", path)
                      : err_set(err, ERR_SIGNAL, "stopped on request");
}

bool backup_file_keep(struct backup_file *file, const struct wait *wait, struct err *err)
{
    struct stat status;
    CLEANUP(close_fd) int fd = -1;
    if (!open_regular(file->partial, &status, &fd, err))
        return false;
    if (fchmod(fd, 0600) != 0 || fsync(fd) != 0)
        return err_errno(err, ERR_REFUSED, "cannot put \"%s\" on the disk", file->partial);
    if (!hash_fd(fd, file->partial, wait, &file->sha256, err) ||
        !fs_rename(file->partial, file->path, err))
        return false;
    file->there = false;
    if (fsync(file->folder_fd) == 0)
        return true;
    (void)err_errno(err, ERR_REFUSED, "cannot put \"%s\" on the disk", file->path);
    (void)unlink(file->path); /* the error says that there is no backup */
    return false;
}

void backup_file_close(struct backup_file *file)
{
    static const char *const companions[] = {"", "-journal", "-wal", "-shm"};
    for (size_t i = 0; file->there && i < COUNT_OF(companions); i++) {
        CLEANUP(str_release) struct str name = {0};
        str_printf(&name, "%s%s", file->partial, companions[i]);
        if (!name.failed)
            (void)unlink(str_text(&name)); /* else the next backup sweeps it */
    }
    if (file->folder_fd >= 0)
        (void)close(file->folder_fd); /* only read */
    file->folder_fd = -1;
    file->there = false;
}

bool backup_file_same(const char *path, int64_t bytes, const char *sha256, const struct wait *wait,
                      const char **ret_why, struct err *err)
{
    struct stat status;
    struct hash_hex found;
    CLEANUP(close_fd) int fd = -1;
    CLEANUP(err_release) struct err why = {0};
    *ret_why = NULL;
    if (!open_regular(path, &status, &fd, &why)) {
        *ret_why = fs_exists(path) ? "it cannot be read as a file" : "it is not there";
    } else if (status.st_size != bytes) {
        *ret_why = "it has another size";
    } else if (!hash_fd(fd, path, wait, &found, &why)) {
        *ret_why = "it cannot be read";
        if (why.code == ERR_SIGNAL) {
            *err = why;
            why = (struct err){0};
            return false;
        }
    } else if (sha256 == NULL || strcmp(found.text, sha256) != 0) {
        *ret_why = "its content is another one";
    }
    return true;
}
