/* From the command line to the command: reading, preparing, running. */
#include "cli/cli.h"

#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "cli/commands.h"
#include "cli/format.h"

const struct option global_options[] = {
    {.name = "config",
     .argument = "FILE",
     .text = "read this file and not ./pawl.conf",
     .offers = OFFER_FILES},
    {.name = "folder",
     .letter = 'C',
     .argument = "DIR",
     .text = "change to this folder first",
     .offers = OFFER_FOLDERS},
    {.name = "migrations",
     .argument = "DIR",
     .text = "the folder that holds the migrations",
     .offers = OFFER_FOLDERS,
     .sets = true,
     .setting = SETTING_MIGRATIONS},
    {.name = "target",
     .argument = "NAME",
     .text = "the configured target to work on",
     .offers = OFFER_TARGETS},
    {.name = "url",
     .argument = "URL",
     .text = "the target itself: sqlite:PATH, postgres://..., env:NAME, file:PATH"},
    {.name = "json", .text = "print one JSON object"},
    {.name = "color",
     .argument = "WHEN",
     .text = "when to use colour",
     .choices = "auto|always|never"},
    {.name = "quiet", .letter = 'q', .text = "print results and errors only"},
    {.name = "verbose", .letter = 'v', .text = "say more"},
    {.name = "help", .letter = 'h', .text = "show help for the command"},
    {.name = "version", .letter = 'V', .text = "show the version"},
};
const size_t global_option_count = COUNT_OF(global_options);

/* ---- the command line ---- */

/* For an option that stands before the command although it belongs to one. */
static void hint_order(const char *word, struct err *err)
{
    const size_t len = strcspn(word, "=");
    for (size_t i = 0; i < command_count; i++)
        for (size_t k = 0; k < commands[i]->option_count; k++)
            if (span_is((struct span){word, len}, commands[i]->options[k].name)) {
                err_hint(err, "--%s belongs behind the command: pawl %s --%s.",
                         commands[i]->options[k].name, commands[i]->name,
                         commands[i]->options[k].name);
                return;
            }
}

static bool take_word(struct cli *cli, struct option_reader *reader, const char *word,
                      struct err *err)
{
    if (cli->command == NULL) {
        cli->command = command_find(word);
        if (cli->command == NULL)
            return command_unknown(cli, word, err);
        reader->tables[1] =
            (struct option_table){cli->command->options, cli->command->option_count};
        return true;
    }
    const char **item = arena_push(&cli->arena, &cli->words);
    if (item == NULL)
        return err_nomem(err);
    *item = word;
    return true;
}

static bool take_option(struct cli *cli, const struct option *option, const char *text,
                        struct err *err)
{
    struct given_option *given = arena_push(&cli->arena, &cli->given);
    if (given == NULL)
        return err_nomem(err);
    *given = (struct given_option){option, text};
    return true;
}

/* Reads on after an error, to know whether JSON is wanted; the first error counts. */
static bool read_words(struct cli *cli, struct option_reader *reader, struct err *err)
{
    CLEANUP(err_release) struct err later = {0};
    bool ok = true;
    for (;;) {
        const struct option *option = NULL;
        const char *text = NULL;
        struct err *slot = ok ? err : &later;
        const size_t at = reader->next;
        const bool before_command = cli->command == NULL;
        const enum option_result result = option_next(&cli->arena, reader, &option, &text, slot);
        if (reader->ended && !cli->dashes) {
            cli->dashes = true;
            cli->words_before_dashes = cli->words.count;
        }
        if (result == OPTION_END)
            return ok;
        if (result == OPTION_WORD && (ok || cli->command != NULL))
            ok = take_word(cli, reader, text, slot) && ok;
        else if (result == OPTION_GIVEN)
            ok = take_option(cli, option, text, slot) && ok;
        else if (result == OPTION_BAD) {
            if (ok && before_command && strncmp(reader->words[at], "--", 2) == 0)
                hint_order(reader->words[at] + 2, slot);
            ok = false;
        }
    }
}

static bool read_color(struct cli *cli, struct err *err)
{
    static const char *const names[] = {"auto", "always", "never"};
    const char *text = cli_option(cli, "color");
    enum color color = COLOR_AUTO;
    bool known = text == NULL;
    for (size_t i = 0; !known && i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) {
            color = (enum color)i;
            known = true;
        }
    output_choose_color(&cli->output, color);
    if (known)
        return true;
    return err_set(err, ERR_USAGE, "--color takes auto, always or never");
}

/* --json is --format json; --json-lines asks for it too. */
static bool wants_json(const struct cli *cli)
{
    return cli_flag(cli, "json") || cli_flag(cli, "json-lines");
}

