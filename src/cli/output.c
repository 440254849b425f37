/* Printing for people. */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "sql/split.h"

static const char bold[] = "\x1b[1m", red[] = "\x1b[1;31m", yellow[] = "\x1b[1;33m",
                  cyan[] = "\x1b[1;36m", plain[] = "\x1b[0m";

/* ---- what may be printed ---- */

/* The length of the character here; *ret_safe says whether it may be printed as it is. */
static size_t character(const char *text, size_t len, bool keep_newlines, bool *ret_safe)
{
    const unsigned char byte = (unsigned char)text[0];
    size_t bad = 0;
    *ret_safe = false;
    if (byte < 0x80) {
        *ret_safe =
            (byte >= 0x20 && byte != 0x7f) || (keep_newlines && (byte == '\n' || byte == '\t'));
        return 1;
    }
    const size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    if (length > len || !utf8_valid(text, length, &bad))
        return 1;
    /* U+0080 to U+009F are control characters too: some terminals obey them. */
    *ret_safe = byte != 0xc2 || (unsigned char)text[1] >= 0xa0;
    return length;
}

void output_escape(struct str *out, const char *text, size_t len, bool keep_newlines)
{
    for (size_t i = 0; i < len;) {
        bool safe = false;
        size_t run = 0; /* of what nearly all text is */
        while (i + run < len && text[i + run] >= ' ' && text[i + run] < 0x7f)
            run++;
        if (run > 0) {
            str_append(out, text + i, run);
            i += run;
            continue;
        }
        const size_t length = character(text + i, len - i, keep_newlines, &safe);
        if (safe)
            str_append(out, text + i, length);
        for (size_t k = 0; !safe && k < length; k++)
            str_printf(out, "\\x%02x", (unsigned)(unsigned char)text[i + k]);
        i += length;
    }
}

char *output_safe(struct arena *arena, const char *text)
{
    CLEANUP(str_release) struct str safe = {0};
    output_escape(&safe, text, strlen(text), false);
    return safe.failed ? NULL : arena_strndup(arena, str_text(&safe), safe.len);
}

/* Errors of writing stay in the stream; output_flush() finds them. */
static void print(struct output *output, FILE *stream, const struct str *text)
{
    output->failed = output->failed || text->failed;
    (void)fwrite(str_text(text), 1, text->len, stream);
}

static void print_format(struct output *output, FILE *stream, const char *format, va_list args,
                         const char *end)
{
    char *text = NULL;
    CLEANUP(str_release) struct str safe = {0};
    const int len = vasprintf(&text, format, args);
    if (len < 0) {
        output->failed = true;
        return;
    }
    output_escape(&safe, text, (size_t)len, true);
    str_puts(&safe, end);
    print(output, stream, &safe);
    free(text);
}

/* ---- colour ---- */

void output_choose_color(struct output *output, enum color color)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    const bool unwanted =
        (no_color != NULL && no_color[0] != '\0') || (term != NULL && strcmp(term, "dumb") == 0);
    const bool possible = color == COLOR_AUTO && !unwanted;
    output->color_out = color == COLOR_ALWAYS || (possible && isatty(STDOUT_FILENO) == 1);
    output->color_err = color == COLOR_ALWAYS || (possible && isatty(STDERR_FILENO) == 1);
}

/* ---- plain text ---- */

void output_result(struct output *output, const char *format, ...)
{
    va_list args;
    if (output->json)
        return;
    va_start(args, format);
    print_format(output, output->stdout_is_taken ? stderr : stdout, format, args, "");
    va_end(args);
}

void output_result_text(struct output *output, const struct str *text)
{
    if (!output->json)
        print(output, stdout, text);
}

void output_chat(struct output *output, const char *format, ...)
{
    va_list args;
    if (output->quiet)
        return;
    /* So that a log that takes both streams has them in order; output_flush() sees a failure. */
    (void)fflush(stdout);
    va_start(args, format);
    print_format(output, stderr, format, args, "\n");
    va_end(args);
}

/* ---- errors and findings ---- */

