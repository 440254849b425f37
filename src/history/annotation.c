/* Reading the markers of dbmate, goose, sql-migrate and tern, and the words by which other tools
 * leave out the transaction. */
#include "history/annotation.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"

enum mark { MARK_NONE, MARK_UP, MARK_DOWN, MARK_NO_TRANSACTION, MARK_NOTHING, MARK_ENVSUB };

/* In small letters with single blanks. What follows a marker is its options. */
static const struct marker {
    const char *words;
    enum mark mark;
} markers[] = {
    {"migrate:up", MARK_UP},
    {"migrate:down", MARK_DOWN},
    {"+goose up", MARK_UP},
    {"+goose down", MARK_DOWN},
    {"+goose statementbegin", MARK_NOTHING}, /* pawl finds the ends of statements itself */
    {"+goose statementend", MARK_NOTHING},
    {"+goose no transaction", MARK_NO_TRANSACTION},
    {"+goose envsub on", MARK_ENVSUB},
    {"+goose envsub off", MARK_NOTHING},
    {"+migrate up", MARK_UP},
    {"+migrate down", MARK_DOWN},
    {"+migrate statementbegin", MARK_NOTHING},
    {"+migrate statementend", MARK_NOTHING},
    /* tern: everything above is the forward part. */
    {"-- create above / drop below ----", MARK_DOWN},
};

/* Options of an up marker that leave out the transaction. */
static const char *const up_options[] = {"transaction:false", "notransaction"};

/* In the head of a file; more words may follow. */
static const char *const no_transaction_words[] = {
    "morph:nontransactional",                  /* mattermost's morph */
    "postgres-migrations disable-transaction", /* the npm package of that name */
    "no-transaction",                          /* sqlx */
    "atlas:txmode none",
};

enum { WORDS_BYTES = 64 };

/* The comment in small letters with single blanks, cut short: no marker is that long. */
static void normalise(struct span words, char ret[WORDS_BYTES])
{
    size_t len = 0;
    for (size_t i = 0; i < words.len && len + 1 < WORDS_BYTES; i++) {
        const bool space = ascii_space(words.at[i]);
        if (space && (len == 0 || ret[len - 1] == ' '))
            continue;
        ret[len++] = space ? ' ' : ascii_lower(words.at[i]);
    }
    ret[len] = '\0';
}

/* The text starts with these words, and a blank or nothing follows. */
static bool starts_with_words(const char *text, const char *words)
{
    const size_t len = strlen(words);
    return strncmp(text, words, len) == 0 && (text[len] == '\0' || text[len] == ' ');
}

static const struct marker *find_marker(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(markers); i++)
        if (starts_with_words(text, markers[i].words))
            return &markers[i];
    return NULL;
}

static void syntax(const struct reader *reader, const struct token *comment, const char *fix,
                   const char *what)
{
    reader_finding(reader, "annotation-syntax", SEVERITY_ERROR, comment->start, fix, "%s", what);
}

/* Where the comment stands: other tools see markers at the start of a line only. */
enum place { LINE_START, INDENTED, AFTER_TEXT };

static enum place place_of(const char *text, size_t start)
{
    size_t i = start;
    while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t'))
        i--;
    if (i > 0 && text[i - 1] != '\n' && text[i - 1] != '\r')
        return AFTER_TEXT;
    return i == start ? LINE_START : INDENTED;
}

/* The marker that a misspelt one was meant to be; NULL when the comment is not like one. *ret_is is
 * true when it must be one all the same. */
static const char *nearest_marker(const char *text, bool *ret_is)
{
    static const char *const dbmate[] = {"up", "down"};
    static const char prefix[] = "migrate:";
    const char *names[COUNT_OF(markers)];
    *ret_is = strncmp(text, "+goose", 6) == 0 || strncmp(text, "+migrate ", 9) == 0;
    if (strncmp(text, prefix, strlen(prefix)) == 0) {
        /* May be prose: "migrate: copy the old rows". */
        const char *const near = suggest(text + strlen(prefix), dbmate, COUNT_OF(dbmate));
        *ret_is = near != NULL;
        return near == NULL ? NULL : near == dbmate[0] ? "migrate:up" : "migrate:down";
    }
    for (size_t i = 0; i < COUNT_OF(markers); i++)
        names[i] = markers[i].words;
    return *ret_is ? suggest(text, names, COUNT_OF(names)) : NULL;
}

