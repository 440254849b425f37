/* pawl completion: a shell's script, and the answers that the script asks for. */
#include <string.h>

#include "base/fs.h"
#include "check/rules.h"
#include "cli/commands.h"
#include "cli/settings_text.h"
#include "cli/shell_scripts.h"
#include "cli/workspace.h"
#include "history/name.h"

/* What may stand where the last word is. Whatever cannot be read (a broken pawl.conf, no folder)
 * offers nothing: a shell that completes must not print errors. */
struct query {
    struct cli *cli;   /* that prints */
    struct cli line;   /* the line so far, read as if it ran */
    const char *word;  /* the last one, or its part behind the = */
    const char *front; /* "--target=", which the shell takes for a part of the word */
    json_t *array;
    bool ok; /* false: memory was out */
};

/* ---- candidates ---- */

static void offer(struct query *query, const char *candidate, const char *text)
{
    if (strncmp(candidate, query->word, strlen(query->word)) != 0)
        return;
    const char *whole = arena_printf(&query->cli->arena, "%s%s", query->front, candidate);
    query->ok = query->ok && whole != NULL;
    if (whole == NULL)
        return;
    if (query->cli->output.json)
        query->ok = json_array_append_new(query->array,
                                          json_pack("{ss ss}", "word", whole, "text", text)) == 0 &&
                    query->ok;
    output_result(&query->cli->output, "%s\t%s\n", whole, text);
}

static void offer_choices(struct query *query, const char *choices)
{
    for (const char *at = choices; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, "|");
        const char *word = arena_strndup(&query->cli->arena, at, len);
        if (word != NULL)
            offer(query, word, "");
        query->ok = query->ok && word != NULL;
        at += len + (at[len] == '|');
    }
}

static void offer_commands(struct query *query)
{
    for (size_t i = 0; i < command_count; i++)
        offer(query, commands[i]->name, commands[i]->summary);
}

static void offer_options(struct query *query, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(str_release) struct str text = {0};
        const char *name = arena_printf(&query->cli->arena, "--%s", options[i].name);
        option_describe(&options[i], &text);
        query->ok = query->ok && name != NULL && !text.failed;
        if (query->ok)
            offer(query, name, str_text(&text));
    }
}

/* True when it could be read. What could not offers nothing, but memory that is out is told. */
static bool readable(struct query *query, bool ok, const struct err *err)
{
    query->ok = query->ok && (ok || err->code != ERR_NOMEM);
    return ok;
}

static void offer_targets(struct query *query)
{
    CLEANUP(err_release) struct err err = {0};
    struct cli *const line = &query->line;
    if (!readable(query, cli_prepare(line, NEEDS_CONFIG, &err), &err))
        return;
    for (size_t i = 0; i < line->config.targets.count; i++)
        offer(query, line->config.targets.items[i].name, "target");
}

/* By their names alone: a large folder is listed in no time, and read in some. A name that breaks
 * its scheme is not offered: it would go into the line unquoted, and may say "$(...)". */
static bool list_migrations(struct query *query, struct err *err)
{
    struct cli *const line = &query->line;
    struct set_options options;
    struct fs_names entries;
    struct findings findings = {0};
    if (!cli_prepare(line, NEEDS_CONFIG, err) || !workspace_options(line, &options, err) ||
        !fs_list(&line->arena, options.folder, &entries, err))
        return false;
    for (size_t i = 0; i < entries.count; i++) {
        struct name name;
        const char *path = fs_join(&line->arena, options.folder, entries.items[i]);
        if (path == NULL)
            return err_nomem(err);
        if (!name_read(&line->arena, options.naming, entries.items[i], fs_is_folder(path), path,
                       &name, &findings, err))
            return false;
        if (name.role == NAME_MIGRATION || name.role == NAME_REPEATABLE)
            offer(query, name.id, "migration");
    }
    return true;
}

static void offer_migrations(struct query *query)
{
    CLEANUP(err_release) struct err err = {0};
    (void)readable(query, list_migrations(query, &err), &err);
}

static void offer_rules(struct query *query)
{
    for (size_t i = 0; rule_at(i) != NULL; i++)
        offer(query, rule_at(i)->id, rule_at(i)->title);
}

/* Paths are the shell's own business: it is told that they fit, and ":" starts no word of pawl. */
static void offer_kind(struct query *query, enum offer kind)
{
    switch (kind) {
    case OFFER_NOTHING:
        break;
    case OFFER_FILES:
        output_result(&query->cli->output, ":files\n");
        break;
    case OFFER_FOLDERS:
        output_result(&query->cli->output, ":folders\n");
        break;
    case OFFER_TARGETS:
        offer_targets(query);
        break;
    case OFFER_MIGRATIONS:
        offer_migrations(query);
        break;
    case OFFER_RULES:
        offer_rules(query);
        break;
    case OFFER_TOPICS:
        offer_commands(query);
        offer(query, SETTINGS_TOPIC, SETTINGS_SUMMARY);
        break;
    }
}

