/* How a backfill goes, for whoever is watching. */
#include "base/clock.h"
#include "deploy/backfill.h"

enum {
    TELL_EVERY_MS = 500,
    NOTE_EVERY_MS = 30000, /* between two words about the same wait */
};

void backfill_tell_start(struct backfill *b)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const id = b->item->migration->id;
    const char *const place = checkpoint_text(&scratch, &b->at, 0);
    const char *const text =
        place != NULL ? arena_printf(&scratch, "\"%s\" goes on at %s", id, place) : NULL;
    if (text != NULL)
        deploy_tell(&b->run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_NOTE, .id = id, .text = text});
}

/* Rows a second of this run; 0: not known yet. */
static int64_t rate(const struct backfill *b)
{
    const int64_t elapsed_ms = clock_monotonic_ms() - b->start_ms;
    return elapsed_ms > 0 ? (b->at.walked - b->start_walked) * 1000 / elapsed_ms : 0;
}

void backfill_tell_progress(struct backfill *b)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const int64_t now_ms = clock_monotonic_ms();
    if (now_ms < b->next_told_ms)
        return;
    b->next_told_ms = now_ms + TELL_EVERY_MS;
    const char *const place = checkpoint_text(&scratch, &b->at, rate(b));
    const char *const text =
        place != NULL ? arena_printf(&scratch, "%s: %s", b->item->migration->id, place) : NULL;
    if (text != NULL)
        deploy_tell(
            &b->run->options->listener,
            &(struct deploy_event){.type = DEPLOY_PROGRESS,
                                   .id = b->item->migration->id,
                                   .text = text,
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
    const char *const place = checkpoint_text(&scratch, &b->at, 0);
    const char *const text =
        arena_printf(&scratch, "\"%s\" waits at %s: %s", id, place != NULL ? place : "?", why);
    if (text != NULL)
        deploy_tell(&b->run->options->listener,
                    &(struct deploy_event){.type = DEPLOY_WAITING, .id = id, .text = text});
}
