/* Settings in words. */
#include "cli/settings_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"

const char settings_intro[] =
    "pawl.conf is read from the current folder, or is the file that --config names; `pawl init`\n"
    "writes one. A line is a [section], `setting = value`, or a comment that starts with # or ;.\n"
    "A value goes to the end of its line and is not quoted.\n"
    "\n"
    "Values rank: default, file, environment, flag. An empty variable counts as not set. `pawl\n"
    "config` shows every value and where it comes from. A relative path in the file starts from\n"
    "the file's folder. A duration is a whole number and its unit: 400ms, 5s, 10m, 24h, 7d; so is "
    "a\n"
    "size: 512kB, 20MB, 1GB, of 1024 each.\n"
    "\n"
    "The target is the one that --target names, or --url, or PAWL_URL, or the only one of the\n"
    "file; where the file has none, DATABASE_URL counts. The release of a deploy or a start-up\n"
    "check is --release or PAWL_RELEASE.";

const struct settings_section settings_sections[] = {
    {"pawl", "[pawl]", "What the migrations are, and which of them are refused."},
    {"deploy", "[deploy]", "How long a deploy waits, and for what."},
    {"backup", "[backup]", "What is saved before a deploy that might lose something."},
    {"backfill", "[backfill]", "How large batches are, and when a backfill waits."},
    {"check", "[check]", "Where statements are tried before they are run."},
    {"releases", "[releases]", "Who lives on a target, and holds contract migrations up."},
    {"gate", "[gate]", "Which verdicts a deploy demands, and who may have signed them."},
    {"target", "[target.NAME]", "A database, under a name of your choice; any number of them."},
};
const size_t settings_section_count = COUNT_OF(settings_sections);

/* "a|b|c" as "a, b or c". */
static const char *choices_text(struct arena *arena, const char *choices)
{
    CLEANUP(str_release) struct str out = {0};
    for (;;) {
        const size_t len = strcspn(choices, "|");
        str_append(&out, choices, len);
        choices += len;
        if (*choices == '\0')
            return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
        choices++;
        str_puts(&out, strchr(choices, '|') != NULL ? ", " : " or ");
    }
}

const char *setting_values(struct arena *arena, const struct setting *setting)
{
    char least[CLOCK_ISO_BYTES], most[CLOCK_ISO_BYTES];
    switch (setting->type) {
    case SETTING_TEXT:
        return setting->unit;
    case SETTING_DURATION:
        clock_format_duration_ms(setting->min, least);
        clock_format_duration_ms(setting->max, most);
        return arena_printf(arena, "%s, %s to %s", setting->unit, least, most);
    case SETTING_NUMBER:
        return arena_printf(arena, "%s, %" PRId64 " to %" PRId64, setting->unit, setting->min,
                            setting->max);
    case SETTING_SIZE:
        return arena_printf(arena, "%s: 500MB, 2GB", setting->unit);
    case SETTING_PERCENT:
        return arena_printf(arena, "%s, %lld%% to %lld%%", setting->unit, (long long)setting->min,
                            (long long)setting->max);
    case SETTING_CHOICE:
        return choices_text(arena, setting->choices);
    }
    return setting->unit;
}
