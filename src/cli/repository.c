/* Finding a repository's root, and naming files from there. */
#include "cli/repository.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

bool repository_find(struct arena *arena, struct repository *ret)
{
    char folder[PATH_MAX];
    *ret = (struct repository){.prefix = ""};
    /* A folder so deep that it has no path is named from itself. */
    if (getcwd(folder, sizeof folder) == NULL || folder[0] != '/')
        return true;
    for (size_t len = strlen(folder); len > 0; len--) {
        if (folder[len] != '\0' && folder[len] != '/')
            continue;
        const char *const root = arena_strndup(arena, folder, len);
        const char *const git = root != NULL ? arena_printf(arena, "%s/.git", root) : NULL;
        if (git == NULL)
            return false;
        if (!fs_exists(git))
            continue;
        ret->root = root;
        ret->prefix = arena_strdup(arena, folder[len] == '/' ? folder + len + 1 : "");
        return ret->prefix != NULL;
    }
    return true;
}

/* Takes the last part off; false when there is none, or it is "..". */
static bool leave(struct str *path)
{
    const char *const text = str_text(path);
    const char *const slash = strrchr(text, '/');
    const char *const last = slash != NULL ? slash + 1 : text;
    if (path->failed || path->len == 0 || strcmp(last, "..") == 0)
        return false;
    path->len = slash != NULL ? (size_t)(slash - text) : 0;
    path->data[path->len] = '\0';
    return true;
}

static void enter(struct str *path, const char *parts)
{
    for (size_t len; *parts != '\0'; parts += len + (parts[len] == '/')) {
        const struct span part = {parts, len = strcspn(parts, "/")};
        if (len == 0 || span_is(part, ".") || (span_is(part, "..") && leave(path)))
            continue;
        str_puts(path, path->len > 0 ? "/" : "");
        str_append(path, part.at, part.len);
    }
}

const char *repository_path(struct arena *arena, const struct repository *repository,
                            const char *path)
{
    CLEANUP(str_release) struct str out = {0};
    const size_t root_len = repository->root != NULL ? strlen(repository->root) : 0;
    if (path[0] == '/' &&
        (root_len == 0 || strncmp(path, repository->root, root_len) != 0 || path[root_len] != '/'))
        return path;
    enter(&out, path[0] == '/' ? "" : repository->prefix);
    enter(&out, path[0] == '/' ? path + root_len : path);
    return out.failed ? NULL : arena_strndup(arena, str_text(&out), out.len);
}
