/* Which backup is taken, whether it is large enough, and its row. */
#include "deploy/backup.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/process.h"
#include "base/str.h"
#include "deploy/backup_parts.h"
#include "deploy/risk.h"
#include "ledger/actor.h"
#include "ledger/detail.h"

/* Below a thousandth of a large database a file holds next to nothing of it. */
enum { LARGE_BYTES = 100 << 20, TINY_PART = 1000 };

bool backup_wanted(const struct backup_options *options, const struct plan *plan)
{
    switch (options->when) {
    case BACKUP_NEVER:
        return false;
    case BACKUP_RISKY:
        return risk_first(plan) != NULL;
    case BACKUP_ALWAYS:
        return plan->items.count > 0;
    }
    return false;
}

/* ---- one that is there ---- */

bool backup_look(struct arena *arena, const struct wait *wait, const struct backup *backup,
                 const char **ret_why, struct err *err)
{
    const char *const host = actor_host(arena);
    *ret_why = NULL;
    if (host == NULL)
        return err_nomem(err);
    if (backup->file == NULL)
        return true;
    if (backup->host == NULL || strcmp(backup->host, host) != 0) {
        *ret_why = "it is on another machine";
        return true;
    }
    return backup_file_same(backup->file, backup->bytes, backup->sha256, wait, ret_why, err);
}

bool backup_counting(const struct backup_work *work, const struct backup **ret, struct err *err)
{
    struct backups backups;
    *ret = NULL;
    if (work->options->max_age_ms == 0)
        return true;
    if (!backups_read(work->arena, work->journal, &backups, err))
        return false;
    for (size_t i = backups.count; *ret == NULL && i-- > 0;) {
        const struct backup *const one = &backups.items[i];
        const int64_t took_ms = one->ms > 0 ? one->ms : 0;
        const int64_t age_ms = (work->journal->now_us - one->at_us) / 1000 + took_ms;
        const char *why = NULL;
        if (age_ms > work->options->max_age_ms)
            continue;
        if (!backup_look(work->arena, work->wait, one, &why, err))
            return false;
        if (why == NULL)
            *ret = one;
    }
    return true;
}

/* ---- sizes ---- */

static bool refuse_small(const struct backup *backup, int64_t least, const char *than,
                         struct err *err)
{
    CLEANUP(str_release) struct str size = {0}, wanted = {0};
    str_put_size(&size, backup->bytes);
    str_put_size(&wanted, least);
    if (size.failed || wanted.failed)
        return err_nomem(err);
    (void)err_set(err, ERR_REFUSED, "the backup is too small: %s, and at least %s were expected",
                  str_text(&size), str_text(&wanted));
    err_detail(err, "%s", than);
    err_hint(err, "Look at what wrote it. Where it is right, [backup] min_size = 0%% takes any "
                  "size.");
    return false;
}

/* The last one by the same means; a backup by other means has another size. */
static const struct backup *last_like(const struct backups *backups, const struct backup *backup)
{
    for (size_t i = backups->count; i-- > 0;)
        if (backups->items[i].bytes > 0 && strcmp(backups->items[i].method, backup->method) == 0)
            return &backups->items[i];
    return NULL;
}

/* A database that shrank may have a smaller backup, one that grew need not have a larger one. */
static bool check_size(const struct backup_work *work, const struct backup *backup, struct err *err)
{
    struct backups backups;
    const int64_t percent = work->options->min_percent;
    if (percent == 0)
        return true;
    if (!backups_read(work->arena, work->journal, &backups, err))
        return false;
    const struct backup *const last = last_like(&backups, backup);
    if (last != NULL) {
        double part = 1;
        if (last->database_bytes > 0 && backup->database_bytes < last->database_bytes)
            part = (double)backup->database_bytes / (double)last->database_bytes;
        const int64_t least = (int64_t)((double)last->bytes * part * (double)percent / 100);
        if (backup->bytes < least)
            return refuse_small(backup, least,
                                "the last one tells, by the database's size then "
                                "and now",
                                err);
    }
    if (backup->database_bytes >= LARGE_BYTES && backup->bytes < backup->database_bytes / TINY_PART)
        return refuse_small(backup, backup->database_bytes / TINY_PART,
                            "a thousandth of the database", err);
    return true;
}

/* ---- taking one ---- */

enum format { FORMAT_OTHER, FORMAT_DUMP, FORMAT_SQLITE };

/* What a command has written may be what pawl can look into. */
static bool recognise(const struct backup_work *work, const struct backup_file *file,
                      enum format *ret, struct err *err)
{
    static const char sqlite[] = "SQLite format 3";
    char start[sizeof sqlite];
    *ret = FORMAT_OTHER;
    if (!backup_file_begins(file, start, sizeof start, err))
        return false;
    if (work->ledger->pg != NULL && strncmp(start, "PGDMP", 5) == 0)
        *ret = FORMAT_DUMP;
    else if (work->ledger->sqlite != NULL && strcmp(start, sqlite) == 0)
        *ret = FORMAT_SQLITE;
    return true;
}

/* The user's own words for a file that only they know. */
static bool describe_other(const struct backup_work *work, const struct backup_file *file,
                           struct backup *ret, struct err *err)
{
    if (work->options->restore == NULL)
        return true;
    const char *const path = shell_word(work->arena, file->path);
    const char *const words = shell_word(work->arena, work->options->restore);
    ret->restore = path != NULL && words != NULL
                       ? arena_printf(work->arena, "PAWL_BACKUP_FILE=%s sh -c %s", path, words)
                       : NULL;
    return ret->restore != NULL || err_nomem(err);
}

