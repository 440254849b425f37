/* Comparing a checkout's migrations with those of a branch. */
#include "check/base.h"

#include <string.h>

#include "base/fs.h"
#include "check/git.h"
#include "history/squash.h"
#include "history/sum.h"

enum { SHOWN_ID_DIGITS = 12 };

/* ---- the base ---- */

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

static bool index_make(struct arena *arena, const struct set *set, struct migration_index *ret,
                       struct err *err)
{
    const size_t count = set->count + set->odd.count;
    ret->items = arena_alloc(arena, (count + 1) * sizeof *ret->items);
    if (ret->items == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < set->count; i++)
        ret->items[ret->count++] = &set->items[i];
    for (size_t i = 0; i < set->odd.count; i++)
        ret->items[ret->count++] = &set->odd.items[i];
    if (count > 1)
        qsort(ret->items, count, sizeof *ret->items, compare_ids);
    return true;
}

static const struct migration *index_find(const struct migration_index *index, const char *id)
{
    if (index->count == 0)
        return NULL;
    const struct migration *const *const found =
        bsearch(id, index->items, index->count, sizeof *index->items, compare_to_id);
    return found != NULL ? *found : NULL;
}

static bool load_set(struct arena *arena, const struct set_options *options,
                     const struct git_files *files, struct set *ret_set,
                     struct migration_index *ret_index, struct err *err)
{
    struct findings ignored = {0};
    return set_load_files(arena, options, files->items, files->count, ret_set, &ignored, err) &&
           index_make(arena, ret_set, ret_index, err);
}

bool base_load(struct arena *arena, const struct set_options *options, const char *ref,
               struct base *ret, struct err *err)
{
    struct git_base git;
    *ret = (struct base){.ref = ref};
    if (!git_read_base(arena, options->folder, ref, &git, err))
        return false;
    ret->tip = git.tip;
    ret->fork = git.fork;
    return load_set(arena, options, &git.tip_files, &ret->tip_set, &ret->tip_index, err) &&
           load_set(arena, options, &git.fork_files, &ret->fork_set, &ret->fork_index, err);
}

bool base_knows(const struct base *base, const char *id)
{
    return index_find(&base->fork_index, id) != NULL;
}

bool base_has(const struct base *base, const char *id)
{
    return base_knows(base, id) || index_find(&base->tip_index, id) != NULL;
}

/* ---- the comparison ---- */

/* A migration that is here and was not there at the fork. */
struct addition {
    const struct migration *migration;
    bool renamed; /* it has the content of one that is gone */
};

struct comparison {
    struct arena *arena;
    const struct base *base;
    const struct set *set;
    struct migration_index here;
    struct addition *additions; /* sorted by checksum, then by id */
    size_t addition_count;
    const struct migration *newest; /* of the tip; NULL when there is none */
    bool out_of_order_applies;
    const char *ref; /* printable */
    struct findings *findings;
};

/* Untrusted text on its way into a finding. */
static const char *shown(const struct comparison *c, const char *text)
{
    const char *const printable = fs_printable(c->arena, text);
    if (printable == NULL)
        c->findings->failed = true;
    return printable != NULL ? printable : "";
}

static const char *format(const struct comparison *c, const char *text, ...) PRINTF_LIKE(2, 3);

static const char *format(const struct comparison *c, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    const char *const made = arena_vprintf(c->arena, text, args);
    va_end(args);
    if (made == NULL)
        c->findings->failed = true;
    return made != NULL ? made : "";
}

static void add(const struct comparison *c, const char *rule, enum severity severity,
                const struct migration *migration, const char *what, const char *fix)
{
    finding_add(
        c->arena, c->findings,
        &(struct finding){
            .rule = rule, .severity = severity, .file = migration->path, .what = what, .fix = fix});
}

static const char *restore(const struct comparison *c, const struct migration *migration,
                           const char *then)
{
    return format(c, "restore it: git checkout %.*s -- %s%s", SHOWN_ID_DIGITS, c->base->fork,
                  shown(c, migration->path), then);
}

/* ---- what the fork had ---- */

static bool same_content(const struct migration *a, const struct migration *b)
{
    return memcmp(a->checksum.text, b->checksum.text, HASH_HEX_LEN) == 0;
}

static bool content_known(const struct migration *migration)
{
    return migration->checksum.text[0] != '\0';
}

bool base_owns(const struct base *base, const struct migration *migration)
{
    const struct migration *const tip = index_find(&base->tip_index, migration->id);
    return base_knows(base, migration->id) || (tip != NULL && same_content(tip, migration));
}

static void check_edited(const struct comparison *c, const struct migration *old,
                         const struct migration *here)
{
    const struct migration *const tip = index_find(&c->base->tip_index, old->id);
    const bool repeats = old->kind == KIND_REPEATABLE && here->kind == KIND_REPEATABLE;
    if (repeats || tip == NULL || !content_known(old) || same_content(old, here) ||
        same_content(tip, here))
        return;
    add(c, "edited-since-base", SEVERITY_ERROR, here,
        format(c,
               "the statements of \"%s\" were changed: \"%s\" has them with checksum %.*s, this "
               "checkout with %.*s",
               shown(c, here->id), c->ref, SHOWN_ID_DIGITS, old->checksum.text, SHOWN_ID_DIGITS,
               here->checksum.text),
        restore(c, here, "; and put the change into a new migration: pawl new NAME"));
}

