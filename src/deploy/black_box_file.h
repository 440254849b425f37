/*
 * The files in which deploy attempts leave what happened: one folder, one file an attempt, its name
 * "20250708T094434Z-<attempt id>.jsonl".
 *
 * Nothing here is worth failing a deploy for: a file that cannot be written is given up, and the
 * caller is told why once.
 */
#ifndef PAWL_DEPLOY_BLACK_BOX_FILE_H
#define PAWL_DEPLOY_BLACK_BOX_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* The newest so many files stay. */
enum { BLACK_BOX_FILES = 100 };

struct black_box_options {
    const char
        *folder;      /* as the setting says: "auto", a path, "off" or empty for none; NULL: none */
    const char *base; /* what a relative path starts from */
};

struct black_box_file {
    const char *path; /* NULL: none was opened */
    bool open;
    int fd;
    struct str lines; /* not written yet */
};

/* Whether the setting names a folder at all. */
bool black_box_wanted(const struct black_box_options *options);

/* The folder; *ret is NULL where the setting switches it off. ERR_USAGE where "auto" finds no home.
 */
bool black_box_folder(struct arena *arena, const struct black_box_options *options,
                      const char **ret, struct err *err) MUST_CHECK;

/* Makes the folder where it is missing and the file in it, readable for its owner only, and removes
 * the oldest files beyond the limit. */
bool black_box_file_open(struct arena *arena, const char *folder, const char *attempt,
                         struct black_box_file *ret, struct err *err) MUST_CHECK;
/* Writes what waits in lines. False: the file is closed, and nothing is written any more. */
bool black_box_file_write(struct black_box_file *file, struct err *err) MUST_CHECK;
void black_box_file_close(struct black_box_file *file);

/* The file of this attempt in the folder; *ret is NULL when there is none. */
bool black_box_file_find(struct arena *arena, const char *folder, const char *attempt,
                         const char **ret, struct err *err) MUST_CHECK;

#endif
