/* pawl reserve: nobody deploys until then. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/table.h"
#include "ledger/look.h"
#include "live/announce.h"

static const char *time_text(struct arena *arena, int64_t at_us)
{
    char text[CLOCK_ISO_BYTES];
    clock_format_s(at_us, text);
    return arena_strdup(arena, text);
}

static json_t *json_reservation(const struct reservation *reservation)
{
    char since[CLOCK_ISO_BYTES], until[CLOCK_ISO_BYTES];
    clock_format_us(reservation->at_us, since);
    clock_format_us(reservation->until_us, until);
    return json_pack("{sI so so so so so}", "id", (json_int_t)reservation->seq, "since",
                     cli_json_text(since), "until", cli_json_text(until), "user",
                     cli_json_text(reservation->user), "host", cli_json_text(reservation->host),
                     "reason", cli_json_text(reservation->reason));
}

/* ---- list ---- */

static bool add_row(struct cli *cli, struct table *table, const struct reservation *reservation,
                    struct err *err)
{
    const char *const cells[] = {
        arena_printf(&cli->arena, "%" PRId64, reservation->seq),
        time_text(&cli->arena, reservation->until_us),
        reservation->user,
        reservation->host,
        time_text(&cli->arena, reservation->at_us),
        reservation->reason,
    };
    return cells[0] != NULL && cells[1] != NULL && cells[4] != NULL
               ? table_add(&cli->arena, table, cells, err)
               : err_nomem(err);
}

static bool list(struct cli *cli, struct session *session, struct err *err)
{
    static const struct table_column columns[] = {{"ID", true},     {"UNTIL", false},
                                                  {"BY", false},    {"HOST", false},
                                                  {"SINCE", false}, {"REASON", false}};
    struct table table = {.columns = columns, .column_count = COUNT_OF(columns)};
    struct look look;
    json_t *array = json_array();
    size_t count = 0;
    bool ok = array != NULL || err_nomem(err);
    ok = ok && look_read(&session->ledger, &cli->arena, &look, err);
    for (size_t i = 0; ok && i < look.state.reservations.count; i++) {
        const struct reservation *const item = &look.state.reservations.items[i];
        if (!reservation_in_force(item, look.journal.now_us))
            continue;
        count++;
        ok = (json_array_append_new(array, json_reservation(item)) == 0 || err_nomem(err)) &&
             add_row(cli, &table, item, err);
    }
    cli_result(cli, "reservations", array);
    if (!ok)
        return false;
    if (count == 0)
        output_result(&cli->output, "no reservation is in force\n");
    return count == 0 || table_print(&cli->arena, &cli->output, &table, err);
}

/* ---- end ---- */

static bool read_id(const struct cli *cli, int64_t *ret, struct err *err)
{
    char *end = NULL;
    const char *const text = cli->words.count == 2 ? cli->words.items[1] : "";
    errno = 0;
    *ret = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *ret > 0)
        return true;
    (void)err_set(err, ERR_USAGE, "`pawl reserve end` takes the number of a reservation");
    err_hint(err, "`pawl reserve list` shows those in force.");
    return false;
}

static bool end(struct cli *cli, struct session *session, struct err *err)
{
    struct announcer announcer;
    const char *reason = NULL, *head = NULL;
    int64_t id = 0;
    if (!read_id(cli, &id, err) || !session_reason(cli, false, &reason, err) ||
        !session_open(cli, true, session, err) ||
        !announce_open(&cli->arena, &session->ledger, &announcer, err))
        return false;
    const struct reservation *const reservation =
        reservations_find(&announcer.state.reservations, id);
    if (reservation == NULL) {
        (void)err_set(err, ERR_USAGE, "there is no reservation %" PRId64, id);
        err_hint(err, "`pawl reserve list` shows those in force.");
        return false;
    }
    const bool over = !reservation_in_force(reservation, announcer.journal.now_us);
    if (!over && !announce_end(&announcer, id, reason, &head, err))
        return false;
    cli_result(cli, "reservation", json_reservation(reservation));
    cli_result(cli, "ended", json_boolean(!over));
    cli_result(cli, "head", cli_json_text(head));
    output_result(&cli->output,
                  over ? "reservation %" PRId64 " was over already\n"
                       : "reservation %" PRId64 " ended\n",
                  id);
    if (!over)
        output_result(&cli->output, "ledger at %s\n", head);
    return true;
}

