/* The passes, and pawl.sum. */
#include "check/fix.h"

#include <string.h>

#include "base/fs.h"
#include "check/fix_parts.h"
#include "history/sum.h"

/* Each pass makes an end of one kind of finding, and few lead to another. */
enum { MOST_PASSES = 20 };

const char fix_of_base[] = "the base has the file: it may be applied";

bool fix_wants(const struct finding *finding, enum fixer fixer)
{
    const struct rule *const rule = rule_find(finding->rule);
    return finding->severity == SEVERITY_ERROR && finding->file != NULL && rule != NULL &&
           rule->fixer == fixer;
}

static bool copy(struct arena *arena, const char **text)
{
    if (*text != NULL)
        *text = arena_strdup(arena, *text);
    return *text != NULL;
}

static bool add(struct fixing *fixing, struct fixes *fixes, const struct fix *fix, struct err *err)
{
    struct fix *const item = arena_push(fixing->arena, fixes);
    if (item == NULL)
        return err_nomem(err);
    *item = *fix;
    if (copy(fixing->arena, &item->file) && (fix->old == NULL || copy(fixing->arena, &item->old)) &&
        (fix->new == NULL || copy(fixing->arena, &item->new)) &&
        (fix->left == NULL || copy(fixing->arena, &item->left)))
        return true;
    fixes->count--;
    return err_nomem(err);
}

bool fix_done(struct fixing *fixing, const struct fix *fix, struct err *err)
{
    return add(fixing, fixing->done, fix, err);
}

bool fix_leave(struct fixing *fixing, const struct finding *finding, const char *why,
               struct err *err)
{
    return add(
        fixing, fixing->left,
        &(struct fix){
            .rule = finding->rule, .file = finding->file, .line = finding->line, .left = why},
        err);
}

/* ---- pawl.sum ---- */

static const struct finding *find_sum(const struct fixing *fixing)
{
    for (size_t i = 0; i < fixing->findings.count; i++)
        if (fix_wants(&fixing->findings.items[i], FIXER_SUM))
            return &fixing->findings.items[i];
    return NULL;
}

static bool has_one_of(const struct findings *findings, const char *const *rule_ids, size_t count)
{
    for (size_t i = 0; i < findings->count; i++)
        for (size_t k = 0; k < count; k++)
            if (findings->items[i].severity != SEVERITY_NOTE &&
                strcmp(findings->items[i].rule, rule_ids[k]) == 0)
                return true;
    return false;
}

/* Why pawl.sum must not be written, NULL when it may be: that could hide an edit. A line that is
 * missing hides nothing, nor does a digest that does not fit lines which do. */
static const char *forbid_sum(const struct fixing *fixing)
{
    static const char *const stale[] = {"sum-format", "sum-extra-line", "sum-checksum", "sum-mark"};
    static const char *const edits[] = {"edited-since-base", "removed-since-base",
                                        "renamed-since-base"};
    /* Its lines for what was squashed away stand nowhere else. */
    static const char *const squashes[] = {"squash-range", "squash-files", "squash-lines"};
    if (has_one_of(&fixing->findings, squashes, COUNT_OF(squashes)))
        return "it keeps what a squash replaced: put the squash right first";
    if (!has_one_of(&fixing->findings, stale, COUNT_OF(stale)))
        return NULL;
    if (fixing->options->base == NULL)
        return "it may show an edit of what is applied already: --base REF tells";
    return has_one_of(&fixing->findings, edits, COUNT_OF(edits))
               ? "something of the base was edited, removed or moved: that comes first"
               : NULL;
}

static bool fix_sum(struct fixing *fixing, const char *forbidden, struct err *err)
{
    const char *const path = fixing->options->sum_path;
    const struct finding *const finding = find_sum(fixing);
    CLEANUP(str_release) struct str text = {0};
    if (finding == NULL && !(fixing->dry_run && fixing->sum_changes && fs_exists(path)))
        return true;
    if (finding != NULL && (forbidden != NULL || fs_is_link(path)))
        return fix_leave(fixing, finding, forbidden != NULL ? forbidden : "it is a symbolic link",
                         err);
    if (!sum_write(&fixing->set, &text))
        return err_nomem(err);
    if (!fixing->dry_run && !fs_replace(path, str_text(&text), text.len, err))
        return false;
    return fix_done(
        fixing,
        &(struct fix){.rule = finding != NULL ? finding->rule : "sum-missing-line", .file = path},
        err);
}

/* ---- passes ---- */

static bool look(struct fixing *fixing, struct err *err)
{
    return set_load(fixing->scratch, fixing->options->files, &fixing->set, &fixing->findings,
                    err) &&
           check_run(fixing->scratch, &fixing->set, fixing->options, &fixing->base,
                     &fixing->findings, err);
}

/* True when a further pass is needed: it would see what this one did. */
static bool pass(struct fixing *fixing, bool *ret_again, struct err *err)
{
    static bool (*const stages[])(struct fixing *, struct err *) = {fix_texts, fix_names,
                                                                    fix_versions};
    static const char *const other_scheme[] = {"naming-scheme"};
    const size_t before = fixing->done->count;
    *ret_again = false;
    fixing->left->count = 0;
    if (!look(fixing, err))
        return false;
    if (has_one_of(&fixing->findings, other_scheme, COUNT_OF(other_scheme)))
        return true;
    for (size_t i = 0; i < COUNT_OF(stages) && !*ret_again; i++) {
        if (!stages[i](fixing, err))
            return false;
        *ret_again = !fixing->dry_run && fixing->done->count > before;
    }
    return true;
}

static bool all_passes(struct arena *arena, const struct check_options *options, bool dry_run,
                       struct fixes *done, struct fixes *left, struct err *err)
{
    const char *forbidden = NULL;
    bool again = true;
    for (size_t i = 0; again; i++) {
        CLEANUP(arena_release) struct arena scratch = {0};
        struct fixing fixing = {.arena = arena,
                                .scratch = &scratch,
                                .options = options,
                                .dry_run = dry_run,
                                .done = done,
                                .left = left};
        if (!pass(&fixing, &again, err))
            return false;
        again = again && i + 1 < MOST_PASSES;
        if (i == 0) /* what is stale later is so by what was done here */
            forbidden = forbid_sum(&fixing);
        if (!again && !fix_sum(&fixing, forbidden, err))
            return false;
    }
    return true;
}

bool fix_run(struct arena *arena, const struct check_options *options, bool dry_run,
             struct fixes *ret_done, struct fixes *ret_left, struct err *err)
{
    *ret_done = *ret_left = (struct fixes){0};
    if (all_passes(arena, options, dry_run, ret_done, ret_left, err))
        return true;
    if (!dry_run && err->state == NULL)
        err_state(err, ret_done->count == 0 ? "Nothing was changed."
                                            : "What is listed was changed, and nothing else.");
    return false;
}