static int compare_additions(const void *a, const void *b)
{
    const struct addition *const x = a, *const y = b;
    const int order = strcmp(x->migration->checksum.text, y->migration->checksum.text);
    return order != 0 ? order : strcmp(x->migration->id, y->migration->id);
}

/* The first addition with this content that no other migration was renamed to. */
static struct addition *find_renamed(const struct comparison *c, const struct migration *old)
{
    size_t low = 0, high = c->addition_count;
    if (old->empty || !content_known(old))
        return NULL;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(c->additions[middle].migration->checksum.text, old->checksum.text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < c->addition_count && same_content(c->additions[low].migration, old) &&
           c->additions[low].renamed)
        low++;
    return low < c->addition_count && same_content(c->additions[low].migration, old)
               ? &c->additions[low]
               : NULL;
}

/* The first of the fork's migrations that came after the old name and comes before the new one:
 * a database that applied it cannot tell the new name from a new migration. */
static const struct migration *find_passed(const struct comparison *c, const struct migration *old,
                                           const struct migration *here)
{
    const struct set *const set = &c->base->fork_set;
    for (size_t i = 0; i < set->versioned; i++) {
        const struct migration *const item = &set->items[i];
        if (name_compare(old->version, old->id, item->version, item->id) < 0 &&
            name_compare(item->version, item->id, here->version, here->id) < 0 &&
            index_find(&c->here, item->id) != NULL)
            return item;
    }
    return NULL;
}

static void report_renamed(const struct comparison *c, const struct migration *old,
                           const struct migration *here)
{
    const struct migration *const passed =
        old->kind != KIND_REPEATABLE && here->kind != KIND_REPEATABLE ? find_passed(c, old, here)
                                                                      : NULL;
    if (passed == NULL) {
        add(c, "renamed-since-base", SEVERITY_NOTE, here,
            format(c, "\"%s\" has the content of \"%s\", which is gone: it counts as renamed",
                   shown(c, here->id), shown(c, old->id)),
            NULL);
        return;
    }
    add(c, "renamed-since-base", SEVERITY_WARNING, here,
        format(c,
               "\"%s\" has the content of \"%s\", which is gone, and now stands behind \"%s\": a "
               "database that applied both will refuse it as doubtful",
               shown(c, here->id), shown(c, old->id), shown(c, passed->id)),
        format(c,
               "keep the old name, unless it was never applied; where it was: pawl repair "
               "--renamed %s %s",
               shown(c, old->id), shown(c, here->id)));
}

/* Some file here says that it stands for this migration, and pawl.sum keeps its checksum. A squash
 * of which pawl.sum says nothing at all has its own finding. */
static bool is_squashed(const struct comparison *c, const struct migration *old, bool *ret,
                        struct err *err)
{
    const struct migration *const kept = set_find_replaced(c->set, old->id);
    *ret = kept != NULL;
    if (kept != NULL && content_known(old) && !same_content(kept, old))
        add(c, "edited-since-base", SEVERITY_ERROR, old,
            format(c,
                   "pawl.sum keeps \"%s\", which was squashed, with checksum %.*s, and \"%s\" has "
                   "it with %.*s",
                   shown(c, old->id), SHOWN_ID_DIGITS, kept->checksum.text, c->ref, SHOWN_ID_DIGITS,
                   old->checksum.text),
            format(c, "restore pawl.sum: git checkout %.*s -- %s, and type `pawl sum`",
                   SHOWN_ID_DIGITS, c->base->fork, SUM_FILE_NAME));
    for (size_t i = 0; !*ret && i < c->set->count; i++)
        if (!c->set->items[i].squash &&
            !squash_covers(c->arena, &c->set->items[i], old->version, old->id, ret, err))
            return false;
    return true;
}

/* Everything up to somewhere was taken away, as is done with a long history. */
static bool is_trimmed(const struct comparison *c, const struct migration *old)
{
    const struct migration *const first = c->set->versioned > 0 ? &c->set->items[0] : NULL;
    return first != NULL && old->kind != KIND_REPEATABLE && base_knows(c->base, first->id) &&
           name_compare(old->version, old->id, first->version, first->id) < 0;
}

static bool check_gone(const struct comparison *c, const struct migration *old, struct err *err)
{
    struct addition *const renamed = find_renamed(c, old);
    bool squashed = false;
    if (renamed != NULL)
        renamed->renamed = true;
    if (index_find(&c->base->tip_index, old->id) == NULL)
        return true; /* the base took it away itself */
    if (renamed != NULL) {
        report_renamed(c, old, renamed->migration);
        return true;
    }
    if (!is_squashed(c, old, &squashed, err))
        return false;
    if (squashed)
        return true;
    if (is_trimmed(c, old))
        add(c, "removed-since-base", SEVERITY_NOTE, old,
            format(c, "\"%s\" is gone, and so is all that came before it: the history was trimmed",
                   shown(c, old->id)),
            NULL);
    else
        add(c, "removed-since-base", SEVERITY_ERROR, old,
            format(c, "\"%s\" is gone, and \"%s\" has it", shown(c, old->id), c->ref),
            restore(c, old, "; and undo what it did in a new migration: pawl new NAME"));
    return true;
}

