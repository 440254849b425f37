/* What is demanded, what is there, and what of it is missing. */
#include "deploy/gate.h"

#include <string.h>

#include "base/fs.h"
#include "base/process.h"
#include "base/str.h"
#include "deploy/gate_parts.h"
#include "deploy/hold.h"

/* A begin row names at most so many. */
enum { OVERRIDDEN_LACKS = 10, KEYS_MAX_BYTES = 1 << 20 };

/* ---- reading ---- */

static bool read_kinds(const char *text, struct gate *gate, struct err *err)
{
    static const char separators[] = ", \t";
    enum attested_kind kind;
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        const struct span word = {text, strcspn(text, separators)};
        if (!attested_kind_parse(word, &kind))
            return err_set(err, ERR_USAGE,
                           "[gate] require takes check, compat, tests and rehearse, not \"%.*s\"",
                           (int)word.len, word.at);
        gate->kinds[kind] = true;
        text += word.len;
    }
    return true;
}

static bool read_keys(struct run *run, struct gate *gate, struct err *err)
{
    const struct gate_options *const options = &run->options->gate;
    char *text;
    size_t len;
    if (options->public_key == NULL) {
        (void)err_set(err, ERR_USAGE,
                      "[gate] require demands attestations and there is no "
                      "public_key to verify them with");
        err_hint(err, "Set public_key in [gate] to the file that `openssl pkey -in ci.pem -pubout "
                      "-out ci.pub` writes.");
        return false;
    }
    const char *const path = fs_join(run->arena, options->key_base, options->public_key);
    if (path == NULL)
        return err_nomem(err);
    return fs_read(run->arena, path, KEYS_MAX_BYTES, &text, &len, err) &&
           public_keys_read(run->arena, path, text, len, &gate->keys, err);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool note_unreadable(struct run *run, struct gate *gate, const char *name,
                            const struct err *why, struct err *err)
{
    const char *const shown = fs_printable(run->arena, why->message);
    if (gate->unreadable++ > 0)
        return true;
    gate->unreadable_why =
        shown != NULL ? arena_printf(run->arena, "\"%s\": %s", name, shown) : NULL;
    return gate->unreadable_why != NULL || err_nomem(err);
}

/* Memory that is out in the middle of a token is another token to jansson, and one verdict that
 * failed must not be missed for that: what is not in order is read again. */
static bool look_twice(struct run *run, const struct gate *gate, const char *path,
                       struct gate_item *item, struct err *why)
{
    char *text;
    size_t len;
    if (!fs_read(run->arena, path, ATTESTATION_MAX_BYTES, &text, &len, why))
        return false;
    for (int look = 1;; look++) {
        const bool ok = attestation_read(run->arena, text, len, &gate->keys, &item->attestation,
                                         &item->trust, &item->key, why);
        if (look == 2 || (ok && item->trust == ATTESTATION_SIGNED) || why->code == ERR_NOMEM)
            return ok;
        err_release(why);
    }
}

/* One that cannot be read counts as not there. */
static bool read_one(struct run *run, struct gate *gate, const char *folder, const char *entry,
                     struct err *err)
{
    CLEANUP(err_release) struct err why = {0};
    struct gate_item item = {.name = fs_printable(run->arena, entry)};
    const char *const path = fs_join(run->arena, folder, entry);
    if (item.name == NULL || path == NULL)
        return err_nomem(err);
    if (!look_twice(run, gate, path, &item, &why)) {
        if (why.code == ERR_REFUSED || why.code == ERR_USAGE)
            return note_unreadable(run, gate, item.name, &why, err);
        *err = why;
        why = (struct err){0};
        return false;
    }
    struct attested_names *const pending = &item.attestation.pending;
    if (pending->count > 0)
        qsort(pending->items, pending->count, sizeof *pending->items, compare_names);
    struct gate_item *const slot = arena_push(run->arena, &gate->attestations);
    if (slot == NULL)
        return err_nomem(err);
    *slot = item;
    return true;
}

static bool read_attestations(struct run *run, struct gate *gate, struct err *err)
{
    const struct gate_options *const options = &run->options->gate;
    const char *const folder = fs_join(run->arena, options->base, options->folder);
    struct fs_names names = {0};
    if (folder == NULL)
        return err_nomem(err);
    if (!fs_exists(folder))
        return true;
    if (!fs_list(run->arena, folder, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const size_t len = strlen(names.items[i]);
        if (len > 5 && strcmp(names.items[i] + len - 5, ".json") == 0 &&
            !read_one(run, gate, folder, names.items[i], err))
            return false;
    }
    return true;
}

/* Once for a run: what is read is what counts. */
static bool load(struct run *run, struct err *err)
{
    if (run->gate != NULL)
        return true;
    struct gate *const gate = arena_alloc(run->arena, sizeof *gate);
    if (gate == NULL)
        return err_nomem(err);
    gate->set = attested_set(run->arena, run->options->set);
    if (gate->set.text[0] == '\0')
        return err_nomem(err);
    if (!read_kinds(run->options->gate.require, gate, err) || !read_keys(run, gate, err) ||
        !attested_files_read(run->arena, run->options->set, &gate->files, err) ||
        !read_attestations(run, gate, err))
        return false;
    run->gate = gate;
    return true;
}

/* ---- what is missing ---- */

static const char *command_for(struct run *run, enum attested_kind kind, const char *release)
{
    const char *const word = release != NULL ? shell_word(run->arena, release) : "";
    const char *const option =
        release != NULL && word != NULL ? arena_printf(run->arena, " --release %s", word) : word;
    if (option == NULL)
        return NULL;
    switch (kind) {
    case ATTESTED_COMPAT:
        return arena_printf(run->arena, "pawl compat%s --attest KEY.pem", option);
    case ATTESTED_TESTS:
        return arena_printf(run->arena, "pawl compat --tests%s --attest KEY.pem -- COMMAND",
                            option);
    case ATTESTED_REHEARSE:
        return "pawl rehearse --attest KEY.pem";
    default:
        return "pawl check --attest KEY.pem";
    }
}

/* name: of the release, as it is; why NULL: there is no attestation at all. */
static bool add_lack(struct run *run, const struct gate *gate, enum attested_kind kind,
                     const char *name, const char *file, const char *why, struct gate_lacks *lacks,
                     struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    const char *const release = name != NULL ? fs_printable(run->arena, name) : NULL;
    struct gate_lack *const lack = arena_push(run->arena, lacks);
    if (lack == NULL || (name != NULL && release == NULL))
        return err_nomem(err);
    str_printf(&text, "%s ", attested_kind_name(kind));
    if (release != NULL)
        str_printf(&text, "for release \"%s\" ", release);
    str_puts(&text, "is not attested: ");
    if (why != NULL)
        str_printf(&text, "\"%s\" %s", file, why);
    else
        str_puts(&text, "there is nothing about it");
    if (why == NULL && gate->unreadable > 0)
        str_printf(&text, " (%zu cannot be read: %s)", gate->unreadable, gate->unreadable_why);
    *lack = (struct gate_lack){arena_strndup(run->arena, str_text(&text), text.len),
                               command_for(run, kind, release)};
    return (!text.failed && lack->what != NULL && lack->command != NULL) || err_nomem(err);
}

static bool is_about(const struct attestation *a, enum attested_kind kind, const char *release)
{
    bool found = release == NULL;
    for (size_t i = 0; !found && i < a->releases.count; i++)
        found = strcmp(a->releases.items[i], release) == 0;
    return found && a->kind == kind;
}

/* One that passed, and of all that fit none that failed. release NULL: of whatever release. */
static bool demand(struct run *run, enum attested_kind kind, const char *release,
                   struct gate_lacks *lacks, struct err *err)
{
    const struct gate *const gate = run->gate;
    enum gate_fit best = GATE_NONE;
    const char *best_why = NULL, *best_name = NULL;
    for (size_t i = 0; i < gate->attestations.count; i++) {
        const struct gate_item *const item = &gate->attestations.items[i];
        enum gate_fit fit;
        const char *why;
        if (!is_about(&item->attestation, kind, release))
            continue;
        if (!gate_judge(run, gate, item, &fit, &why, err))
            return false;
        if (fit > best) {
            best = fit;
            best_why = why;
            best_name = item->name;
        }
    }
    return best == GATE_PASSED ||
           add_lack(run, gate, kind, release, best_name, best_why, lacks, err);
}

/* What carries these very migrations was made for what they leave. */
static bool is_own(const struct run *run, const struct live_release *live, const char *whole)
{
    return (run->options->release != NULL && strcmp(live->name, run->options->release) == 0) ||
           (live->record != NULL && live->record->whole != NULL &&
            strcmp(live->record->whole, whole) == 0);
}

/* For each release that lives; where none is known by name, for whatever was tested. */
static bool demand_releases(struct run *run, enum attested_kind kind, struct gate_lacks *lacks,
                            struct err *err)
{
    struct presence presence = {0};
    struct hash_hex whole;
    const char *newest;
    size_t named = 0;
    if (run->ledger->exists && (!hold_newest(run, &newest, err) ||
                                !presence_read(run->ledger, run->arena, &run->state,
                                               &run->options->presence, newest, &presence, err)))
        return false;
    if (!release_whole_digest(run, &whole, err))
        return false;
    for (size_t i = 0; i < presence.releases.count; i++) {
        const struct live_release *const live = &presence.releases.items[i];
        if (live->name == NULL || is_own(run, live, whole.text))
            continue;
        named++;
        if (!demand(run, kind, live->name, lacks, err))
            return false;
    }
    return named > 0 || demand(run, kind, NULL, lacks, err);
}

static bool is_needed(const struct run *run, enum attested_kind kind)
{
    const struct plan *const plan = &run->result->plan;
    /* No code lives on what is not there yet. */
    if (run->fresh && (kind == ATTESTED_COMPAT || kind == ATTESTED_TESTS))
        return false;
    for (size_t i = 0; i < plan->items.count; i++)
        if (gate_needs(kind, &plan->items.items[i]))
            return true;
    return false;
}

bool gate_look(struct run *run, struct gate_lacks *ret, bool *ret_asked, struct err *err)
{
    *ret = (struct gate_lacks){0};
    *ret_asked = false;
    if (run->options->gate.require == NULL || run->result->plan.items.count == 0)
        return true;
    if (!load(run, err))
        return false;
    for (size_t i = 0; i < ATTESTED_KIND_COUNT; i++) {
        const enum attested_kind kind = (enum attested_kind)i;
        if (!run->gate->kinds[kind] || !is_needed(run, kind))
            continue;
        *ret_asked = true;
        if (kind == ATTESTED_COMPAT || kind == ATTESTED_TESTS
                ? !demand_releases(run, kind, ret, err)
                : !demand(run, kind, NULL, ret, err))
            return false;
    }
    return true;
}

/* ---- for a deploy ---- */

static bool tell(struct run *run, const struct gate_lack *lack, bool over, struct err *err)
{
    const char *const what =
        over ? arena_printf(run->arena, "%s (overridden)", lack->what) : lack->what;
    if (what == NULL)
        return err_nomem(err);
    finding_add(run->arena, &run->preflight,
                &(struct finding){.rule = "gate",
                                  .severity = over ? SEVERITY_WARNING : SEVERITY_ERROR,
                                  .what = what,
                                  .fix = lack->command});
    return !run->preflight.failed || err_nomem(err);
}

static bool refuse(struct run *run, size_t lacks, struct err *err)
{
    const size_t done = run->result->done.count;
    (void)err_set(err, ERR_REFUSED, "the gate is closed: %zu verdict%s missing", lacks,
                  lacks == 1 ? " is" : "s are");
    if (done == 0)
        err_state(err, "Nothing was changed.");
    else
        err_state(err, "Applied by this run: %zu; nothing after that was begun.", done);
    err_hint(err, "docs/gate.md says what each has to fit. To go on all the same: "
                  "pawl deploy --override gate --reason TEXT.");
    return false;
}

bool gate_pass(struct run *run, struct err *err)
{
    const bool over = (run->options->overrides & OVERRIDE_GATE) != 0;
    const bool told = (run->overridden & OVERRIDE_GATE) != 0;
    struct gate_lacks lacks;
    bool asked;
    if (!gate_look(run, &lacks, &asked, err))
        return false;
    for (size_t i = 0; !told && i < lacks.count; i++)
        if (!tell(run, &lacks.items[i], over, err))
            return false;
    if (lacks.count == 0)
        return true;
    if (!over)
        return refuse(run, lacks.count, err);
    if (!told)
        run->gate_lacks = lacks;
    run->overridden |= OVERRIDE_GATE;
    return true;
}

json_t *gate_overridden(const struct run *run)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < run->gate_lacks.count && i < OVERRIDDEN_LACKS; i++)
        if (json_array_append_new(array, json_string(run->gate_lacks.items[i].what)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}