/* ---- a new one ---- */

/* That deploy goes on: who reserves wants to know. */
static void say_deploy(struct cli *cli, const struct state *state)
{
    const struct attempt *const open = state_open_attempt(state);
    if (open != NULL)
        output_chat(&cli->output,
                    "note: a deploy that began at seq %" PRId64 " has no end (process %" PRId64
                    " of %s on %s): this holds up the next one",
                    open->seq, open->pid, open->user != NULL ? open->user : "?",
                    open->host != NULL ? open->host : "?");
}

static bool reserve(struct cli *cli, struct session *session, struct err *err)
{
    struct announcer announcer;
    struct reservation made = {0};
    char iso[CLOCK_ISO_BYTES];
    const char *reason = NULL, *head = NULL;
    const char *const until = cli_option(cli, "until");
    if (until == NULL) {
        (void)err_set(err, ERR_USAGE, "--until TIME is needed");
        err_hint(err, "`pawl reserve list` shows the reservations in force.");
        return false;
    }
    if (!session_reason(cli, true, &reason, err) || !session_open(cli, true, session, err) ||
        !announce_open(&cli->arena, &session->ledger, &announcer, err) ||
        !announce_until(&cli->arena, until, announcer.journal.now_us, &made.until_us, err) ||
        !announce_reservation(&announcer, made.until_us, reason, &head, err))
        return false;
    made.seq = strtoll(head, NULL, 10);
    const char *const shown = time_text(&cli->arena, made.until_us);
    if (shown == NULL)
        return err_nomem(err);
    cli_result(cli, "id", json_integer(made.seq));
    clock_format_us(made.until_us, iso);
    cli_result(cli, "until", cli_json_text(iso));
    cli_result(cli, "head", cli_json_text(head));
    output_result(&cli->output,
                  "reserved until %s; `pawl reserve end %" PRId64 "` ends it earlier\n"
                  "ledger at %s\n",
                  shown, made.seq, head);
    say_deploy(cli, &announcer.state);
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    CLEANUP(session_close) struct session session = {0};
    const char *const word = cli->words.count > 0 ? cli->words.items[0] : NULL;
    if (word == NULL)
        return reserve(cli, &session, err);
    if (cli_option(cli, "until") != NULL)
        return err_set(err, ERR_USAGE, "--until does not go with \"%s\"",
                       fs_printable(&cli->arena, word));
    if (strcmp(word, "list") == 0 && cli->words.count == 1)
        return session_open(cli, false, &session, err) && list(cli, &session, err);
    if (strcmp(word, "end") == 0)
        return end(cli, &session, err);
    return err_set(err, ERR_USAGE, "`pawl reserve` takes list, or end and a number");
}

static const struct option options[] = {
    {.name = "until",
     .argument = "TIME",
     .text = "2h from now, or a time with its zone: 2025-07-03T14:00:00+02:00"},
    {.name = "reason", .argument = "TEXT", .text = "why, for the ledger and for who is held up"},
};

static const struct example examples[] = {
    {"pawl reserve --until 2h --reason 'the nightly load is run again'",
     "deploys are held up for two hours"},
    {"pawl reserve list", "who has reserved the target, until when and why"},
    {"pawl reserve end 12", "ends the reservation with that number"},
};

const struct command command_reserve = {
    .name = "reserve",
    .group = GROUP_LIVE,
    .summary = "hold deploys up until a time",
    .usage = "[list|end ID]",
    .about =
        "A deploy that has something to do then ends with exit code 5 and says who has reserved\n"
        "the target, until when and why. A reservation expires by itself, by the database's\n"
        "clock. A deploy that is at work already is not held up.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 2,
    .word_choices = "list|end",
    .needs = NEEDS_TARGET,
    .run = run,
};
