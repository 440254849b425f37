/* Findings as commands of a GitHub workflow, which shows them beside the lines they are about. */
#include <string.h>

#include "check/rules.h"
#include "cli/format.h"

/* A command ends with its line, and its properties with a comma or a colon: what others wrote must
 * not be able to start one of its own. */
static void put_escaped(struct str *out, const char *text, const char *escaped)
{
    while (*text != '\0') {
        const size_t len = strcspn(text, escaped);
        output_escape(out, text, len, false);
        text += len;
        if (*text != '\0')
            str_printf(out, "%%%02X", (unsigned)(unsigned char)*text++);
    }
}

static void put_property(struct str *out, const char *text)
{
    put_escaped(out, text, "%\r\n:,");
}

static void put_message(struct str *out, const char *text)
{
    put_escaped(out, text, "%\r\n");
}

static void print_command(struct cli *cli, const struct str *command)
{
    cli->output.failed = cli->output.failed || command->failed;
    (void)fwrite(str_text(command), 1, command->len, stdout); /* output_flush() sees a failure */
}

static void put_place(struct str *out, const struct marked_finding *marked)
{
    put_message(out, marked->path);
    if (marked->finding->line > 0)
        str_printf(out, ":%d", marked->finding->line);
    if (marked->finding->line > 0 && marked->finding->column > 0)
        str_printf(out, ":%d", marked->finding->column);
    str_puts(out, ": ");
}

/* The log shows the message alone, so that it names the place once more. */
static void print_finding(struct cli *cli, const struct marked_finding *marked)
{
    static const char *const commands[] = {"notice", "warning", "error"};
    const struct finding *const finding = marked->finding;
    const struct rule *const rule = rule_find(finding->rule);
    CLEANUP(str_release) struct str out = {0};
    str_printf(&out, "::%s file=", commands[finding->severity]);
    put_property(&out, marked->path);
    if (finding->line > 0)
        str_printf(&out, ",line=%d", finding->line);
    if (finding->line > 0 && finding->column > 0)
        str_printf(&out, ",col=%d", finding->column);
    str_puts(&out, ",title=");
    put_property(&out, rule != NULL ? rule->title : finding->rule);
    str_puts(&out, "::");
    put_place(&out, marked);
    put_message(&out, finding->what);
    str_printf(&out, " [%s]", finding->rule);
    if (finding->fix != NULL) {
        str_puts(&out, "%0Afix: ");
        put_message(&out, finding->fix);
    }
    str_putc(&out, '\n');
    print_command(cli, &out);
}

static void put_field(struct str *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    str_printf(out, "%%0A%s: ", name);
    put_message(out, text);
}

static void print_error(struct cli *cli, const struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    str_puts(&out, "::error title=pawl::");
    put_message(&out, err->message != NULL ? err->message : err_meaning(err->code));
    if (err->file != NULL)
        put_field(&out, "at", err->file);
    if (err->file != NULL && err->line > 0)
        str_printf(&out, ":%d", err->line);
    put_field(&out, "detail", err->detail);
    put_field(&out, "state", err->state);
    put_field(&out, "next", err->hint);
    str_putc(&out, '\n');
    print_command(cli, &out);
}

void format_github(struct cli *cli, bool ok, const struct err *err, int exit_code)
{
    const struct marked_finding *const marked = format_mark(cli);
    (void)exit_code;
    cli->output.failed = cli->output.failed || marked == NULL;
    for (size_t i = 0; marked != NULL && i < cli->findings.count; i++)
        print_finding(cli, &marked[i]);
    if (cli->summary != NULL)
        output_result(&cli->output, "%s\n", cli->summary);
    if (!ok && cli->summary == NULL)
        print_error(cli, err);
}
