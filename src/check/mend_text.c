/* Texts of files, and of their sequels. */
#include <string.h>

#include "base/fs.h"
#include "check/mend.h"
#include "history/name.h"

struct making {
    struct arena *arena;
    const struct mend_options *options;
    struct mends *mends;
    const char *newest;
};

/* ---- the file itself ---- */

/* The edit of the migration that comes first behind this byte; NULL when there is none. */
static const struct mend_edit *next_edit(const struct making *m, const struct migration *migration,
                                         size_t from)
{
    const struct mend_edit *first = NULL;
    for (size_t i = 0; i < m->mends->count; i++) {
        const struct mend *const mend = &m->mends->items[i];
        for (size_t k = 0;
             mend->left == NULL && mend->migration == migration && k < mend->edit_count; k++)
            if (mend->edits[k].at >= from && (first == NULL || mend->edits[k].at < first->at))
                first = &mend->edits[k];
    }
    return first;
}

static const char *edited(const struct making *m, const struct migration *migration)
{
    CLEANUP(str_release) struct str out = {0};
    const struct mend_edit *edit;
    size_t done = 0, from = 0;
    while ((edit = next_edit(m, migration, from)) != NULL) {
        str_append(&out, migration->text + done, edit->at - done);
        str_puts(&out, edit->text);
        done = edit->at + edit->len;
        from = edit->at + 1;
    }
    str_append(&out, migration->text + done, migration->text_len - done);
    return out.failed ? NULL : arena_strndup(m->arena, str_text(&out), out.len);
}

/* ---- the sequel ---- */

static bool in_folder(const struct making *m, const struct migration *migration)
{
    const size_t len = strlen(m->options->files->folder);
    return strncmp(migration->path, m->options->files->folder, len) == 0 &&
           migration->path[len] == '/';
}

static bool has_sequel(const struct making *m, const struct migration *migration)
{
    for (size_t i = 0; i < m->mends->count; i++)
        if (m->mends->items[i].left == NULL && m->mends->items[i].migration == migration &&
            m->mends->items[i].sequel != NULL)
            return true;
    return false;
}

static const char *sequel_text(const struct making *m, const struct migration *migration)
{
    CLEANUP(str_release) struct str out = {0};
    if (migration->phase == PHASE_CONTRACT)
        str_puts(&out, "-- pawl: phase=contract\n");
    for (int last = 0; last < 2; last++)
        for (size_t i = 0; i < m->mends->count; i++) {
            const struct mend *const mend = &m->mends->items[i];
            const char *const text = last ? mend->last : mend->sequel;
            if (mend->left == NULL && mend->migration == migration && text != NULL)
                str_printf(&out, "%s\n", text);
        }
    return out.failed ? NULL : arena_strndup(m->arena, str_text(&out), out.len);
}

/* The words of the migration's own name and "validate". */
static const char *sequel_entry(struct making *m, const struct migration *migration,
                                struct err *err)
{
    struct findings ignored = {0};
    struct name name = {0};
    const enum naming naming = m->options->files->naming;
    const bool folder = naming == NAMING_FOLDER;
    const char *const entry = strrchr(migration->entry, '/');
    if (!name_read(m->arena, naming, entry != NULL ? entry + 1 : migration->entry, folder,
                   migration->path, &name, &ignored, err))
        return NULL;
    enum { ROOM = 90 };
    const bool fits = name.role == NAME_MIGRATION && strlen(name.slug) < ROOM;
    const char *const words = arena_printf(m->arena, "%s validate", fits ? name.slug : "then");
    const char *const made =
        words != NULL ? name_make(m->arena, naming, words, m->newest, m->options->now_epoch_s, err)
                      : NULL;
    if (words == NULL)
        (void)err_nomem(err);
    if (made == NULL || !name_read(m->arena, naming, made, folder, made, &name, &ignored, err))
        return NULL;
    m->newest = name.version;
    return made;
}

static bool add_sequel(struct making *m, const struct migration *migration, struct mended_list *ret,
                       struct err *err)
{
    const char *const entry = sequel_entry(m, migration, err);
    if (entry == NULL)
        return false;
    struct mended *const file = arena_push(m->arena, ret);
    if (file == NULL)
        return err_nomem(err);
    *file = (struct mended){.path = fs_join(m->arena, m->options->files->folder, entry),
                            .new = sequel_text(m, migration)};
    if (file->path != NULL && m->options->files->naming == NAMING_FOLDER) {
        file->folder = file->path;
        file->path = fs_join(m->arena, file->folder, "up.sql");
    }
    return (file->path != NULL && file->new != NULL) || err_nomem(err);
}

/* ---- all of them ---- */

/* A sequel has to be a migration of the set, and its file one that can be replaced. */
static void forbid_files(const struct making *m)
{
    for (size_t i = 0; i < m->mends->count; i++) {
        struct mend *const mend = &m->mends->items[i];
        if (mend->left == NULL && mend->sequel != NULL && !in_folder(m, mend->migration))
            mend->left = "its next step is a migration, and the file is not in their folder";
        if (mend->left == NULL && fs_is_link(mend->migration->path))
            mend->left = "it is a symbolic link";
    }
}

static bool add_file(struct making *m, const struct migration *migration, struct mended_list *ret,
                     struct err *err)
{
    if (next_edit(m, migration, 0) == NULL)
        return true;
    struct mended *const file = arena_push(m->arena, ret);
    if (file == NULL)
        return err_nomem(err);
    *file = (struct mended){
        .path = migration->path, .old = migration->text, .new = edited(m, migration)};
    return (file->new != NULL || err_nomem(err)) &&
           (!has_sequel(m, migration) || add_sequel(m, migration, ret, err));
}

bool mend_texts(struct arena *arena, const struct mend_options *options, struct mends *mends,
                struct mended_list *ret, struct err *err)
{
    struct making m = {
        .arena = arena, .options = options, .mends = mends, .newest = options->newest};
    const struct migration *last = NULL;
    if (mends->failed)
        return err_nomem(err);
    forbid_files(&m);
    for (size_t i = 0; i < mends->count; i++) {
        const struct migration *const migration = mends->items[i].migration;
        if (migration != last && !add_file(&m, migration, ret, err))
            return false;
        last = migration;
    }
    return true;
}
