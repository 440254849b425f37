/* What each squash of a set replaces. */
#include "history/squash.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "history/reader.h"
#include "history/sum.h"
#include "history/sum_lines.h"

/* A name: of a migration of the set, or of a line. */
struct name_of {
    const char *version, *id;
};

struct known {
    struct migration migration; /* of the line */
    const char *owner;          /* the squash right below it, where it was squashed away; NULL */
    const char *claimed_by;     /* the squash of this set that covers it; NULL */
};

struct squasher {
    struct arena *arena;
    struct set *set;
    struct findings *findings;
    struct known *known; /* the lines that are no repeatables */
    size_t known_count;
    struct migration *squash; /* the one at hand */
    struct name_of first, last;
};

/* ---- findings ---- */

static const char *shown(const struct squasher *s, const char *text)
{
    const char *const printable = fs_printable(s->arena, text);
    if (printable == NULL)
        s->findings->failed = true;
    return printable != NULL ? printable : "";
}

/* "ONE" words "TWO". */
static void report_range(const struct squasher *s, const char *fix, const char *one,
                         const char *words, const char *two)
{
    report_file(s->arena, s->findings, "squash-range", SEVERITY_ERROR, s->squash->path, fix,
                "\"%s\" %s \"%s\"", shown(s, one), words, shown(s, two));
}

/* ---- names ---- */

static int compare(struct name_of a, struct name_of b)
{
    return name_compare(a.version, a.id, b.version, b.id);
}

static struct name_of name_of(const struct migration *migration)
{
    return (struct name_of){migration->version, migration->id};
}

static bool covered(const struct squasher *s, const struct migration *migration)
{
    const struct name_of name = name_of(migration);
    return migration != s->squash && compare(s->first, name) <= 0 && compare(name, s->last) <= 0;
}

/* An id, or a version alone: then the lowest or the highest migration that has it. */
static void match_end(const struct squasher *s, const char *text, bool lowest,
                      const struct migration *candidate, struct name_of *ret)
{
    const struct name_of name = name_of(candidate);
    if (strcmp(candidate->id, s->squash->id) == 0 ||
        (ret->id != NULL && strcmp(ret->id, text) == 0))
        return;
    if (strcmp(candidate->id, text) == 0)
        *ret = name;
    else if (strcmp(candidate->version, text) == 0 &&
             (ret->id == NULL || (compare(name, *ret) < 0) == lowest))
        *ret = name;
}

static bool find_end(const struct squasher *s, const char *text, bool lowest, struct name_of *ret)
{
    *ret = (struct name_of){0};
    for (size_t i = 0; i < s->known_count; i++)
        match_end(s, text, lowest, &s->known[i].migration, ret);
    for (size_t i = 0; i < s->set->versioned; i++)
        match_end(s, text, lowest, &s->set->items[i], ret);
    return ret->id != NULL;
}

static void report_end(const struct squasher *s, const char *text)
{
    const char **const ids = arena_alloc(s->arena, (s->known_count + 1) * sizeof(const char *));
    for (size_t i = 0; ids != NULL && i < s->known_count; i++)
        ids[i] = s->known[i].migration.id;
    const char *const near = ids != NULL ? suggest(text, ids, s->known_count) : NULL;
    const char *const fix =
        near != NULL ? arena_printf(s->arena, "did you mean \"%s\"?", shown(s, near))
                     : "name the ids of the first and the last migration that it stands for";
    if (ids == NULL || fix == NULL)
        s->findings->failed = true;
    report_file(s->arena, s->findings, "squash-range", SEVERITY_ERROR, s->squash->path, fix,
                "it replaces \"%s\", and no file and no line of pawl.sum is called so",
                shown(s, text));
}

static void report_no_lines(const struct squasher *s)
{
    report_file(s->arena, s->findings, "squash-lines", SEVERITY_ERROR, s->squash->path,
                "bring the replaced files and their pawl.sum back, type `pawl sum`, remove the "
                "files and type `pawl sum` again",
                "pawl.sum has no line for what \"%s\" replaces: without the checksums no database "
                "can say whether it has those migrations",
                shown(s, s->squash->id));
}

