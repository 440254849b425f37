/* `pawl help`: everything from the tables. */
#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "cli/commands.h"
#include "cli/man.h"
#include "cli/preflight_text.h"
#include "cli/settings_text.h"

/* The widest of the left column; what is wider puts its text into the next line. */
enum { LEFT_COLUMN = 26 };

static void print_row(struct cli *cli, const char *left, const char *right)
{
    if (strlen(left) > LEFT_COLUMN)
        output_result(&cli->output, "  %s\n  %*s %s\n", left, LEFT_COLUMN, "", right);
    else
        output_result(&cli->output, "  %-*s %s\n", LEFT_COLUMN, left, right);
}

static bool print_options(struct cli *cli, const struct option *options, size_t count,
                          struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(str_release) struct str left = {0}, right = {0};
        if (options[i].letter != '\0')
            str_printf(&left, "-%c, ", options[i].letter);
        str_printf(&left, "--%s", options[i].name);
        if (options[i].argument != NULL)
            str_printf(&left, " %s", options[i].argument);
        option_describe(&options[i], &right);
        if (left.failed || right.failed)
            return err_nomem(err);
        print_row(cli, str_text(&left), str_text(&right));
    }
    return true;
}

static void print_exit_codes(struct cli *cli)
{
    int last = -1;
    for (enum err_code code = ERR_NONE; code <= ERR_SIGNAL; code++) {
        const int exit_code = err_exit_code(&(struct err){.code = code});
        if (exit_code <= last)
            continue; /* another reason with the same number */
        last = exit_code;
        if (code == ERR_SIGNAL)
            output_result(&cli->output, "  128+N %s\n", err_meaning(code));
        else
            output_result(&cli->output, "  %-5d %s\n", exit_code, err_meaning(code));
    }
}

static bool print_overview(struct cli *cli, struct err *err)
{
    struct output *output = &cli->output;
    output_result(output,
                  "pawl %s: %s\n\nusage: pawl [OPTIONS] COMMAND ...\n\n"
                  "to start: pawl init, pawl new create users, pawl check, pawl deploy\n",
                  PAWL_VERSION, PROGRAM_SUMMARY);
    for (enum command_group group = 0; group < GROUP_COUNT; group++) {
        bool titled = false;
        for (size_t i = 0; i < command_count; i++) {
            if (commands[i]->group != group)
                continue;
            if (!titled)
                output_result(output, "\n%s\n", command_group_title(group));
            titled = true;
            print_row(cli, commands[i]->name, commands[i]->summary);
        }
    }
    output_result(output, "\noptions\n");
    if (!print_options(cli, global_options, global_option_count, err))
        return false;
    output_result(output, "\nexit codes\n");
    print_exit_codes(cli);
    output_result(
        output, "\n`pawl help COMMAND` shows the options and examples of one command, `pawl help\n"
                "settings` what pawl.conf and the environment can say.\n");
    return true;
}

static bool print_settings(struct cli *cli, struct err *err)
{
    struct output *output = &cli->output;
    output_result(output, "%s\n\n%s\n", SETTINGS_SUMMARY, settings_intro);
    for (size_t s = 0; s < settings_section_count; s++) {
        const struct settings_section *section = &settings_sections[s];
        output_result(output, "\n%s\n  %s\n", section->title, section->text);
        for (size_t i = 0; i < SETTING_COUNT; i++) {
            const struct setting *setting = &settings[i];
            const char *values = setting_values(&cli->arena, setting);
            if (values == NULL)
                return err_nomem(err);
            if (strcmp(setting->section, section->name) != 0)
                continue;
            output_result(output, "\n  %s =%s%s\n      %s\n      %s%s%s\n", setting->name,
                          setting->initial[0] != '\0' ? " " : "", setting->initial, setting->text,
                          values, setting->environment != NULL ? "; or in " : "",
                          setting->environment != NULL ? setting->environment : "");
        }
    }
    return true;
}

static bool print_command(struct cli *cli, const struct command *command, struct err *err)
{
    struct output *output = &cli->output;
    output_result(output, "pawl %s: %s\n\nusage: pawl %s%s%s%s\n", command->name, command->summary,
                  command->name, command->option_count > 0 ? " [OPTIONS]" : "",
                  command->usage[0] != '\0' ? " " : "", command->usage);
    if (command->about != NULL)
        output_result(output, "\n%s\n", command->about);
    if (command->option_count > 0)
        output_result(output, "\noptions\n");
    if (!print_options(cli, command->options, command->option_count, err))
        return false;
    if (command->example_count > 0)
        output_result(output, "\nexamples\n");
    for (size_t i = 0; i < command->example_count; i++)
        output_result(output, "  %s\n      %s\n", command->examples[i].line,
                      command->examples[i].text);
    output_result(output, "\n`pawl help` lists the options that every command takes.\n");
    return true;
}

