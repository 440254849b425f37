/* Checkpoints as lines and as JSON. */
#include "cli/backfill_text.h"

#include "base/clock.h"
#include "cli/cli.h"

/* "running", "stopped" or "paused"; busy: a deploy is at work. */
static const char *state_of(const struct checkpoint *checkpoint, bool busy)
{
    if (checkpoint->paused_by != NULL)
        return "paused";
    return busy ? "running" : "stopped";
}

/* Rows a second while deploys were at it; 0: not known yet. */
static int64_t rate(const struct checkpoint *checkpoint)
{
    return checkpoint->ms > 0 ? checkpoint->walked * 1000 / checkpoint->ms : 0;
}

static json_t *number_or_null(int64_t value, bool known)
{
    return known ? json_integer(value) : json_null();
}

json_t *backfill_json(const struct checkpoint *checkpoint, bool busy)
{
    const bool paused = checkpoint->paused_by != NULL;
    const int percent = checkpoint_percent(checkpoint);
    const int64_t left_ms = checkpoint_left_ms(checkpoint, rate(checkpoint));
    char started[CLOCK_ISO_BYTES], updated[CLOCK_ISO_BYTES], since[CLOCK_ISO_BYTES];
    clock_format_us(checkpoint->started_us, started);
    clock_format_us(checkpoint->updated_us, updated);
    clock_format_us(checkpoint->paused_us, since);
    return json_pack(
        "{so so sI sI sI so so so so so so so so so}", "id", cli_json_text(checkpoint->migration),
        "state", cli_json_text(state_of(checkpoint, busy)), "walked",
        (json_int_t)checkpoint->walked, "changed", (json_int_t)checkpoint->changed, "batches",
        (json_int_t)checkpoint->batches, "estimate",
        number_or_null(checkpoint->estimate, checkpoint->estimate >= 0), "percent",
        number_or_null(percent, percent >= 0), "rows_per_second",
        number_or_null(rate(checkpoint), rate(checkpoint) > 0), "left_ms",
        number_or_null(left_ms, left_ms >= 0), "started", cli_json_text(started), "updated",
        cli_json_text(updated), "paused_since", cli_json_text(paused ? since : NULL), "paused_by",
        cli_json_text(checkpoint->paused_by), "reason", cli_json_text(checkpoint->paused_reason));
}

bool backfills_say(struct output *output, struct arena *arena, const struct checkpoints *list,
                   bool busy)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct checkpoint *const item = &list->items[i];
        const char *const progress = checkpoint_text(arena, item, rate(item));
        char since[CLOCK_ISO_BYTES];
        if (progress == NULL)
            return false;
        output_result(output, "backfill %s  %s: %s\n", item->migration, state_of(item, busy),
                      progress);
        if (item->paused_by == NULL)
            continue;
        clock_format_s(item->paused_us, since);
        output_result(output, "  paused since %s, by %s%s%s\n", since, item->paused_by,
                      item->paused_reason != NULL ? ": " : "",
                      item->paused_reason != NULL ? item->paused_reason : "");
    }
    return true;
}
