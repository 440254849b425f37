/* The set as a whole: order, index, digest, and what is wrong between its members. */
#include "history/set.h"

#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "history/reader.h"
#include "history/set_parts.h"

static const int64_t FUTURE_S = 24 * 60 * 60, LATEST_S = 253402300799;

static int compare_checksums(const void *a, const void *b)
{
    const struct hash_hex *const *const x = a, *const *const y = b;
    return memcmp((*x)->text, (*y)->text, HASH_HEX_LEN);
}

struct hash_hex digest_of(struct arena *arena, const struct hash_hex **checksums, size_t count)
{
    const size_t line = HASH_HEX_LEN + 1;
    char *const text = arena_alloc(arena, count * line + 1);
    if (text == NULL)
        return (struct hash_hex){0};
    if (count > 1)
        qsort(checksums, count, sizeof *checksums, compare_checksums);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * line, checksums[i]->text, HASH_HEX_LEN);
        text[i * line + HASH_HEX_LEN] = '\n';
    }
    return hash_bytes(text, count * line);
}

static int compare_ids(const void *a, const void *b)
{
    const struct migration *const *const x = a, *const *const y = b;
    return strcmp((*x)->id, (*y)->id);
}

static int compare_to_id(const void *id, const void *item)
{
    const struct migration *const *const migration = item;
    return strcmp(id, (*migration)->id);
}

static const struct migration *find(const struct migration **by_id, size_t count, const char *id)
{
    if (count == 0)
        return NULL;
    const struct migration *const *const found =
        bsearch(id, by_id, count, sizeof(const struct migration *), compare_to_id);
    return found != NULL ? *found : NULL;
}

const struct migration *set_find(const struct set *set, const char *id)
{
    return find(set->by_id, set->count, id);
}

const struct migration *set_find_replaced(const struct set *set, const char *id)
{
    return find(set->replaced_by_id, set->replaced.count, id);
}

/* Sorted by id, which costs nothing where they are already; NULL when memory is out. */
static const struct migration **index_by_id(struct arena *arena, const struct migration *items,
                                            size_t count)
{
    const struct migration **const by_id =
        arena_alloc(arena, (count + 1) * sizeof(const struct migration *));
    bool sorted = true;
    for (size_t i = 0; by_id != NULL && i < count; i++) {
        by_id[i] = &items[i];
        sorted = sorted && (i == 0 || strcmp(items[i - 1].id, items[i].id) <= 0);
    }
    if (by_id != NULL && !sorted)
        qsort(by_id, count, sizeof *by_id, compare_ids);
    return by_id;
}

static size_t add_covered(const struct migration *items, size_t count,
                          const struct hash_hex **checksums)
{
    size_t covered = 0;
    for (size_t i = 0; i < count; i++)
        if (migration_in_digest(&items[i]))
            checksums[covered++] = &items[i].checksum;
    return covered;
}

bool set_seal(struct arena *arena, struct set *set, struct err *err)
{
    const size_t all = set->count + set->replaced.count;
    const struct hash_hex **const checksums =
        arena_alloc(arena, (all + 1) * sizeof(const struct hash_hex *));
    set->by_id = index_by_id(arena, set->items, set->count);
    set->replaced_by_id = index_by_id(arena, set->replaced.items, set->replaced.count);
    if (checksums == NULL || set->by_id == NULL || set->replaced_by_id == NULL)
        return err_nomem(err);
    size_t covered = add_covered(set->items, set->count, checksums);
    covered += add_covered(set->replaced.items, set->replaced.count, checksums + covered);
    set->digest = digest_of(arena, checksums, covered);
    return set->digest.text[0] != '\0' || err_nomem(err);
}

/* A squash has the version of the last migration that it replaces. */
static bool ends_with(const struct migration *squash, const struct migration *last)
{
    return squash->replaces_last != NULL && (strcmp(squash->replaces_last, last->id) == 0 ||
                                             strcmp(squash->replaces_last, last->version) == 0);
}