/* ---- for programs ---- */

static json_t *json_option(const struct option *option)
{
    CLEANUP(str_release) struct str text = {0};
    option_describe(option, &text);
    return json_pack("{ss so so so}", "name", option->name, "letter",
                     option->letter != '\0' ? json_stringn(&option->letter, 1) : json_null(),
                     "argument", cli_json_text(option->argument), "text",
                     text.failed ? NULL : cli_json_text(str_text(&text)));
}

static json_t *json_options(const struct option *options, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, json_option(&options[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *json_examples(const struct command *command)
{
    json_t *array = json_array();
    for (size_t i = 0; i < command->example_count; i++)
        if (json_array_append_new(array, json_pack("{ss ss}", "line", command->examples[i].line,
                                                   "text", command->examples[i].text)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *json_command(const struct command *command)
{
    return json_pack("{ss ss ss ss so so so}", "name", command->name, "group",
                     command_group_title(command->group), "summary", command->summary, "usage",
                     command->usage, "about", cli_json_text(command->about), "options",
                     json_options(command->options, command->option_count), "examples",
                     json_examples(command));
}

static void report_commands(struct cli *cli, const struct command *only)
{
    json_t *array = json_array();
    for (size_t i = 0; i < command_count; i++)
        if ((only == NULL || only == commands[i]) &&
            json_array_append_new(array, json_command(commands[i])) != 0) {
            json_decref(array);
            array = NULL;
            break;
        }
    cli_result(cli, "commands", array);
    cli_result(cli, "options", json_options(global_options, global_option_count));
}

static void report_settings(struct cli *cli)
{
    json_t *array = json_array();
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting *setting = &settings[i];
        const char *values = setting_values(&cli->arena, setting);
        json_t *item = json_pack(
            "{ss ss so ss so ss}", "section", setting->section, "name", setting->name, "values",
            values != NULL ? cli_json_text(values) : NULL, "default", setting->initial,
            "environment", cli_json_text(setting->environment), "text", setting->text);
        if (json_array_append_new(array, item) != 0) {
            json_decref(array);
            array = NULL;
            break;
        }
    }
    cli_result(cli, "settings", array);
}

/* ---- the command ---- */

static bool settings_page(struct cli *cli, struct err *err)
{
    if (cli->output.json)
        report_settings(cli);
    return cli_flag(cli, "man") ? man_settings(cli, err) : print_settings(cli, err);
}

static bool unknown_topic(struct cli *cli, const char *name, struct err *err)
{
    const char *const topic = SETTINGS_TOPIC;
    if (suggest(name, &topic, 1) == NULL)
        return command_unknown(cli, name, err);
    (void)err_set(err, ERR_USAGE, "unknown topic \"%s\"", fs_printable(&cli->arena, name));
    err_hint(err, "Did you mean `pawl help %s`?", topic);
    return false;
}

static bool run(struct cli *cli, struct err *err)
{
    const char *const topic = cli->words.count > 0 ? cli->words.items[0] : NULL;
    const struct command *const only = topic != NULL ? command_find(topic) : NULL;
    if (topic != NULL && strcmp(topic, SETTINGS_TOPIC) == 0)
        return settings_page(cli, err);
    if (topic != NULL && only == NULL)
        return unknown_topic(cli, topic, err);
    if (cli->output.json)
        report_commands(cli, only);
    if (cli->output.json && only == &command_preflight)
        cli_result(cli, "checklist", preflight_questions_json());
    if (cli_flag(cli, "man"))
        return only != NULL ? man_command(cli, only, err) : man_program(cli, err);
    return only != NULL ? print_command(cli, only, err) : print_overview(cli, err);
}

static const struct option options[] = {
    {.name = "man", .text = "print a man page instead"},
};

static const struct example examples[] = {
    {"pawl help new", "shows the options of `pawl new`"},
    {"pawl help settings", "shows what pawl.conf and the environment can say"},
    {"pawl help --man deploy > pawl-deploy.1", "writes the man page of `pawl deploy`"},
};

const struct command command_help = {
    .name = "help",
    .group = GROUP_SEE,
    .summary = "show the commands, one of them, or the settings",
    .usage = "[COMMAND | " SETTINGS_TOPIC "]",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .word_offers = OFFER_TOPICS,
    .run = run,
};
