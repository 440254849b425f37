/* The file of one backup: in a folder that nobody else writes to, under its last name only when it
 * is whole. */
#ifndef PAWL_DEPLOY_BACKUP_FILE_H
#define PAWL_DEPLOY_BACKUP_FILE_H

#include "base/hash.h"
#include "db/wait.h"
#include "deploy/backup.h"

struct backup_file {
    const char *folder;         /* its whole path */
    const char *partial, *path; /* whole paths: while it is made, and then */
    int folder_fd;              /* -1: not open. Locked, so that nobody sweeps the file */
    bool there;                 /* the partial file is ours to remove */
    int64_t bytes;
    struct hash_hex sha256;
};

/* Makes the folder where it is missing and an empty partial file in it, and removes what killed
 * backups have left. database names the file, with the time; suffix: ".dump". */
bool backup_file_open(const struct backup_work *work, const char *database, const char *suffix,
                      struct backup_file *ret, struct err *err) MUST_CHECK;

/* Fills in bytes, of a file that is regular and not empty. by: who wrote it, for the error. */
bool backup_file_measure(struct backup_file *file, const char *by, struct err *err) MUST_CHECK;

/* How it begins, up to size bytes, NUL-terminated: what tells one format from another. */
bool backup_file_begins(const struct backup_file *file, char *ret, size_t size,
                        struct err *err) MUST_CHECK;

/* Puts it on the disk, takes its hash and gives it its name. */
bool backup_file_keep(struct backup_file *file, const struct wait *wait,
                      struct err *err) MUST_CHECK;

/* Removes a partial file that is still there. */
void backup_file_close(struct backup_file *file);

/* Whether the file at the path has this size and hash; *ret_why is NULL, or static. Errors:
 * ERR_SIGNAL. */
bool backup_file_same(const char *path, int64_t bytes, const char *sha256, const struct wait *wait,
                      const char **ret_why, struct err *err) MUST_CHECK;

#endif
