/* Reading a migrations folder: names first, then texts. */
#include <string.h>

#include "base/fs.h"
#include "history/name_parts.h"
#include "history/reader.h"
#include "history/set_parts.h"
#include "history/squash.h"

/* One directory entry on its way into the set. */
struct candidate {
    const char *entry, *path; /* path is that of the SQL file; NULL when a folder has none */
    const char *file;         /* the same, relative to the migrations folder */
    struct name name;
};

struct candidates {
    struct candidate *items;
    size_t count, capacity;
};

struct load {
    struct arena *arena;
    const struct set_options *options;
    const struct set_file *files; /* NULL: they are on disk */
    size_t file_count;
    struct fs_names entries;
    struct candidates candidates;
    struct findings names; /* about names alone */
    struct findings *findings;
};

static bool in_folders(const struct load *load)
{
    return load->options->naming == NAMING_FOLDER;
}

/* ---- files on disk, or given ---- */

static int compare_path(const void *path, const void *item)
{
    const struct set_file *const file = item;
    return strcmp(path, file->path);
}

static const struct set_file *find_file(const struct load *load, const char *relative)
{
    if (load->file_count == 0)
        return NULL;
    return bsearch(relative, load->files, load->file_count, sizeof *load->files, compare_path);
}

/* The first parts of the files' paths, each once: equal ones are neighbours. */
static bool list_files(struct load *load, struct err *err)
{
    for (size_t i = 0; i < load->file_count; i++) {
        const char *const path = load->files[i].path;
        const size_t len = strcspn(path, "/");
        const char *const last =
            load->entries.count > 0 ? load->entries.items[load->entries.count - 1] : NULL;
        if (last != NULL && strncmp(last, path, len) == 0 && last[len] == '\0')
            continue;
        const char **const item = arena_push(load->arena, &load->entries);
        if (item == NULL || (*item = arena_strndup(load->arena, path, len)) == NULL)
            return err_nomem(err);
    }
    return true;
}

static bool is_folder(const struct load *load, const struct candidate *candidate)
{
    return load->files != NULL ? find_file(load, candidate->entry) == NULL
                               : fs_is_folder(candidate->path);
}

/* The path of the SQL file in a folder, relative to the migrations; NULL when there is none. */
static bool find_sql_file(const struct load *load, const char *entry, const char **ret,
                          struct err *err)
{
    static const char *const names[] = {"up.sql", "migration.sql"};
    if (load->files == NULL)
        return name_sql_file(load->arena, NAMING_FOLDER, load->options->folder, entry, ret, err);
    *ret = NULL;
    for (size_t i = 0; *ret == NULL && i < COUNT_OF(names); i++) {
        char *const relative = arena_printf(load->arena, "%s/%s", entry, names[i]);
        if (relative == NULL)
            return err_nomem(err);
        *ret = find_file(load, relative) != NULL ? relative : NULL;
    }
    return true;
}

/* As fs_read(); *ret_text is NULL for a given file whose text is not known. */
static bool read_file(const struct load *load, const char *relative, const char *path,
                      size_t max_bytes, const char **ret_text, size_t *ret_len, struct err *err)
{
    char *text = NULL;
    if (load->files != NULL) {
        const struct set_file *const file = find_file(load, relative);
        *ret_text = file != NULL ? file->text : NULL;
        *ret_len = file != NULL ? file->len : 0;
        return true;
    }
    if (!fs_read(load->arena, path, max_bytes, &text, ret_len, err))
        return false;
    *ret_text = text;
    return true;
}

/* ---- names ---- */

/* A folder must hold exactly one file to run. */
static bool find_folder_file(struct load *load, struct candidate *candidate, struct err *err)
{
    if (!find_sql_file(load, candidate->entry, &candidate->file, err))
        return false;
    const char *const folder = candidate->path;
    candidate->path = NULL;
    if (candidate->file == NULL) {
        if (candidate->name.role != NAME_BAD)
            report_file(load->arena, &load->names, "name-grammar", SEVERITY_ERROR, folder,
                        "add it, or move the folder elsewhere",
                        "the folder has neither up.sql nor migration.sql");
        candidate->name.role = NAME_BAD;
        return true;
    }
    char *const other = fs_join(load->arena, folder, "migration.sql");
    candidate->path = fs_join(load->arena, load->options->folder, candidate->file);
    if (other == NULL || candidate->path == NULL)
        return err_nomem(err);
    if (load->files == NULL && strcmp(other, candidate->path) != 0 && fs_exists(other))
        report_file(load->arena, &load->names, "name-grammar", SEVERITY_ERROR, folder,
                    "remove one of them", "the folder has both up.sql and migration.sql");
    return true;
}

/* A folder that is called like a file: whoever wrote it meant something to run. */
static void report_folder(struct load *load, struct findings *findings, const char *path)
{
    report_file(load->arena, findings, "name-grammar", SEVERITY_ERROR, path,
                "make it a file, or call it otherwise",
                "it is a folder, and scheme \"%s\" has files: nothing in it is run",
                naming_name(load->options->naming));
}

