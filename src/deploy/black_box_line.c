/* A line is made, waits for others, and is written with them. */
#include "deploy/black_box_line.h"

#include <string.h>

#include "base/clock.h"
#include "deploy/run.h"

/* How much may have happened before the attempt has a file. */
enum { EARLY_BYTES = 64 * 1024 };

/* JSON takes UTF-8 only; other bytes become \xNN. */
json_t *black_box_text(const char *text, size_t len)
{
    CLEANUP(str_release) struct str safe = {0};
    size_t bad = 0;
    while (!utf8_valid(text, len, &bad)) {
        str_append(&safe, text, bad);
        str_printf(&safe, "\\x%02x", (unsigned)(unsigned char)text[bad]);
        text += bad + 1;
        len -= bad + 1;
    }
    if (safe.len == 0)
        return json_stringn_nocheck(text, len);
    str_append(&safe, text, len);
    return safe.failed ? NULL : json_stringn_nocheck(str_text(&safe), safe.len);
}

/* A member that memory was out for is missing, no more. */
void line_put(json_t *line, const char *name, json_t *value)
{
    (void)json_object_set_new(line, name, value);
}

void line_put_text(json_t *line, const char *name, const char *text)
{
    if (line != NULL && text != NULL)
        line_put(line, name, black_box_text(text, strlen(text)));
}

void line_put_number(json_t *line, const char *name, int64_t number)
{
    if (line != NULL)
        line_put(line, name, json_integer((json_int_t)number));
}

json_t *line_new(const struct run *run, const char *event)
{
    const struct black_box *const box = &run->black_box;
    char at[CLOCK_ISO_BYTES];
    if (!box->on || (!box->file.open && box->file.lines.len > EARLY_BYTES))
        return NULL;
    clock_format_us(clock_utc_us(), at);
    return json_pack("{s:s, s:I, s:s}", "at", at, "ms",
                     (json_int_t)(clock_monotonic_ms() - box->start_ms), "event", event);
}

static int append(const char *bytes, size_t len, void *lines)
{
    str_append(lines, bytes, len);
    return 0;
}

void line_add(struct run *run, json_t *line)
{
    struct str *const lines = &run->black_box.file.lines;
    if (line == NULL)
        return;
    (void)json_dump_callback(line, append, lines, JSON_COMPACT | JSON_ENSURE_ASCII);
    str_putc(lines, '\n');
    json_decref(line);
}

void black_box_give_up(struct run *run, const struct err *why)
{
    run->black_box.on = false;
    black_box_file_close(&run->black_box.file);
    const char *const text = arena_printf(run->arena, "no black box of this deploy: %s",
                                          why->message != NULL ? why->message : "out of memory");
    if (text != NULL)
        deploy_tell(&run->black_box.next,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .text = text});
}

void black_box_write(struct run *run)
{
    CLEANUP(err_release) struct err err = {0};
    struct black_box_file *const file = &run->black_box.file;
    run->black_box.written_ms = clock_monotonic_ms();
    if (file->open && file->lines.len > 0 && !black_box_file_write(file, &err))
        black_box_give_up(run, &err);
}

void line_write(struct run *run, json_t *line)
{
    line_add(run, line);
    black_box_write(run);
}
