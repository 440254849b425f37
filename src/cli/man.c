/* Writing man pages in the macros of man(7). */
#include "cli/man.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/settings_text.h"

/* ---- text ---- */

/* What roff would read as its own, or print as another character than a shell understands. */
static const struct {
    char byte;
    const char *escaped;
} escapes[] = {
    {'-', "\\-"}, {'\\', "\\e"}, {'\'', "\\(aq"}, {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"},
};

static void put_char(struct str *out, char c)
{
    for (size_t i = 0; i < COUNT_OF(escapes); i++)
        if (escapes[i].byte == c) {
            str_puts(out, escapes[i].escaped);
            return;
        }
    str_putc(out, c);
}

/* Lines of a page's source stay readable: longer than this they end at the next blank. */
enum { LINE_BYTES = 60 };

static size_t line_bytes(const struct str *out)
{
    const char *const last = out->len > 0 ? memrchr(str_text(out), '\n', out->len) : NULL;
    return last != NULL ? out->len - 1 - (size_t)(last - str_text(out)) : out->len;
}

/* A blank of running text, or a line feed where the line is long; behind it a dot would make a
 * macro of what follows. */
static void put_blank(struct str *out, char next)
{
    if (line_bytes(out) < LINE_BYTES)
        str_putc(out, ' ');
    else
        str_puts(out, next == '.' ? "\n\\&" : "\n");
}

/* Running text: what stands between backticks becomes bold, a line feed a blank. */
static void put_text(struct str *out, const char *text, size_t len)
{
    bool bold = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '`') {
            bold = !bold;
            str_puts(out, bold ? "\\fB" : "\\fR");
        } else if (text[i] == '\n' || text[i] == ' ')
            put_blank(out, i + 1 < len ? text[i + 1] : '\0');
        else
            put_char(out, text[i]);
    }
}

/* A line of running text; one that starts as a macro does is told apart by an empty character. */
static void put_line(struct str *out, const char *text, size_t len)
{
    if (len > 0 && text[0] == '.')
        str_puts(out, "\\&");
    put_text(out, text, len);
    str_putc(out, '\n');
}

static void put_all(struct str *out, const char *text)
{
    put_line(out, text, strlen(text));
}

/* A line to type, as it stands. */
static void put_literal(struct str *out, const char *text, size_t len)
{
    str_puts(out, len > 0 && text[0] == '.' ? "\\&" : "");
    for (size_t i = 0; i < len; i++)
        put_char(out, text[i]);
    str_putc(out, '\n');
}

/* The first letter large and a full stop, for what tables hold as half sentences. */
static void put_sentence(struct str *out, const char *text)
{
    const char first = text[0] >= 'a' && text[0] <= 'z' ? (char)(text[0] - 'a' + 'A') : text[0];
    const size_t len = strlen(text);
    if (len == 0)
        return;
    str_putc(out, first);
    put_text(out, text + 1, len - 1);
    str_puts(out, text[len - 1] == '.' ? "\n" : ".\n");
}

/* A paragraph, or lines that are indented by two and stay as they are. Behind a heading a .PP would
 * be one too many. */
static const char *put_block(struct str *out, const char *text, bool behind_heading)
{
    const bool literal = strncmp(text, "  ", 2) == 0;
    const char *const start = text;
    while (*text != '\0' && *text != '\n' && (strncmp(text, "  ", 2) == 0) == literal) {
        const size_t len = strcspn(text, "\n");
        if (literal && text == start)
            str_puts(out, ".PP\n.nf\n.RS\n");
        if (literal)
            put_literal(out, text + 2, len - 2);
        text += len + (text[len] == '\n');
    }
    if (literal)
        str_puts(out, ".RE\n.fi\n");
    else {
        str_puts(out, behind_heading ? "" : ".PP\n");
        put_line(out, start, (size_t)(text - start) - (text > start && text[-1] == '\n'));
    }
    return text + (*text == '\n');
}

static void put_section(struct str *out, const char *title)
{
    str_printf(out, ".SH %s\n", title);
}

static void put_paragraphs(struct str *out, const char *text)
{
    for (bool first = true; *text != '\0'; first = false)
        text = put_block(out, text, first);
}

