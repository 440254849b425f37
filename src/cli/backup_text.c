/* A recorded backup in words and as JSON. */
#include "cli/backup_text.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/str.h"

static json_t *number(int64_t number)
{
    return number >= 0 ? json_integer((json_int_t)number) : json_null();
}

json_t *backup_json(const struct backup *backup)
{
    char at[CLOCK_ISO_BYTES];
    if (backup == NULL)
        return json_null();
    clock_format_us(backup->at_us, at);
    return json_pack("{sI so so so so so so so so so so so so}", "seq", (json_int_t)backup->seq,
                     "at", backup->at_us != 0 ? cli_json_text(at) : json_null(), "method",
                     cli_json_text(backup->method), "file", cli_json_text(backup->file), "host",
                     cli_json_text(backup->host), "bytes", number(backup->bytes), "sha256",
                     cli_json_text(backup->sha256), "head", cli_json_text(backup->head), "tables",
                     number(backup->tables), "ms", number(backup->ms), "point",
                     cli_json_text(backup->point), "lsn", cli_json_text(backup->lsn), "restore",
                     cli_json_text(backup->restore));
}

const char *backup_facts(struct arena *arena, const struct backup *backup)
{
    CLEANUP(str_release) struct str out = {0};
    if (backup->bytes >= 0)
        str_put_size(&out, backup->bytes);
    if (backup->tables >= 0)
        str_printf(&out, "%s%" PRId64 " table%s", out.len > 0 ? ", " : "", backup->tables,
                   backup->tables == 1 ? "" : "s");
    if (backup->sha256 != NULL)
        str_printf(&out, "%ssha256 %s", out.len > 0 ? ", " : "", backup->sha256);
    if (backup->lsn != NULL)
        str_printf(&out, "%sLSN %s", out.len > 0 ? ", " : "", backup->lsn);
    return out.failed ? NULL : arena_strdup(arena, str_text(&out));
}
