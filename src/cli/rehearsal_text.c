/* A rehearsal for people, and for pull requests. */
#include <string.h>

#include "base/clock.h"
#include "cli/rehearsal.h"
#include "cli/statement_text.h"

/* "  (12 ms)", "  (failed after 3 ms)", "  (not reached)". */
static void put_outcome(struct str *out, const struct rehearsed *one)
{
    char time[CLOCK_ISO_BYTES];
    clock_format_elapsed_ms(one->ms, time);
    if (one->outcome == REHEARSED_NOT_REACHED)
        str_puts(out, "not reached");
    else
        str_printf(out, "%s%s", one->outcome == REHEARSED_FAILED ? "failed after " : "", time);
}

static void put_time(struct str *out, const struct rehearsed_statement *one)
{
    char time[CLOCK_ISO_BYTES];
    if (one->ms < 0)
        str_printf(out, "not run: %s", one->xray->why);
    else {
        clock_format_elapsed_ms(one->ms, time);
        str_puts(out, time);
    }
}

/* "ACCESS EXCLUSIVE on public.t, written anew" */
static void put_lock(struct str *out, const struct rehearsal_lock *lock)
{
    if (lock->mode[0] != '\0')
        str_printf(out, "%s on ", lock->mode);
    str_puts(out, lock->relation);
    if (lock->work[0] != '\0')
        str_printf(out, ", %s", lock->work);
}

static const char *shown(struct cli *cli, struct span text)
{
    const char *const line = statement_one_line(&cli->arena, text, STATEMENT_SHOWN_BYTES);
    return line != NULL ? output_safe(&cli->arena, line) : NULL;
}

/* What others have named. */
static void put_safe(struct cli *cli, struct str *out, const char *text)
{
    const char *const safe = output_safe(&cli->arena, text);
    out->failed = out->failed || safe == NULL;
    str_puts(out, safe != NULL ? safe : "");
}

/* ---- people ---- */

static bool put_statement(struct cli *cli, struct str *out, const struct rehearsed_statement *one)
{
    struct rehearsal_locks locks;
    const char *const text = shown(cli, one->text);
    if (text == NULL || !rehearsal_locks(&cli->arena, one, &locks))
        return false;
    str_printf(out, "  %d:%d  %s  (", one->line, one->column, text);
    put_time(out, one);
    str_puts(out, ")\n");
    for (size_t i = 0; i < locks.count; i++) {
        str_puts(out, "        ");
        put_lock(out, &locks.items[i]);
        str_putc(out, '\n');
    }
    return true;
}

bool rehearsal_say(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    for (size_t i = 0; i < rehearsal->migrations.count; i++) {
        const struct rehearsed *const one = &rehearsal->migrations.items[i];
        put_safe(cli, &out, one->migration->id);
        str_puts(&out, "  (");
        put_outcome(&out, one);
        str_puts(&out, ")\n");
        for (size_t s = 0; s < one->count; s++)
            if (!put_statement(cli, &out, &rehearsal->statements.items[one->first + s]))
                return err_nomem(err);
    }
    if (rehearsal->changes != NULL && rehearsal->changes[0] != '\0')
        str_printf(&out, "the schema, before and after:\n%s", rehearsal->changes);
    else if (rehearsal->changes != NULL)
        str_puts(&out, "the schema stays as it is\n");
    else if (rehearsal->why_no_changes != NULL) {
        str_puts(&out, "the schema is not compared: ");
        put_safe(cli, &out, rehearsal->why_no_changes);
        str_putc(&out, '\n');
    }
    if (rehearsal->kept != NULL) {
        str_puts(&out, "kept: ");
        put_safe(cli, &out, rehearsal->kept);
        str_puts(&out, "\n  ");
        put_safe(cli, &out, rehearsal->kept_connect);
        str_putc(&out, '\n');
    }
    if (out.failed)
        return err_nomem(err);
    output_result_text(&cli->output, &out);
    return true;
}

/* ---- pull requests ---- */

static void put_row_start(struct str *out, const struct rehearsed_statement *one, const char *text)
{
    str_printf(out, "| %d:%d | ", one->line, one->column);
    markdown_put_cell(out, text);
    str_puts(out, " | ");
    put_time(out, one);
    str_puts(out, " | ");
}

static bool put_rows(struct cli *cli, struct str *out, const struct rehearsed_statement *one)
{
    struct rehearsal_locks locks;
    const char *const text = shown(cli, one->text);
    if (text == NULL || !rehearsal_locks(&cli->arena, one, &locks))
        return false;
    put_row_start(out, one, text);
    for (size_t i = 0; i < locks.count; i++) {
        CLEANUP(str_release) struct str lock = {0};
        put_lock(&lock, &locks.items[i]);
        markdown_put_cell(out, str_text(&lock));
        out->failed = out->failed || lock.failed;
        if (i + 1 < locks.count)
            str_puts(out, "; ");
    }
    str_puts(out, " |\n");
    return true;
}

/* A fence that nothing in the text ends. */
static void put_fenced(struct str *out, const char *text)
{
    size_t longest = 2;
    for (const char *c = text; (c = strchr(c, '`')) != NULL; c += strspn(c, "`"))
        if (strspn(c, "`") > longest)
            longest = strspn(c, "`");
    for (size_t i = 0; i <= longest; i++)
        str_putc(out, '`');
    str_printf(out, "diff\n%s", text);
    for (size_t i = 0; i <= longest; i++)
        str_putc(out, '`');
    str_putc(out, '\n');
}

/* For who typed the command, not for the page. */
static bool chat_kept(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    if (rehearsal->kept == NULL)
        return true;
    const char *const kept = output_safe(&cli->arena, rehearsal->kept);
    const char *const connect = output_safe(&cli->arena, rehearsal->kept_connect);
    if (kept == NULL || connect == NULL)
        return err_nomem(err);
    output_chat(&cli->output, "kept: %s\n  %s", kept, connect);
    return true;
}

bool rehearsal_say_markdown(struct cli *cli, const struct rehearsal *rehearsal, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    for (size_t i = 0; i < rehearsal->migrations.count; i++) {
        const struct rehearsed *const one = &rehearsal->migrations.items[i];
        str_puts(&out, "### ");
        markdown_put_cell(&out, one->migration->id);
        str_puts(&out, "\n\n");
        put_outcome(&out, one);
        str_puts(&out, "\n\n");
        if (one->count > 0)
            str_puts(&out, "| line | statement | took | locks and work |\n|---|---|---|---|\n");
        for (size_t s = 0; s < one->count; s++)
            if (!put_rows(cli, &out, &rehearsal->statements.items[one->first + s]))
                return err_nomem(err);
        if (one->count > 0)
            str_putc(&out, '\n');
    }
    if (rehearsal->changes != NULL && rehearsal->changes[0] != '\0') {
        str_puts(&out, "### The schema, before and after\n\n");
        put_fenced(&out, rehearsal->changes);
    } else if (rehearsal->why_no_changes != NULL) {
        str_puts(&out, "The schema is not compared: ");
        markdown_put_cell(&out, rehearsal->why_no_changes);
        str_puts(&out, "\n\n");
    }
    if (out.failed)
        return err_nomem(err);
    output_result_text(&cli->output, &out);
    return chat_kept(cli, rehearsal, err);
}
