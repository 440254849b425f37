/* From errors to notes: by the file's own word, or because the base has the file already. */
#include "check/allow.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "check/rules.h"

/* What this review decides by itself, whenever it is run: an allow of one of these that silences
 * nothing is not needed. Those that depend on the clock or on the base are left out. */
static const char *const decided[] = {
    "name-grammar",     "name-precision", "name-date",         "name-characters",   "name-length",
    "version-spelling", "duplicate-id",   "duplicate-version", "annotation-syntax", "encoding",
    "no-forward-part",  "text-before-up", "checksum-bytes",    "statement",         "unfinished",
};

/* ---- whose finding it is ---- */

/* The two ways in which findings name a migration: its file, and in scheme folder its folder. */
struct places {
    const char *file, *entry;
};

static bool find_places(struct arena *arena, const struct set *set,
                        const struct migration *migration, struct places *ret, struct err *err)
{
    const char *const entry = fs_join(arena, set->folder, migration->entry);
    ret->file = migration->path;
    ret->entry = entry;
    return entry != NULL || err_nomem(err);
}

static bool is_about(const struct finding *finding, const struct places *places)
{
    return finding->file != NULL &&
           (strcmp(finding->file, places->file) == 0 || strcmp(finding->file, places->entry) == 0);
}

/* ---- allows ---- */

struct review {
    struct arena *arena;
    const struct set *set;
    struct findings *findings;
    enum allow_scope scope;
    size_t count; /* of the findings that were there before */
    bool other_scheme;
};

static bool is_decided(const struct review *review, const char *id)
{
    if (review->scope != ALLOW_OF_CHECK)
        return review->scope == ALLOW_OF_LINT && rule_is_linted(rule_find(id));
    for (size_t i = 0; i < COUNT_OF(decided); i++)
        if (strcmp(decided[i], id) == 0)
            return true;
    return false;
}

static void report(const struct review *review, const char *rule, enum severity severity,
                   const struct places *places, int line, const char *what, const char *fix)
{
    if (what == NULL)
        review->findings->failed = true;
    else
        finding_add(review->arena, review->findings,
                    &(struct finding){.rule = rule,
                                      .severity = severity,
                                      .file = places->file,
                                      .line = line,
                                      .what = what,
                                      .fix = fix});
}

static bool report_unknown(const struct review *review, const struct allow *allow,
                           const struct places *places, struct err *err)
{
    const char **const ids = rule_ids(review->arena);
    if (ids == NULL)
        return err_nomem(err);
    const char *const near = suggest(allow->rule, ids, rule_count());
    const char *const fix = near != NULL
                                ? arena_printf(review->arena, "did you mean allow=%s?", near)
                                : "`pawl explain --list` lists the rules";
    if (fix == NULL)
        return err_nomem(err);
    /* The directive's grammar lets nothing through that may not be printed. */
    report(review, "allow-unknown", SEVERITY_ERROR, places, allow->line,
           arena_printf(review->arena, "there is no rule \"%s\" to allow", allow->rule), fix);
    return true;
}

/* Another migration here with the same version. set_load() is silent about it where one of them
 * allows it. */
static const struct migration *find_twin(const struct set *set, const struct migration *migration)
{
    for (size_t i = 0; i < set->versioned; i++) {
        const struct migration *const item = &set->items[i];
        if (item != migration && strcmp(item->id, migration->id) != 0 &&
            version_compare(item->version, migration->version) == 0)
            return item;
    }
    return NULL;
}

static bool silence(const struct review *review, const struct allow *allow,
                    const struct places *places, struct err *err)
{
    bool used = false;
    for (size_t i = 0; i < review->count; i++) {
        struct finding *const finding = &review->findings->items[i];
        if (strcmp(finding->rule, allow->rule) != 0 || !is_about(finding, places))
            continue;
        const char *const reason = fs_printable(review->arena, allow->reason);
        finding->what = reason != NULL
                            ? arena_printf(review->arena, "%s (allowed: %s)", finding->what, reason)
                            : NULL;
        finding->severity = SEVERITY_NOTE;
        finding->fix = NULL;
        if (finding->what == NULL) {
            finding->what = "";
            return err_nomem(err);
        }
        used = true;
    }
    if (!used && is_decided(review, allow->rule) && !review->other_scheme)
        report(review, "allow-unused", SEVERITY_WARNING, places, allow->line,
               arena_printf(review->arena, "allow=%s silences nothing", allow->rule),
               "remove it; a changed comment is no edit");
    return true;
}