static bool add_candidate(struct load *load, const char *entry, struct err *err)
{
    struct candidate candidate = {.entry = entry, .file = entry};
    candidate.path = fs_join(load->arena, load->options->folder, entry);
    if (candidate.path == NULL)
        return err_nomem(err);
    const bool folder = in_folders(load) && is_folder(load, &candidate);
    const size_t before = load->names.count;
    if (!name_read(load->arena, load->options->naming, entry, folder, candidate.path,
                   &candidate.name, &load->names, err))
        return false;
    const enum name_role role = candidate.name.role;
    if (role == NAME_OTHER || role == NAME_DOWN)
        return true;
    if (role == NAME_BAD && !in_folders(load) && is_folder(load, &candidate)) {
        load->names.count = before; /* what is wrong with the name is not what is wrong */
        report_folder(load, &load->names, candidate.path);
        return true;
    }
    if (folder && !find_folder_file(load, &candidate, err))
        return false;
    struct candidate *const item = arena_push(load->arena, &load->candidates);
    if (item == NULL)
        return err_nomem(err);
    *item = candidate;
    return true;
}

/* How many of the candidates are right names of the scheme. */
static size_t count_fits(const struct load *load, enum naming naming)
{
    size_t count = 0;
    for (size_t i = 0; i < load->candidates.count; i++) {
        const struct candidate *const candidate = &load->candidates.items[i];
        if ((naming == NAMING_FOLDER) == in_folders(load))
            count += name_fits(naming, candidate->entry);
        else if (in_folders(load) && candidate->path != NULL)
            count += name_fits(naming, candidate->entry);
    }
    return count;
}

static void report_scheme(struct load *load, enum naming naming, size_t fits, size_t all)
{
    char *const fix =
        arena_printf(load->arena, "set naming = %s in [pawl] of pawl.conf", naming_name(naming));
    if (fix == NULL)
        load->findings->failed = true;
    report_file(load->arena, load->findings, "naming-scheme", SEVERITY_ERROR, load->options->folder,
                fix, "%zu of %zu files look like scheme \"%s\"", fits, all, naming_name(naming));
}

/* True, with one finding, when most names break the configured scheme and fit another one. */
static bool is_other_scheme(struct load *load)
{
    /* The stricter ones first: any number is a sequence. */
    static const enum naming order[] = {NAMING_TIMESTAMP, NAMING_EPOCH,  NAMING_LOGTO,
                                        NAMING_FLYWAY,    NAMING_FOLDER, NAMING_SEQUENCE};
    const size_t all = load->candidates.count;
    size_t bad = 0, best_fits = 0;
    enum naming best = load->options->naming;
    for (size_t i = 0; i < all; i++)
        bad += load->candidates.items[i].name.role == NAME_BAD;
    /* One file alone is rather a wrong name than another scheme. */
    if (all < 2 || bad * 2 <= all)
        return false;
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        const size_t fits = count_fits(load, order[i]);
        if (fits > best_fits) {
            best_fits = fits;
            best = order[i];
        }
    }
    if (best == load->options->naming || best_fits * 2 <= all)
        return false;
    report_scheme(load, best, best_fits, all);
    return true;
}

/* Folders that hold a migration each, which no scheme with files reads. Where there is nothing else
 * the scheme is folder. */
static bool check_folders_unread(struct load *load, const struct set *set, struct err *err)
{
    size_t fits = 0;
    for (size_t i = 0; !in_folders(load) && i < load->entries.count; i++) {
        const char *const entry = load->entries.items[i];
        const char *relative = NULL;
        if (name_ends_with(entry, strlen(entry), ".sql") || !name_fits(NAMING_FOLDER, entry))
            continue;
        if (!find_sql_file(load, entry, &relative, err))
            return false;
        fits += relative != NULL;
        if (relative == NULL || set->count + set->odd.count == 0)
            continue;
        const char *const path = fs_join(load->arena, load->options->folder, entry);
        if (path == NULL)
            return err_nomem(err);
        report_folder(load, load->findings, path);
    }
    if (fits > 0 && set->count + set->odd.count == 0)
        report_scheme(load, NAMING_FOLDER, fits, fits);
    return true;
}

static int compare_entry(const void *name, const void *item)
{
    return strcmp(name, *(const char *const *)item);
}

/* The line says key = false, with any blanks. */
static bool line_says_false(const char *text, const char *key)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += strspn(line, " \t\r\n");
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *value = line + strlen(key);
        value += strspn(value, " \t");
        if (*value++ != '=')
            continue;
        value += strspn(value, " \t");
        if (strncmp(value, "false", 5) == 0)
            return true;
    }
    return false;
}

/* A file beside the migration that takes its transaction away: diesel's metadata.toml in the same
 * folder, Flyway's NAME.sql.conf. */
