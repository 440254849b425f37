/* Reading directives into the migration. */
#include "history/directive.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/suggest.h"
#include "sql/split.h"

/* One "key", "key=value" or "key="quoted value"" of a directive. */
struct item {
    struct span key;
    char *value;         /* NULL for a flag; quoting undone */
    struct span written; /* the value as it stands there */
    size_t offset;
};

enum outcome { SET, REFUSED, OUT_OF_MEMORY };

static enum outcome set_kind(struct reader reader, const struct item *item)
{
    return kind_parse(item->value, &reader.migration->kind) ? SET : REFUSED;
}

static enum outcome set_phase(struct reader reader, const struct item *item)
{
    return phase_parse(item->value, &reader.migration->phase) ? SET : REFUSED;
}

static enum outcome set_text(const char **field, const struct item *item)
{
    *field = item->value;
    return item->value[0] != '\0' ? SET : REFUSED;
}

static enum outcome set_table(struct reader reader, const struct item *item)
{
    return set_text(&reader.migration->table, item);
}

static enum outcome set_key(struct reader reader, const struct item *item)
{
    return set_text(&reader.migration->key, item);
}

static enum outcome set_verify(struct reader reader, const struct item *item)
{
    return set_text(&reader.migration->verify, item);
}

static enum outcome set_batch(struct reader reader, const struct item *item)
{
    const size_t len = strlen(item->value);
    int64_t batch = 0;
    if (len > 7 || strspn(item->value, "0123456789") != len)
        return REFUSED;
    for (size_t i = 0; i < len; i++)
        batch = batch * 10 + (item->value[i] - '0');
    reader.migration->batch = batch;
    return batch >= 1 && batch <= 1000000 ? SET : REFUSED;
}

static bool is_true(const struct item *item)
{
    return item->value == NULL || strcmp(item->value, "true") == 0;
}

static enum outcome set_background(struct reader reader, const struct item *item)
{
    reader.migration->background = true;
    return is_true(item) ? SET : REFUSED;
}

static enum outcome set_no_transaction(struct reader reader, const struct item *item)
{
    reader.migration->no_transaction = true;
    return is_true(item) ? SET : REFUSED;
}

