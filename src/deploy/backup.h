/*
 * A backup before something is lost: taken, verified, recorded in the journal with the command that
 * restores it. pawl never restores.
 *
 * A file is written as NAME.partial, for its owner only, and gets its name once it is verified and
 * on the disk. What fails leaves no file; what is killed leaves a partial one, which the next
 * backup in that folder removes.
 */
#ifndef PAWL_DEPLOY_BACKUP_H
#define PAWL_DEPLOY_BACKUP_H

#include "deploy/listener.h"
#include "deploy/plan.h"
#include "ledger/backup.h"

/* In the order of the setting's choices. */
enum backup_when { BACKUP_NEVER, BACKUP_RISKY, BACKUP_ALWAYS };

struct backup_options {
    enum backup_when when;
    const char *command;   /* "auto", "restore_point", or what sh runs */
    const char *restore;   /* how what sh wrote is restored; NULL: not known */
    const char *directory; /* "auto", or a path */
    const char *base;      /* what a relative path starts from */
    int64_t max_age_ms;    /* 0: no earlier one counts */
    int64_t min_percent;   /* 0: any size */
    int64_t max_database_bytes;
};

struct backup_work {
    struct arena *arena;
    struct ledger *ledger; /* prepared for writing */
    const struct ledger_options *target;
    const struct wait *wait;
    const struct backup_options *options;
    const struct journal *journal; /* of now */
    struct deploy_listener listener;
};

/* Whether the options want a backup before this plan is carried out. */
bool backup_wanted(const struct backup_options *options, const struct plan *plan);

/* The last recorded one that is young enough, on this machine and intact; *ret is NULL where none
 * counts. Takes nothing. */
bool backup_counting(const struct backup_work *work, const struct backup **ret,
                     struct err *err) MUST_CHECK;

/* What is wrong with it now: *ret_why is NULL when it is there, and the same to the byte. A restore
 * point cannot be looked at: it counts as intact. Errors: ERR_SIGNAL, ERR_NOMEM. */
bool backup_look(struct arena *arena, const struct wait *wait, const struct backup *backup,
                 const char **ret_why, struct err *err) MUST_CHECK;

/* Takes one and verifies it; it is not recorded yet. Errors: ERR_REFUSED, with what to do;
 * ERR_SIGNAL, ERR_UNREACHABLE. */
bool backup_take(const struct backup_work *work, struct backup *ret, struct err *err) MUST_CHECK;

/* Appends its row and fills in its seq. expected_change as for ledger_append(): with ERR_BUSY the
 * file is gone, as it may be of another state than its row would say. */
bool backup_record(const struct backup_work *work, struct backup *backup, int64_t expected_change,
                   struct receipt *ret, struct err *err) MUST_CHECK;

/* "the backup from before is at …; to restore it beside what is there: …"; NULL when memory is out.
 */
const char *backup_text(struct arena *arena, const struct backup *backup) MUST_CHECK;

#endif
