/* The lines of a checklist as text and as JSON. */
#include "cli/preflight_text.h"

#include <inttypes.h>
#include <string.h>

#include "deploy/preflight.h"

enum { MARK_COLUMN = 14, TITLE_COLUMN = 19 };

static const char *color_of(enum preflight_mark mark)
{
    static const char *const colors[] = {
        [PREFLIGHT_SKIPPED] = "\x1b[2m",  [PREFLIGHT_OK] = "\x1b[32m",
        [PREFLIGHT_NOTE] = "\x1b[1;36m",  [PREFLIGHT_WARNING] = "\x1b[1;33m",
        [PREFLIGHT_ERROR] = "\x1b[1;31m",
    };
    return colors[mark];
}

static void put_mark(struct str *out, bool color, enum preflight_mark mark)
{
    str_printf(out, "%s%-*s%s  ", color ? color_of(mark) : "", MARK_COLUMN,
               preflight_mark_name(mark), color ? "\x1b[0m" : "");
}

/* The first thing found stands behind the title, the others below it. */
static void put_said(struct str *out, bool color, const struct preflight_line *line, size_t index)
{
    const struct preflight_said *const said = &line->said.items[index];
    const int indent = MARK_COLUMN + 2 + TITLE_COLUMN + 2;
    put_mark(out, color, index == 0 ? line->mark : said->mark);
    str_printf(out, "%-*s  ", TITLE_COLUMN, index == 0 ? line->question->title : "");
    output_escape(out, said->text, strlen(said->text), false);
    if (index == 0 && line->mark != PREFLIGHT_SKIPPED)
        str_printf(out, " (%" PRId64 " ms)", line->ms);
    str_putc(out, '\n');
    if (said->command == NULL)
        return;
    str_printf(out, "%*s-> ", indent, "");
    output_escape(out, said->command, strlen(said->command), false);
    str_putc(out, '\n');
}

bool preflight_print(struct cli *cli, const struct preflight *preflight, struct err *err)
{
    CLEANUP(str_release) struct str out = {0};
    for (size_t i = 0; i < preflight->lines.count; i++)
        for (size_t k = 0; k < preflight->lines.items[i].said.count; k++)
            put_said(&out, cli->output.color_out, &preflight->lines.items[i], k);
    if (out.failed)
        return err_nomem(err);
    output_result_text(&cli->output, &out);
    return true;
}

static json_t *json_said(const struct preflight_line *line)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < line->said.count; i++) {
        const struct preflight_said *const said = &line->said.items[i];
        if (json_array_append_new(array,
                                  json_pack("{ss so so}", "mark", preflight_mark_name(said->mark),
                                            "what", cli_json_text(said->text), "command",
                                            cli_json_text(said->command))) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *preflight_json(const struct preflight *preflight)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < preflight->lines.count; i++) {
        const struct preflight_line *const line = &preflight->lines.items[i];
        if (json_array_append_new(
                array, json_pack("{ss ss ss so sI}", "id", line->question->id, "title",
                                 line->question->title, "mark", preflight_mark_name(line->mark),
                                 "found", json_said(line), "ms", (json_int_t)line->ms)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

json_t *preflight_questions_json(void)
{
    const struct preflight_question *question;
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && (question = preflight_question_at(i)) != NULL; i++)
        if (json_array_append_new(array,
                                  json_pack("{ss ss ss sb sb}", "id", question->id, "title",
                                            question->title, "asks", question->asks, "postgres",
                                            question->postgres, "deploy", question->deploy)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}