static void report_order(const struct squasher *s, const char *first, const char *last)
{
    report_range(s, "write the older one first: replaces=FIRST..LAST", first,
                 "is the start of the range, and comes after its end", last);
}

/* By the versions in the texts of the ends, whatever is known of them. */
static bool ends_before_it_starts(const struct squasher *s)
{
    const char *const first = name_id_version(s->arena, s->squash->replaces_first);
    const char *const last = name_id_version(s->arena, s->squash->replaces_last);
    if (first == NULL || last == NULL)
        s->findings->failed = true;
    return first != NULL && last != NULL && version_compare(first, last) > 0;
}

/* False, with a finding, when the range is none. */
static bool find_range(struct squasher *s)
{
    const struct migration *const squash = s->squash;
    const bool first = find_end(s, squash->replaces_first, true, &s->first);
    const bool last = find_end(s, squash->replaces_last, false, &s->last);
    if (strcmp(squash->replaces_first, squash->id) == 0 ||
        strcmp(squash->replaces_last, squash->id) == 0)
        report_range(s, "give the squash a name of its own", squash->id,
                     "has the name of one of those that it replaces:", squash->id);
    else if (ends_before_it_starts(s))
        report_order(s, squash->replaces_first, squash->replaces_last);
    else if (s->known_count == 0 && (!first || !last))
        report_no_lines(s);
    else if (!first)
        report_end(s, squash->replaces_first);
    else if (!last)
        report_end(s, squash->replaces_last);
    else if (compare(s->first, s->last) <= 0)
        return true;
    else
        report_order(s, s->first.id, s->last.id);
    return false;
}

/* ---- files ---- */

/* True when the migration stands between the squash and the range: then it would run on the wrong
 * side of what the squash does. */
static bool between(const struct squasher *s, const struct migration *migration)
{
    const struct name_of name = name_of(migration), squash = name_of(s->squash);
    return (compare(s->last, name) < 0 && compare(name, squash) < 0) ||
           (compare(squash, name) < 0 && compare(name, s->first) < 0);
}

static void report_files(const struct squasher *s, const struct migration *first, size_t still)
{
    report_file(s->arena, s->findings, "squash-files", SEVERITY_ERROR, s->squash->path,
                "remove the files that it replaces, then type `pawl sum`",
                "%zu of the files that \"%s\" replaces %s still there: \"%s\"%s", still,
                shown(s, s->squash->id), still == 1 ? "is" : "are", shown(s, first->entry),
                still > 1 ? " and others" : "");
}

/* The files of the range that are still there; returns how many. */
static size_t check_files(const struct squasher *s)
{
    const struct migration *first = NULL;
    size_t still = 0;
    for (size_t i = 0; i < s->set->versioned; i++) {
        const struct migration *const item = &s->set->items[i];
        if (covered(s, item)) {
            first = still++ == 0 ? item : first;
        } else if (item != s->squash && between(s, item)) {
            report_range(s, "give the squash the version of the last migration that it replaces",
                         s->squash->id, "does not stand where its range stood: between the two is",
                         item->id);
        }
    }
    if (still > 0)
        report_files(s, first, still);
    return still;
}

/* ---- lines ---- */

static bool is_gathered(const struct squasher *s, const char *id)
{
    for (size_t i = 0; i < s->known_count; i++)
        if (s->known[i].claimed_by == s->squash->id && strcmp(s->known[i].migration.id, id) == 0)
            return true;
    return false;
}

/* A squash among what is replaced brings all that it stood for. */
static void check_nested(const struct squasher *s)
{
    for (size_t i = 0; i < s->known_count; i++) {
        const struct known *const known = &s->known[i];
        if (known->owner == NULL || known->claimed_by == s->squash->id ||
            set_find(s->set, known->owner) != NULL || !is_gathered(s, known->owner))
            continue;
        report_range(
            s, "begin the range there", s->squash->id,
            "replaces a squash, but not all that this one stood for:", known->migration.id);
        return;
    }
}

