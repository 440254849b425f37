/* Files and folders, with errors that name the path. */
#ifndef PAWL_BASE_FS_H
#define PAWL_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct fs_names {
    const char **items;
    size_t count, capacity;
};

/* The whole file, NUL-terminated (the file may hold NULs of its own: use the length). Refuses
 * anything but a regular file, and more than max_bytes. Errors: ERR_USAGE. */
bool fs_read(struct arena *arena, const char *path, size_t max_bytes, char **ret_text,
             size_t *ret_len, struct err *err) MUST_CHECK;

/* Writes beside the path, syncs and renames, so that a reader sees the old file or the new one,
 * whole. Mode 0666 less the umask. */
bool fs_write(const char *path, const char *text, size_t len, struct err *err) MUST_CHECK;

/* As fs_write(), for a regular file that is there: it keeps its mode. Refuses a symbolic link,
 * which would become a file. */
bool fs_replace(const char *path, const char *text, size_t len, struct err *err) MUST_CHECK;

/* As fs_write(), and an error when the path exists already. */
bool fs_create(const char *path, const char *text, size_t len, struct err *err) MUST_CHECK;

/* The names in a folder, sorted bytewise, without "." and "..". */
bool fs_list(struct arena *arena, const char *path, struct fs_names *ret,
             struct err *err) MUST_CHECK;

/* Renames a file or folder, and never onto another one. */
bool fs_rename(const char *from, const char *to, struct err *err) MUST_CHECK;

bool fs_exists(const char *path);
bool fs_is_link(const char *path);
bool fs_is_folder(const char *path);

/* Makes the folder; done already is success. */
bool fs_make_folder(const char *path, struct err *err) MUST_CHECK;

/* Removes the folder and all in it, without following a symbolic link, whoever changes the names
 * meanwhile. Gone already is success. */
bool fs_remove_folder(const char *path, struct err *err) MUST_CHECK;

/* Makes the folder and those above it that are missing, for their owner only. */
bool fs_make_private_folders(struct arena *arena, const char *path, struct err *err) MUST_CHECK;

/* $XDG_STATE_HOME/pawl, or ~/.local/state/pawl: where this machine keeps what pawl leaves on it.
 * ERR_USAGE where the environment names neither. */
bool fs_state_folder(struct arena *arena, const char **ret, struct err *err) MUST_CHECK;

/* "folder/name", or name alone when the folder is "." or name is absolute; NULL when memory is
 * out. */
char *fs_join(struct arena *arena, const char *folder, const char *name) MUST_CHECK;

/* What may be printed of a name that someone else chose: control characters, invalid UTF-8 and
 * backslashes as \xNN, at most 200 bytes and then "…". NULL when memory is out. */
char *fs_printable(struct arena *arena, const char *name) MUST_CHECK;

#endif