static void check_equal_versions(struct arena *arena, const struct migration *first,
                                 const struct migration *second, struct findings *findings)
{
    static const char rule[] = "duplicate-version";
    if (strcmp(first->id, second->id) == 0)
        return; /* duplicate-id says more */
    if (strcmp(first->version, second->version) != 0)
        report_file(arena, findings, "version-spelling", SEVERITY_NOTE, second->path, NULL,
                    "version \"%s\" is the same number as \"%s\" in \"%s\"", second->version,
                    first->version, first->entry);
    if (migration_allows(first, rule) || migration_allows(second, rule) ||
        ends_with(first, second) || ends_with(second, first))
        return;
    const char *const fix = arena_printf(
        arena,
        "run \"pawl renumber %s\", or say why it is right: -- pawl: allow=duplicate-version "
        "reason=\"...\"",
        second->entry);
    if (fix == NULL)
        findings->failed = true;
    report_file(arena, findings, rule, SEVERITY_ERROR, second->path, fix,
                "version \"%s\" is that of \"%s\" too", second->version, first->entry);
}

void set_check_duplicates(struct arena *arena, const struct set *set, struct findings *findings)
{
    for (size_t i = 1; i < set->versioned; i++) {
        const struct migration *const item = &set->items[i];
        if (version_compare(item[-1].version, item->version) == 0)
            check_equal_versions(arena, &item[-1], item, findings);
    }
    for (size_t i = 1; i < set->count; i++)
        if (strcmp(set->by_id[i - 1]->id, set->by_id[i]->id) == 0)
            report_file(arena, findings, "duplicate-id", SEVERITY_ERROR, set->by_id[i]->path,
                        "remove or rename one of them", "\"%s\" and \"%s\" are both \"%s\"",
                        set->by_id[i - 1]->entry, set->by_id[i]->entry, set->by_id[i]->id);
}

/* Versioned ones by version, then repeatables by id. */
static int compare_items(const void *a, const void *b)
{
    const struct migration *const x = a, *const y = b;
    const bool repeats_x = x->kind == KIND_REPEATABLE, repeats_y = y->kind == KIND_REPEATABLE;
    if (repeats_x != repeats_y)
        return repeats_x ? 1 : -1;
    const int order =
        repeats_x ? strcmp(x->id, y->id) : name_compare(x->version, x->id, y->version, y->id);
    return order != 0 || x->entry == NULL || y->entry == NULL ? order : strcmp(x->entry, y->entry);
}

bool set_sort(struct arena *arena, struct set *set, struct err *err)
{
    bool sorted = true;
    for (size_t i = 1; sorted && i < set->count; i++)
        sorted = compare_items(&set->items[i - 1], &set->items[i]) <= 0;
    if (!sorted)
        qsort(set->items, set->count, sizeof *set->items, compare_items);
    set->versioned = 0;
    while (set->versioned < set->count && set->items[set->versioned].kind != KIND_REPEATABLE)
        set->versioned++;
    return set_seal(arena, set, err);
}

/* In scheme folder a finding may be about the folder, not about the file in it: that is shown. */
static bool is_name_finding(const struct finding *finding, const struct migration *migration,
                            const char *entry)
{
    return finding->file != NULL && strncmp(finding->rule, "name-", 5) == 0 &&
           (strcmp(finding->file, entry) == 0 || strcmp(finding->file, migration->path) == 0);
}

static const char *entry_path(struct arena *arena, const struct set *set,
                              const struct migration *migration)
{
    return fs_join(arena, set->folder, migration->entry);
}

static void soften_name_findings(const struct migration *migration, const char *entry,
                                 struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (is_name_finding(&findings->items[i], migration, entry)) {
            findings->items[i].severity = SEVERITY_NOTE;
            findings->items[i].fix = NULL;
        }
}

