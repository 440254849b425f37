/*
 * One run of the program: what every command is given, and how a command is described.
 *
 * A new command is one file cmd_NAME.c that defines `const struct command command_NAME`, and one
 * row in cli/commands.h.
 */
#ifndef PAWL_CLI_CLI_H
#define PAWL_CLI_CLI_H

#include <jansson.h>

#include "base/arena.h"
#include "base/finding.h"
#include "cli/option.h"
#include "cli/output.h"
#include "conf/config.h"
#include "conf/url.h"

struct cli;
struct format;

/* What is read before the command runs. */
enum needs {
    NEEDS_NOTHING,
    NEEDS_CONFIG, /* pawl.conf, the environment and the flags: cli->config */
    NEEDS_TARGET, /* and one target: cli->target, cli->url */
};

enum command_group { GROUP_WRITE, GROUP_CHECK, GROUP_ACT, GROUP_LIVE, GROUP_SEE, GROUP_COUNT };

struct example {
    const char *line; /* "pawl new add users" */
    const char *text; /* what it does: lower case, no full stop */
};

struct command {
    const char *name;
    enum command_group group;
    const char *summary; /* lower case, no full stop */
    const char *usage;   /* its arguments: "NAME", "[COMMAND]", "" */
    const char *about;   /* a paragraph for its help page; NULL when the summary says it all */
    const struct option *options;
    size_t option_count;
    const struct example *examples;
    size_t example_count;
    size_t min_words, max_words; /* positional arguments; max SIZE_MAX: any number */
    const char *word_choices;    /* what they may be, as in struct option */
    enum offer word_offers;
    enum needs needs;
    bool finds; /* findings are its result: they go to stdout */
    bool (*run)(struct cli *cli, struct err *err);
};

struct given_option {
    const struct option *option;
    const char *text;
};

struct cli {
    struct arena arena;
    struct output output;
    const struct format *format;   /* of cli/format.h; NULL: for people */
    const struct command *command; /* NULL: none was named */
    struct {
        const char **items; /* after the command's name */
        size_t count, capacity;
    } words;
    bool dashes; /* there was a -- */
    size_t words_before_dashes;
    struct {
        struct given_option *items; /* in the order of the command line */
        size_t count, capacity;
    } given;
    struct config config;
    struct target target;
    struct url url;
    struct findings findings;
    const char *summary;   /* one line that sums the findings up; may be NULL */
    json_t *result;        /* the command's own members of the JSON object */
    bool result_failed;    /* memory was out while filling it */
    enum err_code outcome; /* the exit code of a command that did its work: ERR_NONE usually */
    bool sigpipe_ignored;  /* by whoever started this program */
    bool handed_over;      /* another program ran in its place: nothing is left to say */
    int program_exit;      /* the exit code of that */
};

extern const struct option global_options[];
extern const size_t global_option_count;

/* Reads the command line. What was understood is filled even on failure, so that the error can be
 * printed as asked for. */
bool cli_parse(struct cli *cli, int argc, char **argv, struct err *err) MUST_CHECK;

/* Changes to the folder that was given and reads what is needed; the command may be NULL. */
bool cli_prepare(struct cli *cli, enum needs needs, struct err *err) MUST_CHECK;

/* After NEEDS_CONFIG, for a command that does not always want one: cli->target, cli->url. */
bool cli_prepare_target(struct cli *cli, struct err *err) MUST_CHECK;

/* Finds out what the command needs, and runs it. */
bool cli_run(struct cli *cli, struct err *err) MUST_CHECK;

/* Prints findings, the error and the JSON object; returns the exit code. */
int cli_finish(struct cli *cli, bool ok, struct err *err);

void cli_release(struct cli *cli);

/* The last value given for an option of this command or a global one; NULL when it was not
 * given. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_flag(const struct cli *cli, const char *name);

/* Adds a member to the JSON object, taking the reference over; NULL marks the object failed.
 * Without --json the value is dropped. */
void cli_result(struct cli *cli, const char *key, json_t *value);

/* A JSON string for any bytes: those that are not UTF-8 become \xNN. Null for NULL. */
json_t *cli_json_text(const char *text);

/* Prints the object of --json. */
void cli_print_report(struct cli *cli, bool ok, const struct err *err, int exit_code);

/* Prints the value as one line of ASCII to stdout; NULL, and memory that is out, set
 * output.failed. */
void cli_print_json(struct cli *cli, const json_t *json);

#endif
