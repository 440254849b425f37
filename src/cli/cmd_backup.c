/* pawl backup: takes a backup now, or looks at those that were taken. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/backup_text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/table.h"
#include "deploy/backup.h"
#include "deploy/prepare.h"
#include "live/announce.h"

static const char *time_text(struct arena *arena, int64_t at_us)
{
    char text[CLOCK_ISO_BYTES];
    clock_format_s(at_us, text);
    return arena_strdup(arena, text);
}

/* ---- what is recorded ---- */

static bool read_backups(struct cli *cli, struct session *session, struct backups *ret,
                         struct err *err)
{
    struct journal journal;
    struct journal_break broken;
    if (!session_open(cli, false, session, err) ||
        !ledger_read(&session->ledger, &cli->arena, &journal, err))
        return false;
    return (!session->ledger.exists || journal_verify(&journal, &broken, err)) &&
           backups_read(&cli->arena, &journal, ret, err);
}

/* With what was found wrong; NULL when memory is out. */
static json_t *looked_at_json(const struct backup *backup, const char *why)
{
    json_t *object = backup_json(backup);
    if (object != NULL && json_object_set_new(object, "problem", cli_json_text(why)) != 0) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

static bool add_row(struct cli *cli, struct table *table, const struct backup *backup,
                    const char *why, struct err *err)
{
    CLEANUP(str_release) struct str size = {0};
    if (backup->bytes >= 0)
        str_put_size(&size, backup->bytes);
    const char *const cells[] = {
        arena_printf(&cli->arena, "%" PRId64, backup->seq),
        time_text(&cli->arena, backup->at_us),
        backup->method,
        size.failed ? NULL : arena_strdup(&cli->arena, str_text(&size)),
        why != NULL            ? why
        : backup->file != NULL ? "intact"
                               : "not looked at",
        backup_place(&cli->arena, backup),
    };
    for (size_t i = 0; i < COUNT_OF(cells); i++)
        if (cells[i] == NULL)
            return err_nomem(err);
    return table_add(&cli->arena, table, cells, err);
}

static bool list(struct cli *cli, struct err *err)
{
    static const struct table_column columns[] = {{"SEQ", true},  {"AT", false},  {"BY", false},
                                                  {"SIZE", true}, {"NOW", false}, {"WHERE", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    struct backups backups = {0};
    CLEANUP(session_close) struct session session = {0};
    json_t *array = json_array();
    bool ok = array != NULL || err_nomem(err);
    ok = ok && read_backups(cli, &session, &backups, err);
    for (size_t i = 0; ok && i < backups.count; i++) {
        const struct backup *const backup = &backups.items[i];
        const char *why = NULL;
        ok = backup_look(&cli->arena, &session.wait, backup, &why, err) &&
             (json_array_append_new(array, looked_at_json(backup, why)) == 0 || err_nomem(err)) &&
             add_row(cli, &table, backup, why, err);
    }
    cli_result(cli, "backups", array);
    if (ok && backups.count == 0)
        output_result(&cli->output, "no backup is recorded\n");
    return ok && table_print(&cli->arena, &cli->output, &table, err);
}

/* "saved  /var/backups/shop.dump  (28 kB, 4 tables)", and the command that restores it. */
static bool say(struct cli *cli, const char *word, const struct backup *backup, struct err *err)
{
    const char *const place = backup_place(&cli->arena, backup);
    const char *const facts = backup_facts(&cli->arena, backup);
    if (place == NULL || facts == NULL)
        return err_nomem(err);
    output_result(&cli->output, "%s  %s  (%s)\n", word, place, facts);
    if (backup->restore != NULL)
        output_result(&cli->output, "to restore it beside what is there:\n  %s\n", backup->restore);
    return true;
}

/* A seq, or a file as it is recorded or as a path to it. */
static const struct backup *find(const struct backups *backups, const char *text)
{
    char *end = NULL;
    errno = 0;
    const int64_t seq = strtoll(text, &end, 10);
    const bool number = errno == 0 && end != text && *end == '\0';
    char *const whole = realpath(text, NULL);
    const struct backup *found = NULL;
    for (size_t i = 0; i < backups->count; i++) {
        const struct backup *const one = &backups->items[i];
        if ((number && one->seq == seq) ||
            (one->file != NULL &&
             (strcmp(one->file, text) == 0 || (whole != NULL && strcmp(one->file, whole) == 0))))
            found = one;
    }
    free(whole);
    return found;
}

static bool verify(struct cli *cli, const char *text, struct err *err)
{
    struct backups backups = {0};
    const char *why = NULL;
    CLEANUP(session_close) struct session session = {0};
    if (!read_backups(cli, &session, &backups, err))
        return false;
    const struct backup *const backup = find(&backups, text);
    if (backup == NULL) {
        const char *const shown = fs_printable(&cli->arena, text);
        (void)err_set(err, ERR_USAGE, "no backup \"%s\" is recorded", shown != NULL ? shown : "?");
        err_hint(err, "`pawl backup --list` shows those that are.");
        return false;
    }
    if (!backup_look(&cli->arena, &session.wait, backup, &why, err))
        return false;
    cli_result(cli, "backup", looked_at_json(backup, why));
    if (why == NULL)
        return say(cli, backup->file != NULL ? "intact" : "recorded", backup, err);
    const char *const place = backup_place(&cli->arena, backup);
    if (place == NULL)
        return err_nomem(err);
    (void)err_set(err, ERR_FAILED, "the backup of seq %" PRId64 " at %s is of no use: %s",
                  backup->seq, place, why);
    err_hint(err, "`pawl backup` takes a new one.");
    return false;
}

/* ---- a new one ---- */

static void hear(void *context, const struct deploy_event *event)
{
    struct cli *const cli = context;
    if (event->text != NULL)
        output_chat(&cli->output, "note: %s", event->text);
}

/* No deploy is at work while it is taken: it then shows one state of the ledger. */
static bool exclude(struct cli *cli, struct ledger *ledger, struct err *err)
{
    bool taken = true;
    if (ledger->pg != NULL && ledger->direct && !ledger_mutex_try(ledger, &cli->arena, &taken, err))
        return false;
    if (taken)
        return true;
    (void)err_set(err, ERR_BUSY, "a deploy is at work");
    err_state(err, "No backup was taken.");
    err_hint(err, "Take it when that is done; `pawl blockers` shows who it is.");
    return false;
}

static bool take(struct cli *cli, struct err *err)
{
    struct announcer announcer;
    struct backup backup;
    struct receipt receipt;
    const struct backup_options options = prepare_backup(&cli->config);
    CLEANUP(session_close) struct session session = {0};
    if (!session_open(cli, true, &session, err) ||
        !ledger_prepare_writer(&session.ledger, &cli->arena, err) ||
        !exclude(cli, &session.ledger, err) ||
        !announce_open(&cli->arena, &session.ledger, &announcer, err))
        return false;
    const struct backup_work work = {.arena = &cli->arena,
                                     .ledger = &session.ledger,
                                     .target = &session.target,
                                     .wait = &session.wait,
                                     .options = &options,
                                     .journal = &announcer.journal,
                                     .listener = {.on_event = hear, .context = cli}};
    if (!backup_take(&work, &backup, err))
        return false;
    if (!backup_record(&work, &backup, announcer.state.last_change, &receipt, err)) {
        if (err->code == ERR_BUSY)
            err_state(err, "A deploy was at work meanwhile: the backup was not kept.");
        return false;
    }
    cli_result(cli, "backup", backup_json(&backup));
    cli_result(cli, "head", cli_json_text(receipt.text));
    if (!say(cli, "saved", &backup, err))
        return false;
    output_result(&cli->output, "ledger at %s\n", receipt.text);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    const char *const text = cli_option(cli, "verify");
    if (text != NULL && cli_flag(cli, "list"))
        return err_set(err, ERR_USAGE, "--verify and --list do not go together");
    if (text != NULL)
        return verify(cli, text, err);
    return cli_flag(cli, "list") ? list(cli, err) : take(cli, err);
}

static const struct option options[] = {
    {.name = "list", .text = "what is recorded, and whether it is still there and the same"},
    {.name = "verify",
     .argument = "FILE|SEQ",
     .text = "look at one that is recorded, to the byte, and show what restores it"},
};

static const struct example examples[] = {
    {"pawl backup", "takes one now and records it"},
    {"pawl backup --list", "what is recorded, and what is left of it"},
    {"pawl backup --verify 12", "whether the one of that row is intact, and how to restore it"},
};

const struct command command_backup = {
    .name = "backup",
    .group = GROUP_ACT,
    .summary = "save the database, verified and recorded",
    .usage = "",
    .about =
        "What is written is read back, and recorded with its size, its SHA-256 and the command\n"
        "that restores it; that command is yours to run. [backup] in pawl.conf says how it is\n"
        "taken, and when a deploy takes one by itself.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .needs = NEEDS_TARGET,
    .run = run,
};
