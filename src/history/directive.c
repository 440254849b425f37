/* Reading directives out of comments. */
#include "history/directive_parts.h"

#include <string.h>

#include "sql/split.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool key_character(char c)
{
    return ascii_letter(c) || ascii_digit(c) || c == '_' || c == '-';
}

/* From the opening quote to the closing one, \" and \\ undone. False when it never closes. */
static bool read_quoted(const struct reader *reader, struct span *rest, char **ret)
{
    char *const value = arena_alloc(reader->arena, rest->len);
    if (value == NULL) {
        reader->findings->failed = true;
        return false;
    }
    size_t len = 0, i = 1;
    for (; i < rest->len && rest->at[i] != '"'; i++) {
        if (rest->at[i] == '\\' && i + 1 < rest->len &&
            (rest->at[i + 1] == '"' || rest->at[i + 1] == '\\'))
            i++;
        value[len++] = rest->at[i];
    }
    if (i >= rest->len)
        return false;
    value[len] = '\0';
    *ret = value;
    *rest = (struct span){rest->at + i + 1, rest->len - i - 1};
    return true;
}

static bool read_value(const struct reader *reader, struct span *rest, char **ret)
{
    if (rest->len > 0 && rest->at[0] == '"')
        return read_quoted(reader, rest, ret);
    size_t len = 0;
    while (len < rest->len && !blank(rest->at[len]) && rest->at[len] != '"')
        len++;
    if (len == 0)
        return false;
    *ret = arena_strndup(reader->arena, rest->at, len);
    if (*ret == NULL)
        reader->findings->failed = true;
    *rest = (struct span){rest->at + len, rest->len - len};
    return *ret != NULL;
}

/* Takes one item off the front; false when there is none by the grammar. */
static bool read_item(const struct reader *reader, struct span *rest, struct directive_item *ret)
{
    size_t len = 0;
    while (len < rest->len && key_character(rest->at[len]))
        len++;
    *ret = (struct directive_item){.key = {rest->at, len},
                                   .offset = (size_t)(rest->at - reader->migration->text)};
    if (len == 0)
        return false;
    *rest = (struct span){rest->at + len, rest->len - len};
    if (rest->len > 0 && rest->at[0] == '=') {
        *rest = (struct span){rest->at + 1, rest->len - 1};
        ret->written.at = rest->at;
        if (!read_value(reader, rest, &ret->value))
            return false;
        ret->written.len = (size_t)(rest->at - ret->written.at);
    }
    return rest->len == 0 || blank(rest->at[0]);
}

/* Gives the allows of this line their line number, and reports those without a reason. */
static void finish_allows(const struct reader *reader, size_t first, size_t offset)
{
    for (size_t i = first; i < reader->migration->allows.count; i++) {
        struct allow *const allow = &reader->migration->allows.items[i];
        int column = 0;
        sql_position(reader->migration->text, offset, &allow->line, &column);
        if (allow->reason != NULL)
            continue;
        reader_finding(reader, "directive-value", SEVERITY_ERROR, offset,
                       "say why, on the same line: reason=\"...\"", "allow=%s has no reason",
                       directive_printable(reader, allow->rule, strlen(allow->rule)));
        allow->reason = "";
    }
}

static void read_items(const struct reader *reader, struct directives *directives, struct span rest)
{
    static const char fix[] = "write it as: -- pawl: key=value key=\"quoted value\" flag";
    const size_t allows = reader->migration->allows.count;
    const size_t start = (size_t)(rest.at - reader->migration->text);
    size_t items = 0;
    for (;; items++) {
        while (rest.len > 0 && blank(rest.at[0]))
            rest = (struct span){rest.at + 1, rest.len - 1};
        if (rest.len == 0)
            break;
        const struct span here = rest;
        struct directive_item item;
        if (!read_item(reader, &rest, &item)) {
            reader_finding(reader, "directive-syntax", SEVERITY_ERROR, item.offset, fix,
                           "the directive cannot be read from \"%s\" on",
                           directive_printable(reader, here.at, here.len));
            break;
        }
        directive_apply(reader, directives, &item);
    }
    if (items == 0 && rest.len == 0)
        reader_finding(reader, "directive-syntax", SEVERITY_ERROR, start, fix,
                       "the directive is empty");
    finish_allows(reader, allows, start);
}