/* ---- parts of a page ---- */

static void put_title(struct str *out, const char *name, int section, const char *summary)
{
    str_puts(out, ".\\\" Written by `pawl help --man`.\n.TH \"");
    for (const char *c = name; *c != '\0'; c++)
        put_char(out, *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c);
    str_printf(out, "\" %d \"%s\" \"pawl %s\"\n.nh\n.ad l\n.SH NAME\n", section, PAWL_DATE,
               PAWL_VERSION);
    put_text(out, name, strlen(name));
    str_puts(out, " \\- ");
    put_all(out, summary);
}

static void put_options(struct str *out, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(str_release) struct str text = {0};
        str_puts(out, ".TP\n");
        if (options[i].letter != '\0')
            str_printf(out, "\\fB\\-%c\\fR, ", options[i].letter);
        str_puts(out, "\\fB\\-\\-");
        put_text(out, options[i].name, strlen(options[i].name));
        str_puts(out, "\\fR");
        if (options[i].argument != NULL) {
            str_puts(out, " \\fI");
            put_text(out, options[i].argument, strlen(options[i].argument));
            str_puts(out, "\\fR");
        }
        str_putc(out, '\n');
        option_describe(&options[i], &text);
        put_sentence(out, str_text(&text));
        out->failed = out->failed || text.failed;
    }
}

static void put_examples(struct str *out, const struct command *command)
{
    if (command->example_count > 0)
        put_section(out, "EXAMPLES");
    for (size_t i = 0; i < command->example_count; i++) {
        str_puts(out, ".TP\n\\fB");
        CLEANUP(str_release) struct str line = {0};
        put_literal(&line, command->examples[i].line, strlen(command->examples[i].line));
        str_append(out, str_text(&line), line.len > 0 ? line.len - 1 : 0);
        str_puts(out, "\\fR\n");
        put_sentence(out, command->examples[i].text);
        out->failed = out->failed || line.failed;
    }
}

static void put_exit_status(struct str *out)
{
    put_section(out, "EXIT STATUS");
    int last = -1;
    for (enum err_code code = ERR_NONE; code <= ERR_SIGNAL; code++) {
        const int exit_code = err_exit_code(&(struct err){.code = code});
        if (exit_code <= last)
            continue; /* another reason with the same number */
        last = exit_code;
        str_printf(out, code == ERR_SIGNAL ? ".TP\n\\fB128+N\\fR\n" : ".TP\n\\fB%d\\fR\n",
                   exit_code);
        put_sentence(out, err_meaning(code));
    }
}

static void put_environment(struct str *out)
{
    static const struct {
        const char *name, *text;
    } others[] = {
        {"DATABASE_URL", "The target, where nothing else names one."},
        {"PAWL_RELEASE", "The release that deploys or asks, without --release."},
        {"PAWL_ATTEST_KEY", "The key of --attest: the path of its file, or its text in PEM."},
        {"NO_COLOR", "No colour, whatever the terminal."},
    };
    put_section(out, "ENVIRONMENT");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (settings[i].environment != NULL) {
            str_printf(out, ".TP\n\\fB%s\\fR\n", settings[i].environment);
            put_all(out, settings[i].text);
        }
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        str_printf(out, ".TP\n\\fB%s\\fR\n", others[i].name);
        put_all(out, others[i].text);
    }
}

static void put_commands(struct str *out)
{
    put_section(out, "COMMANDS");
    for (enum command_group group = 0; group < GROUP_COUNT; group++) {
        bool titled = false;
        for (size_t i = 0; i < command_count; i++) {
            if (commands[i]->group != group)
                continue;
            if (!titled)
                str_printf(out, ".SS %s\n", command_group_title(group));
            titled = true;
            str_printf(out, ".TP\n\\fBpawl\\-%s\\fR(1)\n", commands[i]->name);
            put_sentence(out, commands[i]->summary);
        }
    }
}

static bool print(struct cli *cli, const struct str *page, struct err *err)
{
    if (page->failed)
        return err_nomem(err);
    output_result(&cli->output, "%s", str_text(page));
    return true;
}

