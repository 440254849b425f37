/* Where the files are, how they are named, and how few of them stay. */
#include "deploy/black_box_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"

static const char SUFFIX[] = ".jsonl";

/* Of a name's parts, in bytes: "20250708T094434Z", "-", sixteen digits, SUFFIX. */
enum { TIME_BYTES = 16, ID_BYTES = 16 };

bool black_box_wanted(const struct black_box_options *options)
{
    const char *const folder = options->folder;
    return folder != NULL && folder[0] != '\0' && strcmp(folder, "off") != 0;
}

bool black_box_folder(struct arena *arena, const struct black_box_options *options,
                      const char **ret, struct err *err)
{
    const char *const folder = options->folder;
    *ret = NULL;
    if (!black_box_wanted(options))
        return true;
    if (strcmp(folder, "auto") == 0)
        return fs_state_folder(arena, ret, err);
    *ret = fs_join(arena, options->base, folder);
    return *ret != NULL || err_nomem(err);
}

/* ---- names ---- */

static bool all_digits(const char *text, size_t len, const char *digits)
{
    return strspn(text, digits) >= len;
}

/* Exactly a name of ours: nobody else's file is ever removed. */
static bool is_ours(const char *name)
{
    return strlen(name) == TIME_BYTES + 1 + ID_BYTES + strlen(SUFFIX) &&
           all_digits(name, 8, "0123456789") && name[8] == 'T' &&
           all_digits(name + 9, 6, "0123456789") && name[15] == 'Z' && name[TIME_BYTES] == '-' &&
           all_digits(name + TIME_BYTES + 1, ID_BYTES, "0123456789abcdef") &&
           strcmp(name + TIME_BYTES + 1 + ID_BYTES, SUFFIX) == 0;
}

static const char *make_name(struct arena *arena, const char *attempt)
{
    char at[CLOCK_ISO_BYTES];
    clock_format_compact(clock_utc_us(), at);
    return arena_printf(arena, "%s-%s%s", at, attempt, SUFFIX);
}

/* ---- writing ---- */

/* What cannot be removed stays: another deploy may have been quicker. */
static void remove_oldest(struct arena *arena, const char *folder)
{
    CLEANUP(err_release) struct err ignored = {0};
    struct fs_names names;
    size_t ours = 0;
    if (!fs_list(arena, folder, &names, &ignored))
        return;
    for (size_t i = 0; i < names.count; i++)
        ours += is_ours(names.items[i]);
    for (size_t i = 0; i < names.count && ours > BLACK_BOX_FILES; i++) {
        if (!is_ours(names.items[i]))
            continue;
        const char *const path = fs_join(arena, folder, names.items[i]);
        if (path != NULL)
            (void)unlink(path);
        ours--;
    }
}

bool black_box_file_open(struct arena *arena, const char *folder, const char *attempt,
                         struct black_box_file *ret, struct err *err)
{
    const char *const name = make_name(arena, attempt);
    const char *const path = name != NULL ? fs_join(arena, folder, name) : NULL;
    if (path == NULL)
        return err_nomem(err);
    if (!fs_make_private_folders(arena, folder, err))
        return false;
    const int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_USAGE, "cannot write %s", path);
    ret->path = path;
    ret->fd = fd;
    ret->open = true;
    remove_oldest(arena, folder);
    return true;
}

void black_box_file_close(struct black_box_file *file)
{
    if (file->open)
        (void)close(file->fd); /* nothing was held back, and nothing is lost but the file */
    file->open = false;
    str_release(&file->lines);
}

bool black_box_file_write(struct black_box_file *file, struct err *err)
{
    const char *text = str_text(&file->lines);
    size_t len = file->lines.len;
    bool ok = !file->lines.failed || err_nomem(err);
    while (ok && len > 0) {
        const ssize_t wrote = write(file->fd, text, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        ok = wrote >= 0 || err_errno(err, ERR_USAGE, "cannot write %s", file->path);
        text += ok ? wrote : 0;
        len -= ok ? (size_t)wrote : 0;
    }
    if (ok)
        str_clear(&file->lines);
    else
        black_box_file_close(file);
    return ok;
}

/* ---- reading ---- */

bool black_box_file_find(struct arena *arena, const char *folder, const char *attempt,
                         const char **ret, struct err *err)
{
    struct fs_names names;
    *ret = NULL;
    if (!fs_is_folder(folder))
        return true;
    if (!fs_list(arena, folder, &names, err))
        return false;
    for (size_t i = 0; i < names.count && *ret == NULL; i++) {
        if (!is_ours(names.items[i]) ||
            strncmp(names.items[i] + TIME_BYTES + 1, attempt, ID_BYTES) != 0)
            continue;
        *ret = fs_join(arena, folder, names.items[i]);
        if (*ret == NULL)
            return err_nomem(err);
    }
    return true;
}
