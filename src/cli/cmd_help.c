/* `pawl help`: everything from the tables. */
#include <string.h>

#include "cli/commands.h"

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
        CLEANUP(str_release) struct str left = {0};
        if (options[i].letter != '\0')
            str_printf(&left, "-%c, ", options[i].letter);
        str_printf(&left, "--%s", options[i].name);
        if (options[i].argument != NULL)
            str_printf(&left, " %s", options[i].argument);
        if (left.failed)
            return err_nomem(err);
        print_row(cli, str_text(&left), options[i].text);
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
                  "pawl %s: takes a database from one schema to the next without an outage\n\n"
                  "usage: pawl [OPTIONS] COMMAND ...\n",
                  PAWL_VERSION);
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
    output_result(output, "\n`pawl help COMMAND` shows the options and examples of one command.\n");
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

static json_t *json_options(const struct option *options, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *option =
            json_pack("{ss so so ss}", "name", options[i].name, "letter",
                      options[i].letter != '\0' ? json_stringn(&options[i].letter, 1) : json_null(),
                      "argument", cli_json_text(options[i].argument), "text", options[i].text);
        if (json_array_append_new(array, option) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *json_command(const struct command *command)
{
    return json_pack("{ss ss ss so}", "name", command->name, "summary", command->summary, "usage",
                     command->usage, "options",
                     json_options(command->options, command->option_count));
}

static void report(struct cli *cli, const struct command *only)
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

static bool run(struct cli *cli, struct err *err)
{
    const struct command *only = NULL;
    if (cli->words.count > 0) {
        only = command_find(cli->words.items[0]);
        if (only == NULL)
            return command_unknown(cli, cli->words.items[0], err);
    }
    if (cli->output.json)
        report(cli, only);
    return only != NULL ? print_command(cli, only, err) : print_overview(cli, err);
}

static const struct example examples[] = {
    {"pawl help new", "shows the options of `pawl new`"},
};

const struct command command_help = {
    .name = "help",
    .group = GROUP_SEE,
    .summary = "show the commands, or one of them",
    .usage = "[COMMAND]",
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .max_words = 1,
    .run = run,
};