const struct migration *set_find_odd(const struct set *set, const char *id)
{
    for (size_t i = 0; i < set->odd.count; i++)
        if (strcmp(set->odd.items[i].id, id) == 0)
            return &set->odd.items[i];
    return NULL;
}

bool set_replaces(const struct migration *squash, const struct migration *replaced)
{
    return squash->squash && replaced->replaced_by != NULL &&
           strcmp(replaced->replaced_by, squash->id) == 0;
}

bool set_odd_has_version(const struct migration *odd)
{
    return strcmp(odd->version, "0") != 0 || odd->entry[0] == '0';
}

bool set_demand_scheme(const struct findings *findings, struct err *err)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *const finding = &findings->items[i];
        if (strcmp(finding->rule, "naming-scheme") != 0)
            continue;
        (void)err_set(err, ERR_USAGE, "%s", finding->what);
        err_at(err, finding->file, 0, 0);
        err_hint(err, "The configured naming does not fit: %s.", finding->fix);
        return false;
    }
    return true;
}

bool set_admit(struct arena *arena, struct set *set, const char *id, struct findings *findings,
               struct err *err)
{
    for (size_t i = 0; i < set->odd.count; i++) {
        struct migration *const odd = &set->odd.items[i];
        if (strcmp(odd->id, id) != 0)
            continue;
        const char *const entry = entry_path(arena, set, odd);
        struct migration *const item = entry != NULL ? arena_push(arena, set) : NULL;
        if (item == NULL)
            return err_nomem(err);
        *item = *odd;
        soften_name_findings(item, entry, findings);
        *odd = set->odd.items[--set->odd.count];
        return set_sort(arena, set, err);
    }
    return true;
}

static bool allows_its_name(const struct migration *odd, const char *entry,
                            const struct findings *findings)
{
    bool any = false;
    for (size_t i = 0; i < findings->count; i++) {
        if (!is_name_finding(&findings->items[i], odd, entry))
            continue;
        if (!migration_allows(odd, findings->items[i].rule))
            return false;
        any = true;
    }
    return any;
}

bool set_admit_allowed(struct arena *arena, struct set *set, struct findings *findings,
                       struct err *err)
{
    for (size_t i = set->odd.count; i > 0; i--) {
        const struct migration *const odd = &set->odd.items[i - 1];
        const char *const entry = odd->allows.count > 0 ? entry_path(arena, set, odd) : "";
        if (entry == NULL)
            return err_nomem(err);
        if (odd->allows.count > 0 && allows_its_name(odd, entry, findings) &&
            !set_admit(arena, set, odd->id, findings, err))
            return false;
    }
    return true;
}

bool set_check_future(struct arena *arena, const struct set *set, int64_t now_epoch_s,
                      struct findings *findings, struct err *err)
{
    for (size_t i = 0; i < set->versioned; i++) {
        const struct migration *const item = &set->items[i];
        int64_t epoch_s = 0;
        if (!version_epoch_s(set->naming, item->version, &epoch_s) ||
            epoch_s - now_epoch_s <= FUTURE_S || epoch_s > LATEST_S)
            continue; /* past the year 9999 only names lie that were admitted in spite of it */
        char date[CLOCK_ISO_BYTES], ahead[CLOCK_ISO_BYTES];
        clock_format_s(epoch_s * 1000000, date);
        clock_format_elapsed_ms((epoch_s - now_epoch_s) * 1000, ahead);
        const char *const name = item->entry != NULL ? item->entry : item->id;
        char *const fix = arena_printf(arena, "run \"pawl renumber %s\"", name);
        if (fix == NULL)
            findings->failed = true;
        report_file(arena, findings, "future-version",
                    migration_allows(item, "future-version") ? SEVERITY_NOTE : SEVERITY_ERROR,
                    item->path, fix, "version \"%s\" stands for %s, %s from now", item->version,
                    date, ahead);
    }
    return !findings->failed || err_nomem(err);
}
