/* How a backfill goes, for whoever is watching. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"
#include "deploy/backfill.h"

enum {
    TELL_EVERY_MS = 500,
    NOTE_EVERY_MS = 30000, /* between two words about the same wait */
};

const char *backfill_place(struct arena *arena, const struct checkpoint *at)
{
    const int percent = checkpoint_percent(at);
    if (percent < 0)
        return arena_printf(arena, "%" PRId64 " rows", at->walked);
    return arena_printf(arena, "%" PRId64 " of about %" PRId64 " rows (%d %%)", at->walked,
                        at->estimate, percent);
}

void backfill_tell_start(struct backfill *b)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const id = b->item->migration->id;
    const char *const place = backfill_place(&scratch, &b->at);
    const char *const text =
        place != NULL ? arena_printf(&scratch, "\"%s\" goes on at %s", id, place) : NULL;
    if (text != NULL)
        deploy_tell(&b->run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .id = id, .text = text});
}

static void put_rate(const struct backfill *b, struct str *out)
{
    char left[CLOCK_ISO_BYTES];
    const int64_t elapsed_ms = clock_monotonic_ms() - b->start_ms;
    const int64_t rate = elapsed_ms > 0 ? (b->at.walked - b->start_walked) * 1000 / elapsed_ms : 0;
    if (rate <= 0)
        return;
    str_printf(out, ", %" PRId64 " rows/s", rate);
    if (b->at.estimate <= b->at.walked)
        return;
    clock_format_elapsed_ms((b->at.estimate - b->at.walked) * 1000 / rate, left);
    str_printf(out, ", %s left", left);
}

void backfill_tell_progress(struct backfill *b)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    CLEANUP(str_release) struct str text = {0};
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms < b->next_told_ms)
        return;
    b->next_told_ms = now_ms + TELL_EVERY_MS;
    const char *const place = backfill_place(&scratch, &b->at);
    str_printf(&text, "%s: %s", b->item->migration->id, place != NULL ? place : "?");
    put_rate(b, &text);
    if (!text.failed)
        deploy_tell(
            &b->run->options->listener,
            &(struct deploy_event){.type = DEPLOY_PROGRESS,
                                   .id = b->item->migration->id,
                                   .text = str_text(&text),
                                   .number = (size_t)b->at.walked,
                                   .total = b->at.estimate > 0 ? (size_t)b->at.estimate : 0});
}

void backfill_tell_waiting(struct backfill *b, const char *why)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const id = b->item->migration->id;
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms < b->next_note_ms)
        return;
    b->next_note_ms = now_ms + NOTE_EVERY_MS;
    const char *const place = backfill_place(&scratch, &b->at);
    const char *const text =
        arena_printf(&scratch, "\"%s\" waits at %s: %s", id, place != NULL ? place : "?", why);
    if (text != NULL)
        deploy_tell(&b->run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_WAITING, .id = id, .text = text});
}
