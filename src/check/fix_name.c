/* Renaming files: to the name that was meant, or to a version after the newest. */
#include <string.h>

#include "base/fs.h"
#include "check/fix_parts.h"
#include "history/renaming.h"

/* ---- one migration ---- */

static const char *entry_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Something has this path, or will have it. */
static bool is_taken(const struct fixing *fixing, const char *path)
{
    for (size_t i = 0; fixing->dry_run && i < fixing->done->count; i++)
        if (fixing->done->items[i].new != NULL && strcmp(fixing->done->items[i].new, path) == 0)
            return true;
    return fs_exists(path);
}

static bool find_taken(const struct fixing *fixing, const struct renamings *renamings,
                       const char **ret, struct err *err)
{
    *ret = NULL;
    for (size_t i = 0; *ret == NULL && i < renamings->count; i++) {
        const char *const path =
            fs_join(fixing->scratch, fixing->options->files->folder, renamings->items[i].to);
        if (path == NULL)
            return err_nomem(err);
        if (is_taken(fixing, path))
            *ret = renamings->items[i].to;
    }
    return true;
}

static bool record(struct fixing *fixing, const struct finding *finding,
                   const struct renamings *renamings, struct err *err)
{
    const char *const folder = fixing->options->files->folder;
    for (size_t i = 0; i < renamings->count; i++) {
        const char *const from = fs_join(fixing->scratch, folder, renamings->items[i].from);
        const char *const to = fs_join(fixing->scratch, folder, renamings->items[i].to);
        if (from == NULL || to == NULL)
            return err_nomem(err);
        if (!fix_done(fixing,
                      &(struct fix){.rule = finding->rule, .file = from, .old = from, .new = to},
                      err))
            return false;
    }
    fixing->sum_changes = true;
    return true;
}

static bool rename_entry(struct fixing *fixing, const struct finding *finding, const char *entry,
                         const char *new_entry, struct err *err)
{
    const struct set_options *const files = fixing->options->files;
    struct fs_names entries;
    struct renamings renamings;
    const char *taken = NULL;
    if (!fs_list(fixing->scratch, files->folder, &entries, err) ||
        !renaming_plan(fixing->scratch, files->naming, &entries, entry, new_entry, &renamings,
                       err) ||
        !find_taken(fixing, &renamings, &taken, err))
        return false;
    if (taken != NULL) {
        const char *const why = arena_printf(fixing->arena, "\"%s\" is there already", taken);
        return why != NULL ? fix_leave(fixing, finding, why, err) : err_nomem(err);
    }
    return (fixing->dry_run || renaming_apply(fixing->scratch, files->folder, &renamings, err)) &&
           record(fixing, finding, &renamings, err);
}

/* Findings about names that were there at the fork are notes; this is for what came since. */
static bool is_of_base(const struct fixing *fixing, const char *entry)
{
    for (size_t i = 0; fixing->options->base != NULL && i < fixing->set.odd.count; i++)
        if (strcmp(fixing->set.odd.items[i].entry, entry) == 0)
            return base_has(&fixing->base, fixing->set.odd.items[i].id);
    return false;
}

bool fix_names(struct fixing *fixing, struct err *err)
{
    for (size_t i = 0; i < fixing->findings.count; i++) {
        const struct finding *const finding = &fixing->findings.items[i];
        if (!fix_wants(finding, FIXER_NAME) || finding->meant == NULL)
            continue;
        const char *const entry = entry_of(finding->file);
        if (is_of_base(fixing, entry) ? !fix_leave(fixing, finding, fix_of_base, err)
                                      : !rename_entry(fixing, finding, entry, finding->meant, err))
            return false;
    }
    return true;
}

/* ---- versions ---- */

static const int64_t FUTURE_S = 24 * 60 * 60;

/* A migration of the set that gets another version; finding is the first one's where it has none of
 * its own. */
struct late {
    const struct migration *migration;
    const struct finding *finding;
};

struct lates {
    struct late *items;
    size_t count, capacity;
};

static const struct finding *find_about(const struct fixing *fixing,
                                        const struct migration *migration)
{
    for (size_t i = 0; i < fixing->findings.count; i++)
        if (fix_wants(&fixing->findings.items[i], FIXER_VERSION) &&
            strcmp(fixing->findings.items[i].file, migration->path) == 0)
            return &fixing->findings.items[i];
    return NULL;
}

static bool was_renamed(const struct fixing *fixing, const struct migration *migration)
{
    for (size_t i = 0; i < fixing->findings.count; i++)
        if (strcmp(fixing->findings.items[i].rule, "renamed-since-base") == 0 &&
            strcmp(fixing->findings.items[i].file, migration->path) == 0)
            return true;
    return false;
}

