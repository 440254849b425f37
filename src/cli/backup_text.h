/* A backup for people and for programs. */
#ifndef PAWL_CLI_BACKUP_TEXT_H
#define PAWL_CLI_BACKUP_TEXT_H

#include "cli/cli.h"
#include "ledger/backup.h"

/* An object, or null for NULL; NULL when memory is out. */
json_t *backup_json(const struct backup *backup) MUST_CHECK;

/* "12 MB, 31 tables, sha256 0123456789ab…"; NULL when memory is out. */
const char *backup_facts(struct arena *arena, const struct backup *backup) MUST_CHECK;

#endif