static bool apply_allow(const struct review *review, const struct migration *migration,
                        const struct allow *allow, struct err *err)
{
    struct places places;
    if (!find_places(review->arena, review->set, migration, &places, err))
        return false;
    if (rule_find(allow->rule) == NULL)
        return report_unknown(review, allow, &places, err);
    if (allow->reason == NULL || allow->reason[0] == '\0')
        return true; /* it counts for nothing, and there is a finding that says so */
    const struct migration *const twin =
        strcmp(allow->rule, "duplicate-version") == 0 ? find_twin(review->set, migration) : NULL;
    if (twin == NULL)
        return silence(review, allow, &places, err);
    const char *const other = fs_printable(review->arena, twin->entry);
    const char *const reason = fs_printable(review->arena, allow->reason);
    if (other == NULL || reason == NULL)
        return err_nomem(err);
    report(review, "duplicate-version", SEVERITY_NOTE, &places, 0,
           arena_printf(review->arena, "version \"%s\" is that of \"%s\" too (allowed: %s)",
                        migration->version, other, reason),
           NULL);
    return true;
}

static bool apply_allows(const struct review *review, const struct migration *migration,
                         struct err *err)
{
    for (size_t i = 0; i < migration->allows.count; i++)
        if (!apply_allow(review, migration, &migration->allows.items[i], err))
            return false;
    return true;
}

bool allow_apply(struct arena *arena, const struct set *set, enum allow_scope scope,
                 struct findings *findings, struct err *err)
{
    struct review review = {
        .arena = arena, .set = set, .findings = findings, .scope = scope, .count = findings->count};
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].rule, "naming-scheme") == 0)
            review.other_scheme = true; /* it stands for findings that are not there */
    for (size_t i = 0; i < set->count; i++)
        if (!apply_allows(&review, &set->items[i], err))
            return false;
    for (size_t i = 0; i < set->odd.count; i++)
        if (!apply_allows(&review, &set->odd.items[i], err))
            return false;
    return !findings->failed || err_nomem(err);
}

/* ---- names on the base ---- */

static bool is_about_name(const struct finding *finding)
{
    return strncmp(finding->rule, "name-", strlen("name-")) == 0 ||
           strcmp(finding->rule, "future-version") == 0 ||
           strcmp(finding->rule, "duplicate-version") == 0;
}

/* All migrations of this version, so that a new one beside it is still an error. */
static bool all_known(const struct set *set, const struct base *base,
                      const struct migration *migration)
{
    for (size_t i = 0; i < set->versioned; i++)
        if (version_compare(set->items[i].version, migration->version) == 0 &&
            !base_knows(base, set->items[i].id))
            return false;
    return true;
}

static bool soften(struct arena *arena, const struct set *set, const struct base *base,
                   const struct migration *migration, struct findings *findings, struct err *err)
{
    struct places places = {0};
    if (!base_knows(base, migration->id) || !find_places(arena, set, migration, &places, err))
        return !base_knows(base, migration->id);
    for (size_t i = 0; i < findings->count; i++) {
        struct finding *const finding = &findings->items[i];
        if (finding->severity != SEVERITY_ERROR || !is_about_name(finding) ||
            !is_about(finding, &places) ||
            (strcmp(finding->rule, "duplicate-version") == 0 && !all_known(set, base, migration)))
            continue;
        finding->severity = SEVERITY_NOTE;
        finding->fix = "it is on the base already: leave it, it may be applied somewhere";
    }
    return true;
}

bool allow_known_names(struct arena *arena, const struct set *set, const struct base *base,
                       struct findings *findings, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < findings->count; i++)
        any = any ||
              (findings->items[i].severity == SEVERITY_ERROR && is_about_name(&findings->items[i]));
    for (size_t i = 0; any && i < set->count; i++)
        if (!soften(arena, set, base, &set->items[i], findings, err))
            return false;
    for (size_t i = 0; any && i < set->odd.count; i++)
        if (!soften(arena, set, base, &set->odd.items[i], findings, err))
            return false;
    return true;
}
