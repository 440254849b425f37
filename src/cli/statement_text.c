/* Statements and names for a line of a report. */
#include "cli/statement_text.h"

#include <string.h>

const char *statement_one_line(struct arena *arena, struct span text, size_t max_bytes)
{
    CLEANUP(str_release) struct str out = {0};
    bool space = false;
    for (size_t i = 0; i < text.len; i++) {
        const bool blank = ascii_space(text.at[i]);
        if (out.len >= max_bytes && ((unsigned char)text.at[i] & 0xC0) != 0x80) {
            str_puts(&out, " ...");
            break;
        }
        if (space && !blank)
            str_putc(&out, ' ');
        space = blank && out.len > 0;
        if (!blank)
            str_putc(&out, text.at[i]);
    }
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}

void markdown_put_cell(struct str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("|\\`*_<>[]", *text) != NULL)
            str_putc(out, '\\');
        str_putc(out, *text);
    }
}