/* ---- pages ---- */

bool man_program(struct cli *cli, struct err *err)
{
    CLEANUP(str_release) struct str page = {0};
    put_title(&page, "pawl", 1, PROGRAM_SUMMARY);
    put_section(&page, "SYNOPSIS");
    str_puts(&page, "\\fBpawl\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...\n");
    put_section(&page, "DESCRIPTION");
    put_paragraphs(&page, program_about);
    put_commands(&page);
    put_section(&page, "OPTIONS");
    str_puts(&page, "They work with every command, before it or behind it.\n");
    put_options(&page, global_options, global_option_count);
    put_exit_status(&page);
    put_environment(&page);
    put_section(&page, "FILES");
    str_puts(&page, ".TP\n\\fBpawl.conf\\fR\nSettings and targets: see \\fBpawl.conf\\fR(5).\n"
                    ".TP\n\\fBmigrations/pawl.sum\\fR\nChecksums of the migrations: see "
                    "\\fBpawl\\-sum\\fR(1).\n");
    put_section(&page, "SEE ALSO");
    str_puts(&page, "\\fBpawl\\-COMMAND\\fR(1) for each command, \\fBpawl.conf\\fR(5)\n");
    return print(cli, &page, err);
}

bool man_command(struct cli *cli, const struct command *command, struct err *err)
{
    CLEANUP(str_release) struct str page = {0};
    const char *const name = arena_printf(&cli->arena, "pawl-%s", command->name);
    if (name == NULL)
        return err_nomem(err);
    put_title(&page, name, 1, command->summary);
    put_section(&page, "SYNOPSIS");
    str_printf(&page, "\\fBpawl %s\\fR%s%s", command->name,
               command->option_count > 0 ? " [\\fIOPTIONS\\fR]" : "",
               command->usage[0] != '\0' ? " " : "");
    put_all(&page, command->usage);
    put_section(&page, "DESCRIPTION");
    if (command->about != NULL)
        put_paragraphs(&page, command->about);
    else
        put_sentence(&page, command->summary);
    if (command->option_count > 0)
        put_section(&page, "OPTIONS");
    put_options(&page, command->options, command->option_count);
    put_examples(&page, command);
    put_section(&page, "EXIT STATUS");
    str_puts(&page, "The same for all commands: see \\fBpawl\\fR(1).\n");
    put_section(&page, "SEE ALSO");
    str_puts(&page, "\\fBpawl\\fR(1) for the options that every command takes, "
                    "\\fBpawl.conf\\fR(5)\n");
    return print(cli, &page, err);
}

static void put_setting(struct str *out, const struct setting *setting, const char *values)
{
    str_printf(out, ".TP\n\\fB%s\\fR = ", setting->name);
    if (setting->initial[0] != '\0')
        put_all(out, setting->initial);
    else
        str_puts(out, "(empty)\n");
    put_all(out, setting->text);
    str_puts(out, ".br\nValues: ");
    put_text(out, values, strlen(values));
    str_puts(out, ".\n");
    if (setting->environment != NULL)
        str_printf(out, "Environment: %s.\n", setting->environment);
}

bool man_settings(struct cli *cli, struct err *err)
{
    CLEANUP(str_release) struct str page = {0};
    put_title(&page, CONFIG_FILE_NAME, 5, "settings and targets of pawl");
    put_section(&page, "DESCRIPTION");
    put_paragraphs(&page, settings_intro);
    for (size_t s = 0; s < settings_section_count; s++) {
        put_section(&page, settings_sections[s].title);
        put_all(&page, settings_sections[s].text);
        for (size_t i = 0; i < SETTING_COUNT; i++) {
            const char *values = setting_values(&cli->arena, &settings[i]);
            if (values == NULL)
                return err_nomem(err);
            if (strcmp(settings[i].section, settings_sections[s].name) == 0)
                put_setting(&page, &settings[i], values);
        }
    }
    put_section(&page, "SEE ALSO");
    str_puts(&page, "\\fBpawl\\fR(1), \\fBpawl\\-config\\fR(1), \\fBpawl\\-init\\fR(1)\n");
    return print(cli, &page, err);
}
