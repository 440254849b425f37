/* What the files that take backups share; included by src/deploy/backup*.c only. */
#ifndef PAWL_DEPLOY_BACKUP_PARTS_H
#define PAWL_DEPLOY_BACKUP_PARTS_H

#include "deploy/backup_file.h"

/* A dump may take as long as it takes: somebody can stop it. */
enum { BACKUP_PROGRAM_MS = 48 * 3600 * 1000 };

/* What was learned of the database before it is saved. */
struct backup_source {
    const char *name;   /* of the database, or of its file */
    int64_t bytes;      /* of the database */
    const char *create; /* PostgreSQL: createdb's options for a database of the same kind */
    struct rows tables; /* PostgreSQL: the oid of each table, and whether it has rows of its own */
};

/* --- backup_pg.c --- */
bool backup_pg_source(const struct backup_work *work, struct backup_source *ret,
                      struct err *err) MUST_CHECK;
/* pg_dump into the partial file. */
bool backup_pg_dump(const struct backup_work *work, const struct backup_source *source,
                    const struct backup_file *file, struct err *err) MUST_CHECK;
/* A file in pg_dump's own formats: reads it to its end by pg_restore, and makes sure that it has
 * the tables. Fills in tables and restore. */
bool backup_pg_verify(const struct backup_work *work, const struct backup_source *source,
                      const struct backup_file *file, struct backup *ret,
                      struct err *err) MUST_CHECK;

/* --- backup_point.c --- */
bool backup_point_take(const struct backup_work *work, struct backup *ret,
                       struct err *err) MUST_CHECK;

/* --- backup_sqlite.c --- */
bool backup_sqlite_source(const struct backup_work *work, struct backup_source *ret,
                          struct err *err) MUST_CHECK;
/* What restores a copy, beside what is there; NULL when memory is out. */
const char *backup_sqlite_restore(const struct backup_work *work, const struct backup_file *file);
/* How many tables there are. */
bool backup_sqlite_tables(const struct backup_work *work, int64_t *ret, struct err *err) MUST_CHECK;

/* --- backup_command.c --- */
bool backup_command_run(const struct backup_work *work, const struct backup_file *file,
                        struct err *err) MUST_CHECK;

#endif