/* The lines of the range whose files are gone; returns how many. */
static size_t gather(struct squasher *s)
{
    size_t count = 0;
    for (size_t i = 0; i < s->known_count; i++) {
        struct known *const known = &s->known[i];
        if (!covered(s, &known->migration) || set_find(s->set, known->migration.id) != NULL)
            continue;
        if (known->claimed_by != NULL) {
            report_range(
                s, "let no two squashes replace the same migration", s->squash->id,
                "replaces what is in the range of another squash already:", known->migration.id);
            continue;
        }
        struct migration *const item = arena_push(s->arena, &s->set->replaced);
        if (item == NULL) {
            s->findings->failed = true;
            return 0;
        }
        known->claimed_by = s->squash->id;
        *item = known->migration;
        item->replaced_by = s->squash->id;
        count++;
    }
    return count;
}

static int compare_migrations(const void *a, const void *b)
{
    return compare(name_of(a), name_of(b));
}

static void attach(struct squasher *s)
{
    const size_t before = s->set->replaced.count;
    if (!find_range(s))
        return;
    const size_t still = check_files(s), gathered = gather(s);
    s->squash->squash = gathered > 0;
    if (gathered > 1)
        qsort(s->set->replaced.items + before, gathered, sizeof *s->set->replaced.items,
              compare_migrations);
    check_nested(s);
    if (still + gathered == 0)
        report_no_lines(s);
}

/* ---- the whole ---- */

/* A file that cannot be read as a pawl.sum has no lines: sum_check() says what is wrong. */
static bool read_known(struct squasher *s, struct err *err)
{
    struct sum_first first;
    struct sum_lines lines = {0};
    struct sum_fault fault;
    char *text = NULL;
    size_t len = 0;
    const char *const path = fs_join(s->arena, s->set->folder, SUM_FILE_NAME);
    if (path == NULL)
        return err_nomem(err);
    if (!fs_exists(path))
        return true;
    if (!fs_read(s->arena, path, SUM_MAX_BYTES, &text, &len, err))
        return false;
    if (!sum_parse(s->arena, (struct span){text, len}, &first, &lines, &fault))
        return fault.what != NULL || err_nomem(err);
    s->known = arena_alloc(s->arena, (lines.count + 1) * sizeof *s->known);
    if (s->known == NULL)
        return err_nomem(err);
    const char *below = NULL;
    for (size_t i = lines.count; i > 0; i--) {
        const struct sum_line *const line = &lines.items[i - 1];
        if (!line->squashed)
            below = line->mark == 'q' ? line->id : NULL;
        if (line->mark == 'r')
            continue;
        struct known *const known = &s->known[s->known_count++];
        *known = (struct known){.owner = line->squashed ? below : NULL};
        if (!sum_line_migration(s->arena, line, &known->migration))
            return err_nomem(err);
    }
    return true;
}

static bool has_squash(const struct set *set)
{
    for (size_t i = 0; i < set->versioned; i++)
        if (set->items[i].replaces_first != NULL)
            return true;
    return false;
}

bool squash_load(struct arena *arena, struct set *set, struct findings *findings, struct err *err)
{
    struct squasher s = {.arena = arena, .set = set, .findings = findings};
    if (!has_squash(set))
        return true;
    if (!read_known(&s, err))
        return false;
    for (size_t i = 0; i < set->versioned; i++) {
        s.squash = &set->items[i];
        if (s.squash->replaces_first != NULL)
            attach(&s);
    }
    if (findings->failed)
        return err_nomem(err);
    return set->replaced.count == 0 || set_seal(arena, set, err);
}

bool squash_covers(struct arena *arena, const struct migration *squash, const char *version,
                   const char *id, bool *ret, struct err *err)
{
    *ret = false;
    if (squash->replaces_first == NULL)
        return true;
    const struct name_of name = {version, id};
    const struct name_of first = {name_id_version(arena, squash->replaces_first),
                                  squash->replaces_first};
    const struct name_of last = {name_id_version(arena, squash->replaces_last),
                                 squash->replaces_last};
    if (first.version == NULL || last.version == NULL)
        return err_nomem(err);
    /* A version alone means all that have it. */
    const bool same_version = strcmp(last.id, version) == 0;
    *ret = compare(first, name) <= 0 && (same_version || compare(name, last) <= 0);
    return true;
}