static bool read_format(struct cli *cli, struct err *err)
{
    const char *const text = cli_option(cli, "format");
    const char *const name = text == NULL && wants_json(cli) ? "json" : text;
    cli->format = format_find(name != NULL ? name : "human");
    if (cli->format == NULL) {
        cli->format = format_find(wants_json(cli) ? "json" : "human");
        (void)err_set(err, ERR_USAGE, "--format takes human, json, sarif, github or gitlab");
        return false;
    }
    if (!wants_json(cli) || strcmp(name, "json") == 0)
        return true;
    return err_set(err, ERR_USAGE, "--json and --format %s ask for two formats", name);
}

bool cli_parse(struct cli *cli, int argc, char **argv, struct err *err)
{
    struct option_reader reader = {
        .words = (const char *const *)argv,
        .count = (size_t)argc,
        .next = 1,
        .tables = {{global_options, global_option_count}, {NULL, 0}},
    };
    CLEANUP(err_release) struct err later = {0};
    bool ok = read_words(cli, &reader, err);
    ok = read_format(cli, ok ? err : &later) && ok;
    cli->output.json = cli->format->document;
    cli->output.quiet = cli_flag(cli, "quiet");
    cli->output.verbose = cli_flag(cli, "verbose");
    return read_color(cli, ok ? err : &later) && ok;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    for (size_t i = cli->given.count; i > 0; i--)
        if (strcmp(cli->given.items[i - 1].option->name, name) == 0)
            return cli->given.items[i - 1].text;
    return NULL;
}

bool cli_flag(const struct cli *cli, const char *name)
{
    return cli_option(cli, name) != NULL;
}

/* ---- preparing and running ---- */

static bool check_words(const struct cli *cli, struct err *err)
{
    const struct command *command = cli->command;
    if (cli->words.count < command->min_words)
        (void)err_set(err, ERR_USAGE, "`pawl %s` needs more: %s", command->name, command->usage);
    else if (cli->words.count > command->max_words && command->max_words == 0)
        (void)err_set(err, ERR_USAGE, "`pawl %s` takes no arguments", command->name);
    else if (cli->words.count > command->max_words)
        (void)err_set(err, ERR_USAGE, "`pawl %s` takes no more than: %s", command->name,
                      command->usage);
    else
        return true;
    err_hint(err, "`pawl %s --help` shows how it is used.", command->name);
    return false;
}

static bool set_from_flags(struct cli *cli, struct err *err)
{
    for (size_t i = 0; i < cli->given.count; i++) {
        const struct given_option *given = &cli->given.items[i];
        if (!given->option->sets)
            continue;
        const char *flag = arena_printf(&cli->arena, "--%s", given->option->name);
        if (flag == NULL)
            return err_nomem(err);
        if (!config_set(&cli->arena, &cli->config, given->option->setting, given->text, flag, err))
            return false;
    }
    return true;
}

bool cli_prepare_target(struct cli *cli, struct err *err)
{
    if (!config_target(&cli->arena, &cli->config, cli_option(cli, "target"), cli_option(cli, "url"),
                       &cli->target, err))
        return false;
    const struct value *url = &cli->target.values[SETTING_URL];
    return url_parse(&cli->arena, url->text, config_folder_of(&cli->config, url), &cli->url, err);
}

bool cli_prepare(struct cli *cli, enum needs needs, struct err *err)
{
    const char *folder = cli_option(cli, "folder");
    if (folder != NULL && chdir(folder) != 0)
        return err_errno(err, ERR_USAGE, "cannot change to the folder \"%s\"", folder);
    if (needs == NEEDS_NOTHING)
        return true;
    if (!config_load(&cli->arena, cli_option(cli, "config"), &cli->config, err) ||
        !set_from_flags(cli, err))
        return false;
    return needs == NEEDS_CONFIG || cli_prepare_target(cli, err);
}

bool cli_run(struct cli *cli, struct err *err)
{
    if (cli_flag(cli, "version")) {
        output_result(&cli->output, "pawl %s\n", PAWL_VERSION);
        return true;
    }
    if (cli_flag(cli, "help")) {
        if (cli->command != NULL) {
            /* "pawl new --help" is "pawl help new". */
            const char *name = cli->command->name;
            cli->words.count = 0;
            if (cli->command != &command_help && !take_word(cli, NULL, name, err))
                return false;
        }
        cli->command = &command_help;
    }
    if (cli->command == NULL) {
        (void)err_set(err, ERR_USAGE, "no command was given");
        err_hint(err, "`pawl help` lists the commands.");
        return false;
    }
    return check_words(cli, err) && cli_prepare(cli, cli->command->needs, err) &&
           cli->command->run(cli, err);
}

void cli_release(struct cli *cli)
{
    json_decref(cli->result);
    arena_release(&cli->arena);
}
