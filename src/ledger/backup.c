/* Rows of backups, read and written by one table of members. */
#include "ledger/backup.h"

#include <stddef.h>
#include <string.h>

#include "base/fs.h"
#include "ledger/detail.h"

static const struct {
    const char *name;
    size_t offset;
} texts[] =
    {
        {"method", offsetof(struct backup, method)}, {"file", offsetof(struct backup, file)},
        {"sha256", offsetof(struct backup, sha256)}, {"head", offsetof(struct backup, head)},
        {"point", offsetof(struct backup, point)},   {"lsn", offsetof(struct backup, lsn)},
        {"host", offsetof(struct backup, host)},     {"restore", offsetof(struct backup, restore)},
},
  numbers[] = {
      {"bytes", offsetof(struct backup, bytes)},
      {"database_bytes", offsetof(struct backup, database_bytes)},
      {"tables", offsetof(struct backup, tables)},
      {"ms", offsetof(struct backup, ms)},
};

static bool read_row(struct arena *arena, const struct journal_row *row, struct backup *ret,
                     struct err *err)
{
    CLEANUP(json_release) json_t *detail = NULL;
    if (!detail_load(row->detail, &detail))
        return err_nomem(err);
    *ret = (struct backup){.seq = row->seq, .at_us = row->at_us};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *const text = json_string_value(json_object_get(detail, texts[i].name));
        const char *const copy = text != NULL ? arena_strdup(arena, text) : NULL;
        if (text != NULL && copy == NULL)
            return err_nomem(err);
        memcpy((char *)ret + texts[i].offset, &copy, sizeof copy);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        const json_t *const number = json_object_get(detail, numbers[i].name);
        const int64_t value = json_is_integer(number) ? json_integer_value(number) : -1;
        memcpy((char *)ret + numbers[i].offset, &value, sizeof value);
    }
    if (ret->method == NULL)
        ret->method = "?"; /* a later form */
    return true;
}

bool backups_read(struct arena *arena, const struct journal *journal, struct backups *ret,
                  struct err *err)
{
    *ret = (struct backups){0};
    for (size_t i = 0; i < journal->count; i++) {
        if (journal->items[i].event != EVENT_BACKUP)
            continue;
        struct backup *const item = arena_push(arena, ret);
        if (item == NULL)
            return err_nomem(err);
        if (!read_row(arena, &journal->items[i], item, err))
            return false;
    }
    return true;
}

json_t *backup_detail(const struct backup *backup)
{
    json_t *detail = json_object();
    bool ok = detail != NULL;
    for (size_t i = 0; ok && i < COUNT_OF(texts); i++) {
        const char *text;
        memcpy(&text, (const char *)backup + texts[i].offset, sizeof text);
        ok = text == NULL || json_object_set_new(detail, texts[i].name, json_string(text)) == 0;
    }
    for (size_t i = 0; ok && i < COUNT_OF(numbers); i++) {
        int64_t number;
        memcpy(&number, (const char *)backup + numbers[i].offset, sizeof number);
        ok = number < 0 ||
             json_object_set_new(detail, numbers[i].name, json_integer((json_int_t)number)) == 0;
    }
    if (ok)
        return detail;
    json_decref(detail);
    return NULL;
}

const char *backup_place(struct arena *arena, const struct backup *backup)
{
    if (backup->file != NULL)
        return backup->file;
    const char *const point =
        fs_printable(arena, backup->point != NULL ? backup->point : "without a name");
    return point != NULL ? arena_printf(arena, "restore point \"%s\"", point) : NULL;
}