static bool check_fork(const struct comparison *c, struct err *err)
{
    for (size_t i = 0; i < c->base->fork_index.count; i++) {
        const struct migration *const old = c->base->fork_index.items[i];
        const struct migration *const here = index_find(&c->here, old->id);
        if (here != NULL)
            check_edited(c, old, here);
        else if (!check_gone(c, old, err))
            return false;
    }
    return true;
}

/* ---- what was added ---- */

static const char *renumber(const struct comparison *c, const struct migration *migration)
{
    return format(c, "run \"pawl renumber %s\"", shown(c, migration->entry));
}

/* A migration of this version that the tip has and this checkout has not. */
static const struct migration *find_twin(const struct comparison *c, const char *version)
{
    const struct set *const tip = &c->base->tip_set;
    size_t low = 0, high = tip->versioned;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (version_compare(tip->items[middle].version, version) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < tip->versioned && version_compare(tip->items[low].version, version) == 0; low++)
        if (index_find(&c->here, tip->items[low].id) == NULL &&
            !migration_allows(&tip->items[low], "duplicate-version"))
            return &tip->items[low];
    return NULL;
}

/* Two branches wrote a file of the same name. */
static void check_same_id(const struct comparison *c, const struct migration *added,
                          const struct migration *tip)
{
    if (!content_known(tip) || same_content(added, tip) || added->kind == KIND_REPEATABLE)
        return;
    add(c, "duplicate-version", SEVERITY_ERROR, added,
        format(c, "\"%s\" has another migration of the same name: checksum %.*s there, %.*s here",
               c->ref, SHOWN_ID_DIGITS, tip->checksum.text, SHOWN_ID_DIGITS, added->checksum.text),
        renumber(c, added));
}

static void check_added(const struct comparison *c, const struct migration *added)
{
    const struct migration *const same = index_find(&c->base->tip_index, added->id);
    if (same != NULL) {
        check_same_id(c, added, same);
        return;
    }
    /* A squash stands where the migrations stood that it replaces. */
    if (added->kind == KIND_REPEATABLE || added->replaces_first != NULL)
        return;
    const struct migration *const twin = find_twin(c, added->version);
    if (twin != NULL)
        add(c, "duplicate-version", SEVERITY_ERROR, added,
            format(c, "version \"%s\" is that of \"%s\" too, which \"%s\" has", added->version,
                   shown(c, twin->entry), c->ref),
            renumber(c, added));
    else if (c->newest != NULL &&
             name_compare(added->version, added->id, c->newest->version, c->newest->id) < 0)
        add(c, "out-of-order", c->out_of_order_applies ? SEVERITY_NOTE : SEVERITY_ERROR, added,
            format(c, "it is new and sorts before \"%s\", which \"%s\" has already",
                   shown(c, c->newest->entry), c->ref),
            renumber(c, added));
}

/* The newest of the tip, but for those that are renamed or gone here. */
static const struct migration *find_newest(const struct comparison *c)
{
    const struct set *const tip = &c->base->tip_set;
    for (size_t i = tip->versioned; i > 0; i--)
        if (index_find(&c->here, tip->items[i - 1].id) != NULL ||
            !base_knows(c->base, tip->items[i - 1].id))
            return &tip->items[i - 1];
    return NULL;
}

static bool find_additions(struct comparison *c, struct err *err)
{
    c->additions = arena_alloc(c->arena, (c->here.count + 1) * sizeof *c->additions);
    if (c->additions == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < c->here.count; i++)
        if (!base_knows(c->base, c->here.items[i]->id))
            c->additions[c->addition_count++].migration = c->here.items[i];
    if (c->addition_count > 1)
        qsort(c->additions, c->addition_count, sizeof *c->additions, compare_additions);
    return true;
}

/* A name that was refused says nothing of order. */
static bool is_odd(const struct comparison *c, const struct migration *migration)
{
    return set_find(c->set, migration->id) != migration;
}

bool base_compare(struct arena *arena, const struct base *base, const struct set *set,
                  bool out_of_order_applies, struct findings *findings, struct err *err)
{
    struct comparison c = {.arena = arena,
                           .base = base,
                           .set = set,
                           .out_of_order_applies = out_of_order_applies,
                           .ref = fs_printable(arena, base->ref),
                           .findings = findings};
    if (c.ref == NULL)
        return err_nomem(err);
    if (!index_make(arena, set, &c.here, err) || !find_additions(&c, err))
        return false;
    c.newest = find_newest(&c);
    if (!check_fork(&c, err))
        return false;
    for (size_t i = 0; i < c.addition_count; i++)
        if (!c.additions[i].renamed && !is_odd(&c, c.additions[i].migration))
            check_added(&c, c.additions[i].migration);
    return !findings->failed || err_nomem(err);
}
