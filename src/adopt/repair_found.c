/* The proof of a repair, in words: what the ledger says and what the files say. */
#include <inttypes.h>
#include <string.h>

#include "adopt/repair_parts.h"
#include "base/clock.h"
#include "base/diff.h"

static const char *format_text(struct repairer *r, const char *format, va_list args,
                               struct err *err)
{
    const char *const text = arena_vprintf(r->arena, format, args);
    if (text == NULL)
        (void)err_nomem(err);
    return text;
}

bool found_proof(struct repairer *r, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->found->proof = format_text(r, format, args, err);
    va_end(args);
    return r->found->proof != NULL;
}

bool found_recorded(struct repairer *r, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->found->proof = format_text(r, format, args, err);
    va_end(args);
    r->found->recorded = true;
    return r->found->proof != NULL;
}

bool found_fact(struct repairer *r, struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *const text = format_text(r, format, args, err);
    va_end(args);
    const char **const slot = text != NULL ? arena_push(r->arena, &r->found->facts) : NULL;
    if (slot == NULL)
        return err_nomem(err);
    *slot = text;
    return true;
}

static const struct attempt *attempt_of(const struct repairer *r, const struct applied *applied)
{
    for (size_t i = 0; applied->attempt != NULL && i < r->state.attempts.count; i++)
        if (strcmp(r->state.attempts.items[i].id, applied->attempt) == 0)
            return &r->state.attempts.items[i];
    return NULL;
}

bool found_applied(struct repairer *r, const struct applied *applied, struct err *err)
{
    const struct attempt *const attempt = attempt_of(r, applied);
    char at[CLOCK_ISO_BYTES];
    clock_format_s(applied->at_us, at);
    const bool who = attempt != NULL && attempt->user != NULL && attempt->host != NULL;
    if (!found_fact(r, err, "\"%s\" was %s at %s%s%s%s%s, seq %" PRId64 ", with checksum %s",
                    applied_name(applied), applied->adopted ? "adopted" : "applied", at,
                    who ? " by " : "", who ? attempt->user : "", who ? " on " : "",
                    who ? attempt->host : "", applied->seq, applied->checksums.items[0]))
        return false;
    for (size_t i = 1; i < applied->checksums.count; i++)
        if (!found_fact(r, err, "accepted since: checksum %s", applied->checksums.items[i]))
            return false;
    return true;
}

bool found_break(struct repairer *r, const struct journal_break *broken, struct err *err)
{
    if (!found_fact(r, err, "what does not fit is %s: it is %s, and %s belongs there",
                    broken->field, broken->found, broken->wanted))
        return false;
    for (size_t i = 0; i < r->journal.count; i++) {
        const struct journal_row *const row = &r->journal.items[i];
        char at[CLOCK_ISO_BYTES];
        if (row->seq != broken->seq)
            continue;
        clock_format_s(row->at_us, at);
        return found_fact(r, err, "the row as it is now: %s \"%s\"%s%s%s, detail %s", at,
                          row->event_name, row->migration != NULL ? " of \"" : "",
                          row->migration != NULL ? row->migration : "",
                          row->migration != NULL ? "\"" : "", row->detail);
    }
    return found_fact(r, err, "there is no row with seq %" PRId64, broken->seq);
}

bool found_diff(struct repairer *r, const struct applied *applied, const char *checksum,
                const struct migration *m, struct err *err)
{
    const char *kept = NULL;
    CLEANUP(str_release) struct str diff = {0};
    const char *const now = migration_kept_text(r->arena, r->set->dialect, m);
    if (now == NULL)
        return err_nomem(err);
    if (!ledger_text(r->ledger, r->arena, checksum, &kept, err))
        return false;
    if (kept == NULL)
        return found_fact(r, err,
                          "the text that was %s is not kept: compare with your version "
                          "control",
                          applied->adopted ? "adopted" : "applied");
    diff_lines(kept, now, &diff);
    if (diff.failed)
        return err_nomem(err);
    r->found->diff = arena_printf(r->arena, "--- %s, as applied\n+++ %s\n%s", m->id,
                                  m->path != NULL ? m->path : m->id, str_text(&diff));
    return r->found->diff != NULL || err_nomem(err);
}

bool found_keep_text(struct repairer *r, const struct migration *m, struct err *err)
{
    r->found->entry.text = migration_kept_text(r->arena, r->set->dialect, m);
    return r->found->entry.text != NULL || err_nomem(err);
}