/* "+goose Dwon", "migrate:dwon": the tool would refuse it or run the down part with the rest. */
static void report_unknown(const struct reader *reader, const struct token *comment,
                           const char *text)
{
    bool is = false;
    const char *const nearest = nearest_marker(text, &is);
    if (!is)
        return;
    const char *const fix =
        nearest != NULL ? arena_printf(reader->arena, "did you mean \"-- %s\"?", nearest) : NULL;
    const char *const shown = fs_printable(reader->arena, text);
    if (shown == NULL)
        reader->findings->failed = true;
    else
        reader_finding(reader, "annotation-syntax", SEVERITY_ERROR, comment->start, fix,
                       "there is no marker \"-- %s\"", shown);
}

static void read_up(const struct reader *reader, struct annotations *seen,
                    const struct token *comment, const char *options)
{
    bool known = false;
    if (seen->up) {
        syntax(reader, comment, "put the second part into a file of its own",
               "a second up marker: only one forward part is read");
        return;
    }
    if (seen->down)
        syntax(reader, comment, "move the down part to the end",
               "the up marker stands after the down marker");
    else if (seen->solid)
        reader_finding(reader, "text-before-up", SEVERITY_ERROR, seen->solid_start,
                       "move it below the up marker",
                       "text stands above the up marker, where it would not run");
    seen->up = true;
    seen->up_end = comment->start + comment->span.len;
    for (size_t i = 0; i < COUNT_OF(up_options); i++)
        known = known || starts_with_words(options, up_options[i]);
    if (known)
        reader->migration->no_transaction = true;
    else if (strstr(options, "transaction") != NULL &&
             !starts_with_words(options, "transaction:true"))
        syntax(reader, comment, "write transaction:false",
               "the option of the up marker is not known");
}

static void read_mark(const struct reader *reader, struct annotations *seen,
                      const struct token *comment, const struct marker *marker, const char *text)
{
    const char *options = text + strlen(marker->words);
    while (*options == ' ')
        options++;
    switch (marker->mark) {
    case MARK_UP:
        read_up(reader, seen, comment, options);
        break;
    case MARK_DOWN:
        if (!seen->down) {
            seen->down_start = comment->start;
            seen->down_text = comment->start + comment->span.len;
        }
        seen->down = true;
        break;
    case MARK_NO_TRANSACTION:
        reader->migration->no_transaction = true;
        break;
    case MARK_ENVSUB:
        if (!seen->down)
            syntax(reader, comment, "write the values themselves into the file",
                   "environment variables are not put into a migration: ${NAME} would run as it "
                   "stands");
        break;
    case MARK_NONE:
    case MARK_NOTHING:
        break;
    }
}

static bool says_no_transaction(const char *text)
{
    for (size_t i = 0; i < COUNT_OF(no_transaction_words); i++)
        if (starts_with_words(text, no_transaction_words[i]))
            return true;
    return false;
}

bool annotation_is_meant(const struct token *comment)
{
    char text[WORDS_BYTES];
    bool is = false;
    normalise(comment_words(comment->span), text);
    (void)nearest_marker(text, &is);
    return is || find_marker(text) != NULL || says_no_transaction(text);
}

void annotation_comment(const struct reader *reader, struct annotations *annotations,
                        const struct token *comment, bool in_head)
{
    char text[WORDS_BYTES];
    normalise(comment_words(comment->span), text);
    if (in_head && says_no_transaction(text))
        reader->migration->no_transaction = true;
    const enum place place = place_of(reader->migration->text, comment->start);
    if (place == AFTER_TEXT)
        return;
    const struct marker *const marker = find_marker(text);
    if (marker == NULL)
        report_unknown(reader, comment, text);
    else if (place == INDENTED)
        syntax(reader, comment, "move it to the start of its line",
               "the marker does not stand at the start of its line, where its tool looks for it");
    else
        read_mark(reader, annotations, comment, marker, text);
}

/* tern's separator is the only down marker without an up marker before it. */
static bool is_separator(const struct reader *reader, size_t down_start)
{
    const struct migration *const migration = reader->migration;
    return migration->text_len - down_start >= 4 &&
           memcmp(migration->text + down_start, "----", 4) == 0;
}

void annotation_finish(const struct reader *reader, const struct annotations *seen)
{
    struct migration *const migration = reader->migration;
    const size_t start = seen->up ? seen->up_end : 0;
    const size_t end =
        seen->down && seen->down_start >= start ? seen->down_start : migration->text_len;
    migration->forward_offset = start;
    migration->forward_len = end - start;
    if (seen->down && seen->down_start >= start) {
        migration->down_offset = seen->down_text;
        migration->down_len = migration->text_len - seen->down_text;
    }
    if (!seen->down || seen->up || is_separator(reader, seen->down_start))
        return;
    migration->forward_len = 0;
    reader_finding(reader, "no-forward-part", SEVERITY_ERROR, seen->down_start,
                   "add the up marker above the statements that go forward",
                   "the file has a down marker and no up marker");
}
