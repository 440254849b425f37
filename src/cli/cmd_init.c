/* `pawl init`: a configuration file and a migrations folder to start from. */
#include <string.h>

#include "base/fs.h"
#include "cli/commands.h"
#include "history/name.h"
#include "sql/lexer.h"

struct plan {
    const char *path;   /* of the configuration file */
    const char *folder; /* as written in it */
    const char *made;   /* the same, from the current folder */
    const char *url, *naming, *dialect;
};

/* A password in a file that is about to be committed is what the pointers are for. */
static bool check_url(struct cli *cli, struct plan *plan, struct err *err)
{
    struct url url;
    CLEANUP(err_release) struct err problem = {0};
    const bool pointer = url_is_pointer(plan->url);
    const bool known = url_parse(&cli->arena, plan->url, ".", &url, pointer ? &problem : err);
    if (!known && !pointer)
        return false;
    if (known && !pointer && url.secret) {
        (void)err_set(err, ERR_USAGE, "the URL holds a password, and %s is meant to be committed",
                      plan->path);
        err_hint(err, "Put the URL into an environment variable and type "
                      "`pawl init --url env:DATABASE_URL`.");
        return false;
    }
    if (plan->dialect == NULL)
        plan->dialect = known ? engine_name(url.engine) : dialect_name(DIALECT_POSTGRES);
    return true;
}

/* Checks the flags by the table of settings. */
static bool read_plan(struct cli *cli, struct plan *ret, struct err *err)
{
    static const struct {
        const char *flag;
        enum setting_id setting;
    } checked[] = {
        {"--naming", SETTING_NAMING},
        {"--dialect", SETTING_DIALECT},
        {"--migrations", SETTING_MIGRATIONS},
        {"--url", SETTING_URL},
    };
    const char *path = cli_option(cli, "config"), *url = cli_option(cli, "url");
    struct config config = {.folder = "."};
    for (size_t i = 0; i < COUNT_OF(checked); i++) {
        const char *text = cli_option(cli, checked[i].flag + 2);
        if (text != NULL &&
            !config_set(&cli->arena, &config, checked[i].setting, text, checked[i].flag, err))
            return false;
    }
    const char *naming = cli_option(cli, "naming"), *folder = cli_option(cli, "migrations");
    *ret = (struct plan){
        .path = path != NULL ? path : CONFIG_FILE_NAME,
        .folder = folder != NULL ? folder : settings[SETTING_MIGRATIONS].initial,
        .url = url != NULL ? url : "sqlite:pawl.db",
        .naming = naming != NULL ? naming : naming_name(NAMING_TIMESTAMP),
        .dialect = cli_option(cli, "dialect"),
    };
    const char *slash = strrchr(ret->path, '/');
    const char *base = slash == NULL
                           ? "."
                           : arena_strndup(&cli->arena, ret->path, (size_t)(slash - ret->path + 1));
    ret->made = base != NULL ? fs_join(&cli->arena, base, ret->folder) : NULL;
    return ret->made != NULL ? check_url(cli, ret, err) : err_nomem(err);
}

static bool write_config(const struct plan *plan, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    str_printf(&text,
               "# `pawl config` shows every setting with its value and origin.\n"
               "[pawl]\n"
               "migrations = %s\n"
               "naming = %s\n"
               "dialect = %s\n"
               "\n"
               "# A URL with a password does not belong here: url = env:NAME, or file:PATH.\n"
               "[target.main]\n"
               "url = %s\n",
               plan->folder, plan->naming, plan->dialect, plan->url);
    if (text.failed)
        return err_nomem(err);
    return fs_create(plan->path, str_text(&text), text.len, err);
}

static void tell(struct cli *cli, const struct plan *plan, bool folder_existed)
{
    struct output *output = &cli->output;
    cli_result(cli, "config", cli_json_text(plan->path));
    cli_result(cli, "migrations", cli_json_text(plan->made));
    cli_result(cli, "created_folder", json_boolean(!folder_existed));
    output_result(output, "%s\n%s%s\n", plan->path, plan->made, folder_existed ? "" : "/");
    output_chat(output, "next: type `pawl new create users` and put your SQL into the file that it "
                        "names");
    if (strncmp(plan->url, "sqlite:", strlen("sqlite:")) == 0)
        output_chat(output, "keep the database file (%s) out of version control", plan->url);
}

static bool run(struct cli *cli, struct err *err)
{
    struct plan plan;
    if (!read_plan(cli, &plan, err))
        return false;
    if (fs_exists(plan.path)) {
        (void)err_set(err, ERR_USAGE, "there is a \"%s\" already", plan.path);
        err_state(err, "Nothing was changed.");
        err_hint(err, "`pawl config` shows what it says; edit it, or delete it first.");
        return false;
    }
    const bool folder_existed = fs_is_folder(plan.made);
    if (!fs_make_folder(plan.made, err) || !write_config(&plan, err))
        return false;
    tell(cli, &plan, folder_existed);
    return true;
}

static const struct option options[] = {
    {.name = "naming",
     .argument = "SCHEME",
     .text = "how files are named",
     .choices = NAMING_CHOICES},
    {.name = "dialect",
     .argument = "NAME",
     .text = "of the migrations; without it that of the URL",
     .choices = DIALECT_CHOICES},
};

static const struct example examples[] = {
    {"pawl init", "starts with SQLite: nothing to install"},
    {"pawl init --url env:DATABASE_URL", "takes the database from the environment"},
    {"pawl init --url postgres://app@db/app --naming epoch", "names files by seconds since 1970"},
};

const struct command command_init = {
    .name = "init",
    .group = GROUP_WRITE,
    .summary = "write pawl.conf and make the migrations folder",
    .usage = "",
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = examples,
    .example_count = COUNT_OF(examples),
    .run = run,
};
