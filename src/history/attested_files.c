/* What an attestation is bound to: the files of the migrations folder as they lie. */
#include <string.h>

#include "base/fs.h"
#include "history/attestation.h"

static bool add_file(struct arena *arena, const struct set *set, const char *relative,
                     struct attested_files *files, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    const char *const path = fs_join(&scratch, set->folder, relative);
    char *text;
    size_t len, bad;
    if (path == NULL)
        return err_nomem(err);
    if (!utf8_valid(relative, strlen(relative), &bad)) {
        const char *const shown = fs_printable(&scratch, path);
        return err_set(err, ERR_USAGE,
                       "the name of \"%s\" is not UTF-8: an attestation cannot name it",
                       shown != NULL ? shown : "?");
    }
    if (!fs_read(&scratch, path, MIGRATION_MAX_BYTES, &text, &len, err))
        return false;
    struct attested_file *const file = arena_push(arena, files);
    if (file == NULL)
        return err_nomem(err);
    *file = (struct attested_file){arena_strdup(arena, relative), hash_bytes(text, len)};
    return file->path != NULL || err_nomem(err);
}

/* The files of one migration in scheme folder. */
static bool add_folder(struct arena *arena, const struct set *set, const char *entry,
                       struct attested_files *files, struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct fs_names names = {0};
    const char *const path = fs_join(&scratch, set->folder, entry);
    if (path == NULL)
        return err_nomem(err);
    if (!fs_list(&scratch, path, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *const relative = arena_printf(&scratch, "%s/%s", entry, names.items[i]);
        const char *const whole =
            relative != NULL ? fs_join(&scratch, set->folder, relative) : NULL;
        if (whole == NULL)
            return err_nomem(err);
        if (names.items[i][0] != '.' && !fs_is_folder(whole) &&
            !add_file(arena, set, relative, files, err))
            return false;
    }
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct attested_file *const left = a, *const right = b;
    return strcmp(left->path, right->path);
}

bool attested_files_read(struct arena *arena, const struct set *set, struct attested_files *ret,
                         struct err *err)
{
    CLEANUP(arena_release) struct arena scratch = {0};
    struct fs_names names = {0};
    *ret = (struct attested_files){0};
    if (!fs_list(&scratch, set->folder, &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        const char *const path = fs_join(&scratch, set->folder, names.items[i]);
        if (path == NULL)
            return err_nomem(err);
        const bool folder = fs_is_folder(path);
        if (names.items[i][0] == '.' || (folder && set->naming != NAMING_FOLDER))
            continue;
        if (folder ? !add_folder(arena, set, names.items[i], ret, err)
                   : !add_file(arena, set, names.items[i], ret, err))
            return false;
    }
    if (ret->count > 0)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_files);
    return true;
}

const char *attested_files_differ(const struct attested_files *a, const struct attested_files *b,
                                  size_t *ret_others)
{
    const char *first = NULL;
    size_t count = 0;
    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        const int order = i == a->count   ? 1
                          : k == b->count ? -1
                                          : strcmp(a->items[i].path, b->items[k].path);
        const bool same = order == 0 && strcmp(a->items[i].hash.text, b->items[k].hash.text) == 0;
        if (!same && count++ == 0)
            first = order <= 0 ? a->items[i].path : b->items[k].path;
        i += order <= 0;
        k += order >= 0;
    }
    *ret_others = count > 0 ? count - 1 : 0;
    return first;
}

struct hash_hex attested_set(struct arena *arena, const struct set *set)
{
    const size_t count = set->count + set->odd.count + set->replaced.count;
    const struct hash_hex **const checksums =
        arena_alloc(arena, (count + 1) * sizeof(const struct hash_hex *));
    size_t n = 0;
    if (checksums == NULL)
        return (struct hash_hex){0};
    for (size_t i = 0; i < set->count; i++)
        checksums[n++] = &set->items[i].checksum;
    for (size_t i = 0; i < set->odd.count; i++)
        checksums[n++] = &set->odd.items[i].checksum;
    for (size_t i = 0; i < set->replaced.count; i++)
        checksums[n++] = &set->replaced.items[i].checksum;
    return digest_of(arena, checksums, n);
}
