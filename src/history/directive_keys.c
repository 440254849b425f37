/* The keys that a directive may hold: one table, and what each sets. */
#include "history/directive_parts.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/suggest.h"

enum outcome { SET, REFUSED, OUT_OF_MEMORY };

static enum outcome set_kind(struct reader reader, const struct directive_item *item)
{
    return kind_parse(item->value, &reader.migration->kind) ? SET : REFUSED;
}

static enum outcome set_phase(struct reader reader, const struct directive_item *item)
{
    return phase_parse(item->value, &reader.migration->phase) ? SET : REFUSED;
}

static enum outcome set_text(const char **field, const struct directive_item *item)
{
    *field = item->value;
    return item->value[0] != '\0' ? SET : REFUSED;
}

static enum outcome set_table(struct reader reader, const struct directive_item *item)
{
    return set_text(&reader.migration->table, item);
}

static enum outcome set_key(struct reader reader, const struct directive_item *item)
{
    return set_text(&reader.migration->key, item);
}

static enum outcome set_verify(struct reader reader, const struct directive_item *item)
{
    return set_text(&reader.migration->verify, item);
}

static enum outcome set_batch(struct reader reader, const struct directive_item *item)
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

static bool is_true(const struct directive_item *item)
{
    return item->value == NULL || strcmp(item->value, "true") == 0;
}

static enum outcome set_background(struct reader reader, const struct directive_item *item)
{
    reader.migration->background = true;
    return is_true(item) ? SET : REFUSED;
}

static enum outcome set_no_transaction(struct reader reader, const struct directive_item *item)
{
    reader.migration->no_transaction = true;
    return is_true(item) ? SET : REFUSED;
}

static bool is_rule(const char *text)
{
    return text[0] != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static enum outcome set_allow(struct reader reader, const struct directive_item *item)
{
    struct allow *allow = arena_push(reader.arena, &reader.migration->allows);
    if (allow == NULL)
        return OUT_OF_MEMORY;
    allow->rule = item->value;
    return is_rule(item->value) ? SET : REFUSED;
}

/* One reason stands for the allows before it on its line (their reason is still NULL). */
static enum outcome set_reason(struct reader reader, const struct directive_item *item)
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

static enum outcome set_lock_timeout(struct reader reader, const struct directive_item *item)
{
    /* 0 would mean to wait for ever: the one thing that a lock_timeout is there to prevent. */
    return clock_parse_duration_ms(item->value, &reader.migration->lock_timeout_ms) &&
                   reader.migration->lock_timeout_ms > 0
               ? SET
               : REFUSED;
}

static enum outcome set_replaces(struct reader reader, const struct directive_item *item)
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

/* A number from 1 to 99. */
static bool read_step(const char *text, size_t len, unsigned *ret)
{
    if (len == 0 || len > 2 || strspn(text, "0123456789") < len)
        return false;
    *ret = (unsigned)(len == 2 ? (text[0] - '0') * 10 + (text[1] - '0') : text[0] - '0');
    return *ret > 0;
}

/* Written by `pawl new --recipe`. */
static enum outcome set_recipe(struct reader reader, const struct directive_item *item)
{
    const char *const id = strchr(item->value, ':');
    const char *const step = id != NULL ? strchr(id + 1, ':') : NULL;
    const char *const steps = step != NULL ? strchr(step, '/') : NULL;
    unsigned number = 0, of = 0;
    if (steps == NULL || id == item->value || step == id + 1 ||
        !read_step(step + 1, (size_t)(steps - step - 1), &number) ||
        !read_step(steps + 1, strlen(steps + 1), &of) || number > of)
        return REFUSED;
    char *const name = arena_strndup(reader.arena, item->value, (size_t)(id - item->value));
    char *const shared = arena_strndup(reader.arena, id + 1, (size_t)(step - id - 1));
    if (name == NULL || shared == NULL)
        return OUT_OF_MEMORY;
    reader.migration->recipe.name = name;
    reader.migration->recipe.id = shared;
    reader.migration->recipe.step = number;
    reader.migration->recipe.steps = of;
    return SET;
}

/* Written by `pawl new --revert` where the author has to decide. */
static enum outcome set_unfinished(struct reader reader, const struct directive_item *item)
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

enum key_index { KEY_KIND, KEY_TABLE, KEY_KEY, KEY_BATCH, KEY_BACKGROUND };

/* Every key of a directive. expects completes "KEY must be ...". */
static const struct key {
    const char *name;
    enum outcome (*set)(struct reader reader, const struct directive_item *item);
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
    {"recipe", set_recipe, "RECIPE:ID:STEP/STEPS", VALUE_NEEDED, 0, 0},
    {DIRECTIVE_UNFINISHED, set_unfinished, "a text in double quotes: what is left to do",
     VALUE_NEEDED, .repeatable = true, .anywhere = true},
};

_Static_assert(COUNT_OF(keys) <= 32, "struct directives has a bit and an offset for each key");

static const struct key *find_key(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (span_is(name, keys[i].name))
            return &keys[i];
    return NULL;
}

bool directive_is_key(struct span name)
{
    return find_key(name) != NULL;
}

const char *directive_printable(const struct reader *reader, const char *text, size_t len)
{
    const char *const copy = arena_strndup(reader->arena, text, len);
    const char *const shown = copy != NULL ? fs_printable(reader->arena, copy) : NULL;
    if (shown == NULL)
        reader->findings->failed = true;
    return shown != NULL ? shown : "";
}

static void report_unknown(const struct reader *reader, const struct directive_item *item)
{
    const char *names[COUNT_OF(keys)];
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        names[i] = keys[i].name;
    const char *const key = directive_printable(reader, item->key.at, item->key.len);
    const char *const nearest = suggest(key, names, COUNT_OF(names));
    const char *const fix =
        nearest != NULL ? arena_printf(reader->arena, "did you mean \"%s\"?", nearest) : NULL;
    reader_finding(reader, "directive-unknown", SEVERITY_ERROR, item->offset, fix,
                   "there is no directive \"%s\"", key);
    reader_meant(reader, item->key, suggest_sure(key, names, COUNT_OF(names)));
}

static void report_refused(const struct reader *reader, const struct key *key,
                           const struct directive_item *item)
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
                   directive_printable(reader, item->value, strlen(item->value)));
    reader_meant(reader, item->written, meant);
}

void directive_apply(const struct reader *reader, struct directives *directives,
                     const struct directive_item *item)
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