static bool starts_nocase(struct span text, const char *word)
{
    const size_t len = strlen(word);
    return text.len >= len && span_is_nocase((struct span){text.at, len}, word);
}

static struct span skip(struct span text, size_t len)
{
    return (struct span){text.at + len, text.len - len};
}

/* "-- PAWL: ...", "-- pawl : ...", "-- pawl phase=contract": meant as a directive, and would be
 * passed over in silence. */
static bool nearly_directive(struct span words)
{
    if (!starts_nocase(words, "pawl"))
        return false;
    struct span rest = skip(words, 4);
    const bool gap = rest.len > 0 && blank(rest.at[0]);
    while (rest.len > 0 && blank(rest.at[0]))
        rest = skip(rest, 1);
    if (rest.len > 0 && rest.at[0] == ':')
        return true;
    size_t len = 0;
    while (len < rest.len && key_character(rest.at[len]))
        len++;
    return gap && len < rest.len && rest.at[len] == '=' &&
           directive_is_key((struct span){rest.at, len});
}

static bool in_block_comment(struct span comment)
{
    struct span words = skip(comment, 2);
    while (words.len > 0 && (ascii_space(words.at[0]) || words.at[0] == '*'))
        words = skip(words, 1);
    return starts_nocase(words, "pawl:");
}

static void report_nearly(const struct reader *reader, const struct token *comment,
                          struct span words)
{
    struct span start = {comment->span.at, (size_t)(words.at + strlen("pawl") - comment->span.at)};
    struct span rest = skip(words, strlen("pawl"));
    while (rest.len > 0 && blank(rest.at[0]))
        rest = skip(rest, 1);
    if (rest.len > 0 && rest.at[0] == ':')
        start.len = (size_t)(rest.at + 1 - start.at);
    reader_finding(reader, "directive-syntax", SEVERITY_ERROR, comment->start,
                   "write it as: -- pawl: ...",
                   "the comment looks like a directive, but does not start with \"-- pawl:\"");
    reader_meant(reader, start, "-- pawl:");
}

/* What was meant is the same comment, elsewhere. */
static void report_late(const struct reader *reader, const struct token *comment)
{
    reader_finding(reader, "directive-late", SEVERITY_ERROR, comment->start,
                   "move it above the first statement",
                   "a directive after the first statement is not read");
    const char *const meant = arena_strndup(reader->arena, comment->span.at, comment->span.len);
    if (meant == NULL)
        reader->findings->failed = true;
    reader_meant(reader, comment->span, meant);
}

/* The one directive that stands where it applies. */
static bool is_unfinished(struct span words)
{
    while (words.len > 0 && blank(words.at[0]))
        words = skip(words, 1);
    return starts_nocase(words, DIRECTIVE_UNFINISHED "=");
}

static bool is_directive(struct span words)
{
    static const char prefix[] = "pawl:";
    return words.len >= strlen(prefix) && memcmp(words.at, prefix, strlen(prefix)) == 0;
}

bool directive_is_meant(const struct token *comment)
{
    if (comment->type == TOKEN_BLOCK_COMMENT)
        return in_block_comment(comment->span);
    const struct span words = comment_words(comment->span);
    if (is_directive(words) && is_unfinished(skip(words, strlen("pawl:"))))
        return false;
    return is_directive(words) || nearly_directive(words);
}

void directive_comment(const struct reader *reader, struct directives *directives,
                       const struct token *comment, bool in_head)
{
    if (comment->type == TOKEN_BLOCK_COMMENT) {
        if (in_block_comment(comment->span))
            reader_finding(reader, "directive-syntax", SEVERITY_ERROR, comment->start,
                           "write it as: -- pawl: ...",
                           "a directive stands in a block comment, where it is not read");
        return;
    }
    const struct span words = comment_words(comment->span);
    directives->late = !in_head;
    const bool exact = is_directive(words);
    if (!exact && !nearly_directive(words))
        return;
    if (!exact)
        report_nearly(reader, comment, words);
    else if (!in_head && !is_unfinished(skip(words, strlen("pawl:"))))
        report_late(reader, comment);
    else
        read_items(reader, directives, skip(words, strlen("pawl:")));
}