static void put_colored(struct str *out, bool color, const char *code, const char *text)
{
    str_puts(out, color ? code : "");
    str_puts(out, text);
    str_puts(out, color ? plain : "");
}

/* Further lines of a text are indented, so that no name can forge a line of its own. */
static void put_text(struct str *out, const char *text, const char *indent)
{
    const char *line = text;
    for (;;) {
        const size_t len = strcspn(line, "\n");
        output_escape(out, line, len, false);
        line += len;
        if (line[0] == '\0' || line[1] == '\0')
            return;
        line++;
        str_putc(out, '\n');
        str_puts(out, indent);
    }
}

static void put_place(struct str *out, const char *file, int line, int column)
{
    output_escape(out, file, strlen(file), false);
    if (line > 0)
        str_printf(out, ":%d", line);
    if (line > 0 && column > 0)
        str_printf(out, ":%d", column);
}

/* "  detail: ...", when there is one. */
static void put_field(struct str *out, bool color, const char *name, const char *text)
{
    if (text == NULL)
        return;
    str_puts(out, "  ");
    put_colored(out, color, bold, name);
    str_puts(out, ": ");
    put_text(out, text, "    ");
    str_putc(out, '\n');
}

void output_error(struct output *output, const struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    const bool color = output->color_err;
    put_colored(&out, color, red, "pawl:");
    str_putc(&out, ' ');
    put_text(&out, err->message != NULL ? err->message : err_meaning(err->code), "  ");
    if (err->sqlstate[0] != '\0')
        str_printf(&out, " (SQLSTATE %s)", err->sqlstate);
    str_putc(&out, '\n');
    if (err->file != NULL) {
        str_puts(&out, "  at ");
        put_place(&out, err->file, err->line, err->column);
        str_putc(&out, '\n');
    }
    put_field(&out, color, "detail", err->detail);
    put_field(&out, color, "state", err->state);
    put_field(&out, color, "next", err->hint);
    print(output, stderr, &out);
}

/* The line, and a mark below the column. Long lines are shown around it. */
static void put_excerpt(struct str *out, const struct finding *finding)
{
    enum { SHOWN_CHARACTERS = 100, BEFORE = 40 };
    if (finding->excerpt == NULL || finding->line <= 0 || finding->column <= 0)
        return;
    const char *const line = finding->excerpt;
    const size_t len = strlen(line);
    const int first = finding->column > SHOWN_CHARACTERS ? finding->column - BEFORE : 1;
    const size_t start = sql_character_offset(line, len, first);
    const size_t end = sql_character_offset(line, len, first + SHOWN_CHARACTERS);
    str_printf(out, "%6d | ", finding->line);
    output_escape(out, line + start, end - start, false);
    str_printf(out, "\n       | %*s\n", finding->column - first + 1, "^");
}

static void put_finding(struct str *out, bool color, const struct finding *finding)
{
    static const char *const colors[] = {cyan, yellow, red};
    if (finding->file != NULL) {
        put_place(out, finding->file, finding->line, finding->column);
        str_puts(out, ": ");
    }
    put_colored(out, color, colors[finding->severity], severity_name(finding->severity));
    str_puts(out, ": ");
    put_text(out, finding->what, "    ");
    str_printf(out, " [%s]\n", finding->rule);
    put_excerpt(out, finding);
    put_field(out, color, "fix", finding->fix);
}

void output_findings(struct output *output, const struct findings *findings, bool to_stdout)
{
    for (size_t i = 0; i < findings->count; i++) {
        CLEANUP(str_release) struct str out = {0};
        put_finding(&out, to_stdout ? output->color_out : output->color_err, &findings->items[i]);
        print(output, to_stdout ? stdout : stderr, &out);
    }
    output->failed = output->failed || findings->failed;
}

bool output_flush(struct err *err)
{
    const bool failed_before = ferror(stdout) != 0;
    if (fflush(stdout) != 0)
        return err_errno(err, ERR_FAILED, "cannot write the output");
    return !failed_before || err_set(err, ERR_FAILED, "cannot write the output");
}