static bool read_companion(const struct load *load, const struct candidate *candidate,
                           bool *ret_no_transaction, struct err *err)
{
    const bool folder = in_folders(load);
    char *const name = folder ? arena_printf(load->arena, "%s/metadata.toml", candidate->entry)
                              : arena_printf(load->arena, "%s.conf", candidate->entry);
    char *const path = name != NULL ? fs_join(load->arena, load->options->folder, name) : NULL;
    if (path == NULL)
        return err_nomem(err);
    const bool exists = load->files != NULL ? find_file(load, name) != NULL
                        : folder            ? fs_exists(path)
                                 : bsearch(name, load->entries.items, load->entries.count,
                                           sizeof *load->entries.items, compare_entry) != NULL;
    const char *text = NULL;
    size_t len = 0;
    if (!exists)
        return true;
    if (!read_file(load, name, path, 1 << 20, &text, &len, err))
        return false;
    *ret_no_transaction =
        line_says_false(text, folder ? "run_in_transaction" : "executeInTransaction");
    return true;
}

static bool read_candidate(struct load *load, const struct candidate *candidate,
                           struct migration *ret, bool *ret_skip, struct err *err)
{
    const char *text = NULL;
    size_t len = 0;
    struct migration migration = {.id = candidate->name.id,
                                  .version = candidate->name.version,
                                  .path = candidate->path,
                                  .entry = candidate->entry};
    /* "" would say repeatable. */
    if (candidate->name.role == NAME_BAD && migration.version[0] == '\0')
        migration.version = "0";
    if (!read_file(load, candidate->file, candidate->path, MIGRATION_MAX_BYTES, &text, &len, err)) {
        *ret_skip = fs_is_folder(candidate->path);
        if (*ret_skip)
            report_folder(load, load->findings, candidate->path);
        return *ret_skip;
    }
    if (text == NULL) {
        *ret_skip = load->files != NULL && find_file(load, candidate->file) == NULL;
        if (*ret_skip)
            report_folder(load, load->findings, candidate->path);
        *ret = migration;
        return true;
    }
    if (!read_companion(load, candidate, &migration.no_transaction, err))
        return false;
    /* popx, the runner of Ory's projects. */
    if (strstr(candidate->entry, ".autocommit.") != NULL)
        migration.no_transaction = true;
    if (!migration_read(load->arena, load->options->dialect, text, len, &migration, load->findings,
                        err))
        return false;
    if (load->options->naming == NAMING_FLYWAY && candidate->name.role == NAME_MIGRATION &&
        migration.kind == KIND_REPEATABLE)
        report_file(load->arena, load->findings, "directive-value", SEVERITY_ERROR, migration.path,
                    "rename it to R__...sql",
                    "kind=repeatable does not go with a name that has a version");
    *ret = migration;
    return true;
}

static bool read_all(struct load *load, bool with_odd, struct set *set, struct err *err)
{
    for (size_t i = 0; i < load->candidates.count; i++) {
        const struct candidate *const candidate = &load->candidates.items[i];
        const bool odd = candidate->name.role == NAME_BAD;
        struct migration migration;
        bool skip = false;
        if (odd && (!with_odd || candidate->path == NULL))
            continue;
        if (!read_candidate(load, candidate, &migration, &skip, err))
            return false;
        if (skip)
            continue;
        struct migration *const item =
            odd ? arena_push(load->arena, &set->odd) : arena_push(load->arena, set);
        if (item == NULL)
            return err_nomem(err);
        *item = migration;
    }
    return true;
}

/* The entries are listed. */
static bool load_entries(struct load *load, struct set *ret, struct err *err)
{
    const struct set_options *const options = load->options;
    struct set set = {
        .naming = options->naming, .dialect = options->dialect, .folder = options->folder};
    for (size_t i = 0; i < load->entries.count; i++)
        if (!add_candidate(load, load->entries.items[i], err))
            return false;
    const bool other_scheme = is_other_scheme(load);
    for (size_t i = 0; !other_scheme && i < load->names.count; i++)
        finding_add(load->arena, load->findings, &load->names.items[i]);
    if (load->names.failed)
        return err_nomem(err);
    if (!read_all(load, !other_scheme, &set, err) ||
        (!other_scheme && !check_folders_unread(load, &set, err)) ||
        !set_sort(load->arena, &set, err) ||
        !set_admit_allowed(load->arena, &set, load->findings, err))
        return false;
    set_check_duplicates(load->arena, &set, load->findings);
    if (load->findings->failed)
        return err_nomem(err);
    *ret = set;
    return true;
}

bool set_load(struct arena *arena, const struct set_options *options, struct set *ret,
              struct findings *findings, struct err *err)
{
    struct load load = {.arena = arena, .options = options, .findings = findings};
    return fs_list(arena, options->folder, &load.entries, err) && load_entries(&load, ret, err) &&
           squash_load(arena, ret, findings, err);
}

bool set_load_files(struct arena *arena, const struct set_options *options,
                    const struct set_file *files, size_t count, struct set *ret,
                    struct findings *findings, struct err *err)
{
    static const struct set_file nothing = {.path = ""};
    struct load load = {.arena = arena,
                        .options = options,
                        .files = count > 0 ? files : &nothing,
                        .file_count = count,
                        .findings = findings};
    return list_files(&load, err) && load_entries(&load, ret, err);
}
