/* Three questions to git: which commits, which files, which texts. */
#include "check/git.h"

#include <string.h>

#include "base/fs.h"
#include "base/process.h"

enum { GIT_TIMEOUT_MS = 120000, GIT_MAX_ARGUMENTS = 12 };

/* One blob of a tree, and where its text goes. */
struct blob {
    const char *id;
    struct set_file *file;
};

struct blobs {
    struct blob *items;
    size_t count, capacity;
};

struct git {
    struct arena *arena;
    const char *folder, *ref;
    bool shallow;
};

/* ---- running git ---- */

/* arguments: what follows "git -C FOLDER"; NULL last. */
static bool run(const struct git *git, const char *const *arguments, struct span input,
                struct process_result *ret, struct err *err)
{
    /* A hook of git has these set, for its own repository and its own folder; git must find the one
     * around the migrations. */
    static const char *const environment[] = {"GIT_DIR",
                                              "GIT_WORK_TREE",
                                              "GIT_PREFIX",
                                              "GIT_COMMON_DIR",
                                              "GIT_INDEX_FILE",
                                              "GIT_NAMESPACE",
                                              "GIT_TRACE=0",
                                              "GIT_TERMINAL_PROMPT=0",
                                              "GIT_OPTIONAL_LOCKS=0",
                                              "LC_ALL=C",
                                              NULL};
    const char *all[GIT_MAX_ARGUMENTS] = {"git", "-C", git->folder};
    for (size_t i = 0; arguments[i] != NULL && i + 4 < COUNT_OF(all); i++)
        all[i + 3] = arguments[i];
    const struct process process = {
        .arguments = all, .environment = environment, .input = input, .timeout_ms = GIT_TIMEOUT_MS};
    if (!process_run(&process, ret, err)) {
        if (err->code == ERR_USAGE)
            err_hint(err, "--base needs git; without it `pawl check` needs none.");
        return false;
    }
    return true;
}

/* What git said, without its last line end. */
static const char *said(struct str *text)
{
    while (text->len > 0 && text->data[text->len - 1] == '\n')
        text->data[--text->len] = '\0';
    return str_text(text);
}

static bool succeeded(const struct process_result *result)
{
    return result->signal == 0 && result->exit_code == 0;
}

static bool fail(struct process_result *result, struct err *err, const char *what)
{
    (void)err_set(err, ERR_USAGE, "%s", what);
    if (result->signal != 0)
        err_detail(err, "git was ended by signal %d.", result->signal);
    else if (result->message.len > 0)
        err_detail(err, "%s", said(&result->message));
    return false;
}

/* ---- commits ---- */