static bool is_rule(const char *text)
{
    return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static enum outcome set_allow(struct reader reader, const struct item *item)
{
    struct allow *allow = arena_push(reader.arena, &reader.migration->allows);
    if (allow == NULL)
        return OUT_OF_MEMORY;
    allow->rule = item->value;
    return is_rule(item->value) ? SET : REFUSED;
}

/* One reason stands for the allows before it on its line (their reason is still NULL). */
static enum outcome set_reason(struct reader reader, const struct item *item)
{
    bool used = false;
    if (item->value[strspn(item->value, " \t")] == '\0')
        return REFUSED;
    for (size_t i = reader.migration->allows.count; i > 0; i--) {
        struct allow *allow = &reader.migration->allows.items[i - 1];
        if (allow->reason != NULL)
            break;
        allow->reason = item->value;
        used = true;
    }
    return used ? SET : REFUSED;
}

static enum outcome set_lock_timeout(struct reader reader, const struct item *item)
{
    /* 0 would mean to wait for ever: the one thing that a lock_timeout is there to prevent. */
    return clock_parse_duration_ms(item->value, &reader.migration->lock_timeout_ms) &&
                   reader.migration->lock_timeout_ms > 0
               ? SET
               : REFUSED;
}

static enum outcome set_replaces(struct reader reader, const struct item *item)
{
    const char *const dots = strstr(item->value, "..");
    if (dots == NULL || dots == item->value || dots[2] == '\0' || strstr(dots + 1, "..") != NULL)
        return REFUSED;
    char *first = arena_strndup(reader.arena, item->value, (size_t)(dots - item->value));
    if (first == NULL)
        return OUT_OF_MEMORY;
    reader.migration->replaces_first = first;
    reader.migration->replaces_last = dots + 2;
    return SET;
}

/* Written by `pawl new --revert` where the author has to decide. */
static enum outcome set_unfinished(struct reader reader, const struct item *item)
{
    const char *const shown = fs_printable(reader.arena, item->value);
    if (shown == NULL)
        return OUT_OF_MEMORY;
    if (shown[0] == '\0')
        return REFUSED;
    reader_finding(&reader, "unfinished", SEVERITY_ERROR, item->offset,
                   "write the statement that belongs here, if any, and remove the line",
                   "something is left to do: %s", shown);
    return SET;
}

enum value { VALUE_NEEDED, VALUE_OPTIONAL };

#define KEY_UNFINISHED "unfinished"

enum key_index { KEY_KIND, KEY_TABLE, KEY_KEY, KEY_BATCH, KEY_BACKGROUND };

/* Every key of a directive. expects completes "KEY must be ...". */
static const struct key {
    const char *name;
    enum outcome (*set)(struct reader reader, const struct item *item);
    const char *expects;
    enum value value;
    bool repeatable;
    bool backfill; /* means something for kind=backfill alone */
    bool anywhere; /* below the first statement too */
} keys[] = {
    [KEY_KIND] = {"kind", set_kind, "schema, data, backfill or repeatable", VALUE_NEEDED, 0, 0},
    [KEY_TABLE] = {"table", set_table, "the name of a table", VALUE_NEEDED, 0, 1},
    [KEY_KEY] = {"key", set_key, "the name of a column", VALUE_NEEDED, 0, 1},
    [KEY_BATCH] = {"batch", set_batch, "a number of rows from 1 to 1000000", VALUE_NEEDED, 0, 1},
    [KEY_BACKGROUND] = {"background", set_background, "a flag, or true", VALUE_OPTIONAL, 0, 1},
    {"phase", set_phase, "expand or contract", VALUE_NEEDED, 0, 0},
    {"verify", set_verify, "a query in double quotes", VALUE_NEEDED, 0, 0},
    {"allow", set_allow, "the id of one rule, such as drop-column", VALUE_NEEDED, 1, 0},
    {"reason", set_reason, "a text in double quotes, after the allow=RULE that it explains",
     VALUE_NEEDED, 1, 0},
    {"lock_timeout", set_lock_timeout, "a duration above 0 with its unit, such as 400ms or 5s",
     VALUE_NEEDED, 0, 0},
    {"replaces", set_replaces, "FIRST..LAST, two ids", VALUE_NEEDED, 0, 0},
    {"no-transaction", set_no_transaction, "a flag, or true", VALUE_OPTIONAL, 0, 0},
    {KEY_UNFINISHED, set_unfinished, "a text in double quotes: what is left to do", VALUE_NEEDED,
     .repeatable = true, .anywhere = true},
};

_Static_assert(COUNT_OF(keys) <= 32, "struct directives has a bit and an offset for each key");

static const struct key *find_key(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (span_is(name, keys[i].name))
            return &keys[i];
    return NULL;
}

static const char *printable(const struct reader *reader, const char *text, size_t len)
{
    const char *const copy = arena_strndup(reader->arena, text, len);
    const char *const shown = copy != NULL ? fs_printable(reader->arena, copy) : NULL;
    if (shown == NULL)
        reader->findings->failed = true;
    return shown != NULL ? shown : "";
}

static void report_unknown(const struct reader *reader, const struct item *item)
{
    const char *names[COUNT_OF(keys)];
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        names[i] = keys[i].name;
    const char *const key = printable(reader, item->key.at, item->key.len);
    const char *const nearest = suggest(key, names, COUNT_OF(names));
    const char *const fix =
        nearest != NULL ? arena_printf(reader->arena, "did you mean \"%s\"?", nearest) : NULL;
    reader_finding(reader, "directive-unknown", SEVERITY_ERROR, item->offset, fix,
                   "there is no directive \"%s\"", key);
    reader_meant(reader, item->key, suggest_sure(key, names, COUNT_OF(names)));
}

static void report_refused(const struct reader *reader, const struct key *key,
                           const struct item *item)
{
    const char *words[KIND_REPEATABLE + 1];
    size_t count = 0;
    for (; key->set == set_kind && count <= KIND_REPEATABLE; count++)
        words[count] = kind_name((enum migration_kind)count);
    for (; key->set == set_phase && count <= PHASE_CONTRACT; count++)
        words[count] = phase_name((enum migration_phase)count);
    const char *const meant = suggest_sure(item->value, words, count);
    const char *const fix =
        meant != NULL ? arena_printf(reader->arena, "did you mean \"%s\"?", meant) : NULL;
    reader_finding(reader, "directive-value", SEVERITY_ERROR, item->offset, fix,
                   "\"%s\" must be %s, not \"%s\"", key->name, key->expects,
                   printable(reader, item->value, strlen(item->value)));
    reader_meant(reader, item->written, meant);
}

static void apply(const struct reader *reader, struct directives *directives,
                  const struct item *item)
{
    const struct key *const key = find_key(item->key);
    if (key == NULL) {
        report_unknown(reader, item);
        return;
    }
    if (directives->late && !key->anywhere) {
        reader_finding(reader, "directive-late", SEVERITY_ERROR, item->offset,
                       "move it above the first statement",
                       "a directive after the first statement is not read");
        return;
    }
    const size_t row = (size_t)(key - keys);
    if ((directives->seen >> row & 1) != 0 && !key->repeatable) {
        reader_finding(reader, "directive-value", SEVERITY_ERROR, item->offset, NULL,
                       "\"%s\" is given a second time", key->name);
        return;
    }
    if ((directives->seen >> row & 1) == 0)
        directives->offsets[row] = item->offset;
    directives->seen |= 1u << row;
    if (item->value == NULL && key->value == VALUE_NEEDED) {
        reader_finding(reader, "directive-value", SEVERITY_ERROR, item->offset, NULL,
                       "\"%s\" has no value: it must be %s", key->name, key->expects);
        return;
    }
    const enum outcome outcome = key->set(*reader, item);
    if (outcome == OUT_OF_MEMORY)
        reader->findings->failed = true;
    if (outcome == REFUSED)
        report_refused(reader, key, item);
}

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
static bool read_item(const struct reader *reader, struct span *rest, struct item *ret)
{
    size_t len = 0;
    while (len < rest->len && key_character(rest->at[len]))
        len++;
    *ret = (struct item){.key = {rest->at, len},
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
                       printable(reader, allow->rule, strlen(allow->rule)));
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
        struct item item;
        if (!read_item(reader, &rest, &item)) {
            reader_finding(reader, "directive-syntax", SEVERITY_ERROR, item.offset, fix,
                           "the directive cannot be read from \"%s\" on",
                           printable(reader, here.at, here.len));
            break;
        }
        apply(reader, directives, &item);
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
           find_key((struct span){rest.at, len}) != NULL;
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
    return starts_nocase(words, KEY_UNFINISHED "=");
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

void directive_finish(const struct reader *reader, const struct directives *directives)
{
    struct migration *const migration = reader->migration;
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (keys[i].backfill && (directives->seen >> i & 1) != 0 &&
            migration->kind != KIND_BACKFILL)
            reader_finding(reader, "directive-value", SEVERITY_ERROR, directives->offsets[i],
                           "add kind=backfill, or remove it",
                           "\"%s\" means nothing without kind=backfill", keys[i].name);
    const size_t replaces = (size_t)(find_key((struct span){"replaces", 8}) - keys);
    if (migration->replaces_first != NULL &&
        (migration->phase == PHASE_CONTRACT || migration->kind == KIND_REPEATABLE ||
         migration->kind == KIND_BACKFILL))
        reader_finding(reader, "directive-value", SEVERITY_ERROR, directives->offsets[replaces],
                       "remove it: where a squash runs, there is no release that it could break",
                       "\"replaces\" does not go with %s%s",
                       migration->phase == PHASE_CONTRACT ? "phase=contract" : "kind=",
                       migration->phase == PHASE_CONTRACT ? "" : kind_name(migration->kind));
    /* A version of "" is that of a file whose name says repeatable. */
    const bool repeatable_name = migration->version != NULL && migration->version[0] == '\0';
    if (repeatable_name && migration->kind != KIND_REPEATABLE) {
        reader_finding(reader, "directive-value", SEVERITY_ERROR, directives->offsets[KEY_KIND],
                       NULL, "kind=%s does not go with a name that says repeatable (R__)",
                       kind_name(migration->kind));
        migration->kind = KIND_REPEATABLE;
    }
}