static bool verify(const struct backup_work *work, const struct backup_source *source,
                   const struct backup_file *file, struct backup *ret, struct err *err)
{
    enum format format = FORMAT_OTHER;
    if (!recognise(work, file, &format, err))
        return false;
    if (format == FORMAT_DUMP)
        return backup_pg_verify(work, source, file, ret, err);
    if (format == FORMAT_OTHER)
        return describe_other(work, file, ret, err);
    /* pawl's own copy was looked into within its snapshot. */
    if (strcmp(ret->method, "command") == 0 &&
        !sqlite_check(work->arena, file->partial, work->wait, work->ledger->sqlite, err))
        return false;
    ret->restore = backup_sqlite_restore(work, file);
    return backup_sqlite_tables(work, &ret->tables, err) &&
           (ret->restore != NULL || err_nomem(err));
}

static bool fill(const struct backup_work *work, const struct backup_source *source,
                 const struct backup_file *file, const char *method, struct err *err)
{
    if (strcmp(method, "command") == 0)
        return backup_command_run(work, file, err);
    return work->ledger->pg != NULL
               ? backup_pg_dump(work, source, file, err)
               : sqlite_copy(work->ledger->sqlite, work->arena, file->partial, err);
}

static bool take_file(const struct backup_work *work, const char *method, const char *suffix,
                      struct backup *ret, struct err *err)
{
    struct backup_source source = {0};
    CLEANUP(backup_file_close) struct backup_file file = {.folder_fd = -1};
    if (!(work->ledger->pg != NULL ? backup_pg_source(work, &source, err)
                                   : backup_sqlite_source(work, &source, err)) ||
        !backup_file_open(work, source.name, suffix, &file, err))
        return false;
    ret->method = method;
    ret->database_bytes = source.bytes;
    deploy_tell(&work->listener,
                &(struct deploy_event){
                    .type = DEPLOY_NOTE,
                    .text = arena_printf(work->arena, "a backup is taken: %s", file.path)});
    fault_point("backup");
    if (!fill(work, &source, &file, method, err))
        return false;
    fault_point("backup_made");
    if (!backup_file_measure(&file, strcmp(method, "command") == 0 ? "the backup command" : method,
                             err))
        return false;
    ret->bytes = file.bytes;
    struct hash_hex *const hash = arena_alloc(work->arena, sizeof *hash);
    if (hash == NULL)
        return err_nomem(err);
    if (!check_size(work, ret, err) || !verify(work, &source, &file, ret, err) ||
        !backup_file_keep(&file, work->wait, err))
        return false;
    fault_point("backup_kept");
    *hash = file.sha256;
    ret->file = file.path;
    ret->sha256 = hash->text;
    return true;
}

static bool take(const struct backup_work *work, struct backup *ret, struct err *err)
{
    const char *const command = work->options->command;
    if (strcmp(command, "restore_point") == 0 && work->ledger->pg != NULL) {
        ret->method = "restore_point";
        return backup_point_take(work, ret, err);
    }
    if (strcmp(command, "restore_point") == 0)
        return err_set(err, ERR_REFUSED, "SQLite has no restore points");
    if (strcmp(command, "auto") != 0)
        return take_file(work, "command", ".backup", ret, err);
    return work->ledger->pg != NULL ? take_file(work, "pg_dump", ".dump", ret, err)
                                    : take_file(work, "sqlite", ".sqlite", ret, err);
}

/* Whatever it was, nothing was begun. */
static void refuse(struct err *err)
{
    if (err->code == ERR_SIGNAL || err->code == ERR_NOMEM || err->code == ERR_UNREACHABLE)
        return;
    err->code = ERR_REFUSED;
    err_prefix(err, "no backup was taken");
}

bool backup_take(const struct backup_work *work, struct backup *ret, struct err *err)
{
    const int64_t start_ms = clock_monotonic_ms();
    *ret = (struct backup){.bytes = -1, .database_bytes = -1, .tables = -1};
    ret->host = actor_host(work->arena);
    ret->head = arena_printf(work->arena, "%" PRId64 ":%s", work->journal->head.seq,
                             work->journal->head.hash);
    if (ret->host == NULL || ret->head == NULL)
        return err_nomem(err);
    const bool ok = take(work, ret, err);
    if (!ok)
        refuse(err);
    ret->ms = clock_monotonic_ms() - start_ms;
    return ok;
}

bool backup_record(const struct backup_work *work, struct backup *backup, int64_t expected_change,
                   struct receipt *ret, struct err *err)
{
    CLEANUP(json_release) json_t *detail = backup_detail(backup);
    if (detail == NULL || !actor_describe(work->arena, detail))
        return err_nomem(err);
    const struct entry entry = {.event = EVENT_BACKUP, .detail = detail_text(work->arena, detail)};
    if (entry.detail == NULL)
        return err_nomem(err);
    if (!ledger_append(work->ledger, work->arena, &entry, expected_change, ret, err)) {
        /* Only of a lost connection is it not known whether the row is there. */
        if (err->code == ERR_BUSY && backup->file != NULL)
            (void)unlink(backup->file);
        return false;
    }
    backup->seq = strtoll(ret->text, NULL, 10);
    fault_point("backup_recorded");
    return true;
}

const char *backup_text(struct arena *arena, const struct backup *backup)
{
    const char *const place = backup_place(arena, backup);
    if (place == NULL)
        return NULL;
    if (backup->restore == NULL)
        return arena_printf(arena, "the backup from before is at %s", place);
    return arena_printf(arena,
                        "the backup from before is at %s; to restore it beside what is there: %s",
                        place, backup->restore);
}