static bool check_repository(struct git *git, struct err *err)
{
    static const char *const arguments[] = {"rev-parse", "--is-shallow-repository", NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    if (!run(git, arguments, (struct span){0}, &result, err))
        return false;
    if (succeeded(&result)) {
        git->shallow = strcmp(said(&result.output), "true") == 0;
        return true;
    }
    (void)fail(&result, err, "git does not know the migrations folder");
    err_hint(err, "--base compares with a commit of the git repository around \"%s\".",
             git->folder);
    return false;
}

/* The one object id that git said; NULL when it said anything else or memory is out. */
static char *take_id(const struct git *git, struct process_result *result)
{
    const char *const text = said(&result->output);
    const size_t len = result->output.len;
    if ((len != 40 && len != 64) || strspn(text, "0123456789abcdef") != len)
        return NULL;
    return arena_strndup(git->arena, text, len);
}

static bool find_tip(const struct git *git, const char **ret, struct err *err)
{
    CLEANUP(process_result_release) struct process_result result = {0};
    const char *const name = arena_printf(git->arena, "%s^{commit}", git->ref);
    const char *const shown = fs_printable(git->arena, git->ref);
    if (name == NULL || shown == NULL)
        return err_nomem(err);
    const char *const arguments[] = {"rev-parse", "--verify", "--end-of-options", name, NULL};
    if (!run(git, arguments, (struct span){0}, &result, err))
        return false;
    *ret = git->ref[0] != '\0' && succeeded(&result) ? take_id(git, &result) : NULL;
    if (*ret != NULL)
        return true;
    (void)err_set(err, ERR_USAGE, "--base: there is no commit \"%s\" in this clone", shown);
    if (git->shallow)
        err_hint(err, "The clone is shallow. Type `git fetch --unshallow`, and fetch the branch to "
                      "compare with.");
    else
        err_hint(err, "Type `git fetch`, and name a branch, tag or commit: `--base origin/main`.");
    return false;
}

static bool find_fork(const struct git *git, const char *tip, const char **ret, struct err *err)
{
    const char *const arguments[] = {"merge-base", tip, "HEAD", NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    const char *const shown = fs_printable(git->arena, git->ref);
    if (shown == NULL)
        return err_nomem(err);
    if (!run(git, arguments, (struct span){0}, &result, err))
        return false;
    *ret = succeeded(&result) ? take_id(git, &result) : NULL;
    if (*ret != NULL)
        return true;
    if (result.exit_code != 1)
        return fail(&result, err, "git cannot compare HEAD with the base");
    (void)err_set(err, ERR_USAGE, "--base: \"%s\" and HEAD have no common ancestor in this clone",
                  shown);
    if (git->shallow)
        err_hint(err, "The clone is shallow. Type `git fetch --unshallow`.");
    return false;
}

/* ---- files ---- */

static bool wanted(const char *path)
{
    const char *const slash = strchr(path, '/');
    if (slash != NULL && strchr(slash + 1, '/') != NULL)
        return false;
    return strcasestr(path, ".sql") != NULL ||
           (slash != NULL && strcmp(slash + 1, "metadata.toml") == 0);
}

/* One "mode type id<TAB>path". False when it is not that, or memory is out. */
static bool add_file(const struct git *git, const char *record, struct git_files *files,
                     struct blobs *blobs)
{
    const char *const type = strchr(record, ' ');
    const char *const id = type != NULL ? strchr(type + 1, ' ') : NULL;
    const char *const tab = id != NULL ? strchr(id + 1, '\t') : NULL;
    if (tab == NULL)
        return false;
    const bool regular = strncmp(record, "100", 3) == 0, link = strncmp(record, "120", 3) == 0;
    if ((!regular && !link) || !wanted(tab + 1))
        return true;
    struct set_file *const file = arena_push(git->arena, files);
    struct blob *const blob = arena_push(git->arena, blobs);
    if (file == NULL || blob == NULL)
        return false;
    file->path = arena_strdup(git->arena, tab + 1);
    blob->id = regular ? arena_strndup(git->arena, id + 1, (size_t)(tab - id - 1)) : "";
    return file->path != NULL && blob->id != NULL;
}

/* Adds the files of a commit, and for each of them its blob. */
static bool list_files(const struct git *git, const char *commit, struct git_files *files,
                       struct blobs *blobs, struct err *err)
{
    /* In a folder git lists that folder alone, with paths relative to it. */
    const char *const arguments[] = {"ls-tree", "-r", "-z", commit, NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    const size_t before = blobs->count;
    if (!run(git, arguments, (struct span){0}, &result, err))
        return false;
    if (!succeeded(&result))
        return fail(&result, err, "git cannot list the files of the base");
    const char *const end = str_text(&result.output) + result.output.len;
    for (const char *record = str_text(&result.output); record < end; record += strlen(record) + 1)
        if (!add_file(git, record, files, blobs))
            return err_nomem(err);
    for (size_t i = 0; i < files->count; i++) /* their addresses are settled now */
        blobs->items[before + i].file = &files->items[i];
    return true;
}

/* ---- texts ---- */

static int compare_blobs(const void *a, const void *b)
{
    const struct blob *const x = a, *const y = b;
    return strcmp(x->id, y->id);
}

static bool starts_run(const struct blobs *blobs, size_t i)
{
    return blobs->items[i].id[0] != '\0' &&
           (i == 0 || strcmp(blobs->items[i - 1].id, blobs->items[i].id) != 0);
}

/* Takes "id blob SIZE\n", the bytes and a line end off the front. */
static bool take_text(struct span *rest, const char *id, struct span *ret)
{
    const size_t id_len = strlen(id);
    const char *const end = memchr(rest->at, '\n', rest->len);
    const char *const line = rest->at;
    size_t size = 0;
    if (end == NULL || (size_t)(end - line) < id_len + 7 || memcmp(line, id, id_len) != 0 ||
        memcmp(line + id_len, " blob ", 6) != 0)
        return false;
    for (const char *digit = line + id_len + 6; digit < end; digit++) {
        if (!ascii_digit(*digit) || size > rest->len)
            return false;
        size = size * 10 + (size_t)(*digit - '0');
    }
    const size_t skipped = (size_t)(end - line) + 1;
    if (size >= rest->len - skipped)
        return false;
    *ret = (struct span){end + 1, size};
    *rest = (struct span){end + 1 + size + 1, rest->len - skipped - size - 1};
    return true;
}

static bool take_texts(const struct git *git, const struct blobs *blobs, struct span answers,
                       struct err *err)
{
    const char *text = NULL;
    struct span answer = {0};
    for (size_t i = 0; i < blobs->count; i++) {
        const struct blob *const blob = &blobs->items[i];
        if (blob->id[0] == '\0')
            continue;
        if (starts_run(blobs, i)) {
            if (!take_text(&answers, blob->id, &answer))
                return err_set(err, ERR_USAGE, "git does not have the text of \"%s\" (object %s)",
                               blob->file->path, blob->id);
            text = arena_strndup(git->arena, answer.at, answer.len);
            if (text == NULL)
                return err_nomem(err);
        }
        blob->file->text = text;
        blob->file->len = answer.len;
    }
    return true;
}

/* One git for all texts, each asked for once. */
static bool read_texts(const struct git *git, struct blobs *blobs, struct err *err)
{
    static const char *const arguments[] = {"cat-file", "--batch", NULL};
    CLEANUP(process_result_release) struct process_result result = {0};
    CLEANUP(str_release) struct str questions = {0};
    if (blobs->count == 0)
        return true;
    qsort(blobs->items, blobs->count, sizeof *blobs->items, compare_blobs);
    for (size_t i = 0; i < blobs->count; i++)
        if (starts_run(blobs, i))
            str_printf(&questions, "%s\n", blobs->items[i].id);
    if (questions.failed)
        return err_nomem(err);
    if (!run(git, arguments, (struct span){str_text(&questions), questions.len}, &result, err))
        return false;
    if (!succeeded(&result))
        return fail(&result, err, "git cannot read the files of the base");
    return take_texts(git, blobs, (struct span){str_text(&result.output), result.output.len}, err);
}

bool git_read_base(struct arena *arena, const char *folder, const char *ref, struct git_base *ret,
                   struct err *err)
{
    struct git git = {.arena = arena, .folder = folder, .ref = ref};
    struct blobs blobs = {0};
    *ret = (struct git_base){0};
    if (!check_repository(&git, err) || !find_tip(&git, &ret->tip, err) ||
        !find_fork(&git, ret->tip, &ret->fork, err) ||
        !list_files(&git, ret->tip, &ret->tip_files, &blobs, err) ||
        !list_files(&git, ret->fork, &ret->fork_files, &blobs, err))
        return false;
    return read_texts(&git, &blobs, err);
}