/* ---- where the last word stands ---- */

/* The option whose value the last word is, or holds behind a =. */
static const struct option *option_of_value(struct query *query, const char *last)
{
    const struct cli *const line = &query->line;
    const struct given_option *given =
        line->given.count > 0 ? &line->given.items[line->given.count - 1] : NULL;
    const size_t len = strlen(last);
    if (given == NULL || given->option->argument == NULL || given->text < last ||
        given->text > last + len)
        return NULL;
    query->word = given->text;
    query->front = arena_strndup(&query->cli->arena, last, (size_t)(given->text - last));
    query->ok = query->ok && query->front != NULL;
    return query->front != NULL ? given->option : NULL;
}

static void answer(struct query *query, const char *last)
{
    const struct cli *const line = &query->line;
    const struct command *const command = line->command;
    const struct option *const option = option_of_value(query, last);
    const bool is_word = line->words.count > 0 &&
                         line->words.items[line->words.count - 1] == last && strcmp(last, "-") != 0;
    if (option != NULL) {
        offer_choices(query, option->choices);
        offer_kind(query, option->offers);
    } else if (!is_word && last[0] == '-') {
        if (command != NULL)
            offer_options(query, command->options, command->option_count);
        offer_options(query, global_options, global_option_count);
    } else if (!is_word)
        offer_commands(query);
    else if (line->words.count <= command->max_words) {
        offer_choices(query, command->word_choices);
        offer_kind(query, command->word_offers);
    } else if (last[0] == '\0')
        offer_options(query, command->options, command->option_count);
}

/* The words behind "pawl", the last one of them being typed. */
static bool complete(struct cli *cli, struct err *err)
{
    CLEANUP(err_release) struct err unread = {0};
    struct query query = {.cli = cli, .word = "", .front = "", .ok = true, .array = json_array()};
    char **words = arena_alloc(&cli->arena, (cli->words.count + 2) * sizeof *words);
    size_t count = 0;
    for (size_t i = 0; words != NULL && i <= cli->words.count; i++) {
        words[i] = arena_strdup(&cli->arena, i == 0 ? "pawl" : cli->words.items[i - 1]);
        count += words[i] != NULL;
    }
    if (words == NULL || count != cli->words.count + 1 || query.array == NULL) {
        json_decref(query.array);
        return err_nomem(err);
    }
    /* A line that is not whole yet does not parse; what was understood of it is there all the
     * same. */
    if (count > 1) {
        query.word = words[count - 1];
        (void)readable(&query, cli_parse(&query.line, (int)count, words, &unread), &unread);
        if (query.ok)
            answer(&query, words[count - 1]);
    }
    cli_release(&query.line);
    cli_result(cli, "candidates", query.array);
    return query.ok || err_nomem(err);
}

/* ---- the command ---- */

static bool print_script(struct cli *cli, const char *shell, struct err *err)
{
    for (size_t i = 0; i < shell_script_count; i++)
        if (strcmp(shell_scripts[i].shell, shell) == 0) {
            cli_result(cli, "script", cli_json_text(shell_scripts[i].text));
            output_result(&cli->output, "%s", shell_scripts[i].text);
            return true;
        }
    (void)err_set(err, ERR_USAGE, "there is no completion for \"%s\"",
                  fs_printable(&cli->arena, shell));
    err_hint(err, "`pawl completion` knows bash, zsh and fish.");
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    if (cli_flag(cli, "candidates"))
        return complete(cli, err);
    if (cli->words.count == 1)
        return print_script(cli, cli->words.items[0], err);
    (void)err_set(err, ERR_USAGE, "`pawl completion` takes one shell: " SHELL_CHOICES);
    err_hint(err, "`pawl help completion` shows how it is used.");
    return false;
}

static const struct option options[] = {
    {.name = "candidates",
     .text = "for the scripts: what the last of the words behind -- may become"},
};

static const struct example examples[] = {
    {"pawl completion bash > ~/.local/share/bash-completion/completions/pawl",
     "for bash, where its package bash-completion is installed"},
    {"eval \"$(pawl completion bash)\"", "for this bash alone"},
    {"pawl completion zsh > ~/.zfunc/_pawl", "for zsh, with that folder in fpath"},
    {"pawl completion fish > ~/.config/fish/completions/pawl.fish", "for fish"},
};

const struct command command_completion = {
    .name = "completion",
    .group = GROUP_SEE,
    .summary = "print the completion script of a shell",
    .usage = "bash|zsh|fish",
    .about =
        "`make install` puts the scripts where the shells look for them. They complete commands,\n"
        "options, values, targets of pawl.conf and ids of migrations, and ask this program.",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = SIZE_MAX,
    .word_choices = SHELL_CHOICES,
    .run = run,
};