/* The finding that says why a new migration needs another version. Of two with one version it may
 * stand beside the one that the base has. */
static const struct finding *find_reason(const struct fixing *fixing, size_t item)
{
    const struct set *const set = &fixing->set;
    const struct migration *const migration = &set->items[item];
    const struct finding *finding = find_about(fixing, migration);
    if (base_owns(&fixing->base, migration))
        return NULL;
    for (size_t i = item + 1; finding == NULL && i < set->versioned &&
                              version_compare(set->items[i].version, migration->version) == 0;
         i++)
        if (base_owns(&fixing->base, &set->items[i]))
            finding = find_about(fixing, &set->items[i]);
    return finding;
}

static bool list_lates(const struct fixing *fixing, struct lates *ret, struct err *err)
{
    const struct set *const set = &fixing->set;
    for (size_t i = 0; i < set->versioned; i++) {
        const struct migration *const migration = &set->items[i];
        const struct finding *finding = find_reason(fixing, i);
        const bool follows = ret->count > 0 && !base_has(&fixing->base, migration->id) &&
                             migration->replaces_first == NULL && !was_renamed(fixing, migration);
        if (finding == NULL && follows)
            finding = ret->items[0].finding;
        if (finding == NULL)
            continue;
        struct late *const item = arena_push(fixing->scratch, ret);
        if (item == NULL)
            return err_nomem(err);
        *item = (struct late){migration, finding};
    }
    return true;
}

/* The highest version that stays. */
static const char *find_newest(const struct fixing *fixing, const struct lates *lates)
{
    const struct set *const set = &fixing->set, *const tip = &fixing->base.tip_set;
    const char *newest = tip->versioned > 0 ? tip->items[tip->versioned - 1].version : NULL;
    size_t late = lates->count;
    for (size_t i = set->versioned; i > 0; i--) {
        const struct migration *const item = &set->items[i - 1];
        if (late > 0 && lates->items[late - 1].migration == item) {
            late--;
            continue;
        }
        return newest == NULL || version_compare(newest, item->version) < 0 ? item->version
                                                                            : newest;
    }
    return newest;
}

static bool is_future(const struct fixing *fixing, const char *version)
{
    int64_t epoch_s = 0;
    return version != NULL && version_epoch_s(fixing->set.naming, version, &epoch_s) &&
           epoch_s - fixing->options->now_epoch_s > FUTURE_S;
}

/* The new entries, in the order of lates. */
static const char **name_all(struct fixing *fixing, const struct lates *lates, const char *newest,
                             struct err *err)
{
    const enum naming naming = fixing->set.naming;
    const char **const entries = arena_alloc(fixing->scratch, lates->count * sizeof *entries);
    struct findings ignored = {0};
    if (entries == NULL) {
        (void)err_nomem(err);
        return NULL;
    }
    for (size_t i = 0; i < lates->count; i++) {
        struct name name;
        entries[i] = name_with_version(fixing->scratch, naming, lates->items[i].migration->entry,
                                       newest, fixing->options->now_epoch_s, err);
        if (entries[i] == NULL || !name_read(fixing->scratch, naming, entries[i],
                                             naming == NAMING_FOLDER, NULL, &name, &ignored, err))
            return NULL;
        newest = name.version;
    }
    return entries;
}

static bool leave_all(struct fixing *fixing, const char *why, struct err *err)
{
    for (size_t i = 0; i < fixing->findings.count; i++)
        if (fix_wants(&fixing->findings.items[i], FIXER_VERSION) &&
            !fix_leave(fixing, &fixing->findings.items[i], why, err))
            return false;
    return true;
}

bool fix_versions(struct fixing *fixing, struct err *err)
{
    struct lates lates = {0};
    if (fixing->options->base == NULL)
        return leave_all(fixing, "--base REF tells which files are new", err);
    if (!list_lates(fixing, &lates, err))
        return false;
    if (lates.count == 0)
        return true;
    const char *const newest = find_newest(fixing, &lates);
    if (is_future(fixing, newest))
        return leave_all(fixing, "it would come after a version that lies in the future", err);
    const char **const entries = name_all(fixing, &lates, newest, err);
    if (entries == NULL)
        return false;
    /* The last one first: whatever happens half-way, their order stays. */
    for (size_t i = lates.count; i > 0; i--)
        if (!rename_entry(fixing, lates.items[i - 1].finding, lates.items[i - 1].migration->entry,
                          entries[i - 1], err))
            return false;
    return true;
}
