/* Making, leaving and sweeping folders that do not outlive a run. */
#include "check/scratch_folder.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "check/owner.h"
#include "db/wait.h"

#define PREFIX      "pawl_scratch_"
#define KEPT_PREFIX "pawl_kept_"

enum {
    PARENT_MAX_BYTES = 40, /* a socket may be in it, and its path has 107 */
    PID_FILE_MAX_BYTES = 4096,
    TRIES = 20,
    PAUSE_MS = 10,
};

/* The list of a server's folders for sockets has commas and quotes; pg_ctl has a shell expand the
 * path. */
static const char *parent_folder(void)
{
    static const char unfit[] = ",\"$`\\";
    const char *const given = getenv("TMPDIR");
    const bool fits = given != NULL && given[0] == '/' && strlen(given) <= PARENT_MAX_BYTES &&
                      strpbrk(given, unfit) == NULL;
    return fits ? given : "/tmp";
}

static bool is_ours(const struct passwd *user, const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
           (status.st_uid == geteuid() || (user != NULL && status.st_uid == user->pw_uid));
}

/* Of a server in it: the signal of the parent's death has reached it, and it may be on its way out.
 */
static bool still_runs(struct arena *arena, const char *folder)
{
    CLEANUP(err_release) struct err ignored = {0};
    char *text = NULL, link[64], works_in[256];
    size_t len = 0;
    const char *const data = fs_join(arena, folder, "data");
    const char *const file = arena_printf(arena, "%s/data/postmaster.pid", folder);
    if (data == NULL || file == NULL)
        return true;
    if (!fs_read(arena, file, PID_FILE_MAX_BYTES, &text, &len, &ignored))
        return false;
    (void)snprintf(link, sizeof link, "/proc/%ld/cwd", strtol(text, NULL, 10));
    const ssize_t got = readlink(link, works_in, sizeof works_in - 1);
    if (got < 0)
        return false;
    works_in[got] = '\0';
    return strcmp(works_in, data) == 0;
}

/* What cannot be removed stays for a later run. */
static bool sweep(struct arena *arena, const struct passwd *user, struct err *err)
{
    struct fs_names names = {0};
    if (!fs_list(arena, parent_folder(), &names, err))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        CLEANUP(err_release) struct err stays = {0};
        struct owner owner;
        const char *rest;
        if (strncmp(names.items[i], PREFIX, strlen(PREFIX)) != 0 ||
            !owner_read(names.items[i] + strlen(PREFIX), &owner, &rest) || rest[0] != '_' ||
            !owner_is_dead(&owner))
            continue;
        const char *const path = fs_join(arena, parent_folder(), names.items[i]);
        if (path == NULL)
            return err_nomem(err);
        if (is_ours(user, path) && !still_runs(arena, path) && !fs_remove_folder(path, &stays))
            continue;
    }
    return true;
}

bool scratch_folder_make(struct arena *arena, const struct passwd *user, const char **ret,
                         struct err *err)
{
    struct owner self;
    owner_self(&self);
    const char *const name = owner_name(arena, &self);
    char *const folder =
        name == NULL ? NULL : arena_printf(arena, "%s/" PREFIX "%s_XXXXXX", parent_folder(), name);
    if (folder == NULL)
        return err_nomem(err);
    if (!sweep(arena, user, err))
        return false;
    if (mkdtemp(folder) == NULL)
        return err_errno(err, ERR_USAGE, "cannot make a folder in %s", parent_folder());
    *ret = folder;
    return user == NULL || chown(folder, user->pw_uid, user->pw_gid) == 0 ||
           err_errno(err, ERR_USAGE, "cannot give %s to the user \"%s\"", folder, user->pw_name);
}

bool scratch_folder_leave(struct arena *arena, const char *folder, const char **ret,
                          struct err *err)
{
    const char *const unique = strrchr(folder, '_') + 1;
    *ret = arena_printf(arena, "%s/" KEPT_PREFIX "%s", parent_folder(), unique);
    return *ret != NULL ? fs_rename(folder, *ret, err) : err_nomem(err);
}

/* A process of a server may make one more file while the folder is emptied. */
void scratch_folder_remove(const char *folder)
{
    const struct wait wait = {.cancel_fd = -1};
    for (int i = 0; i < TRIES; i++) {
        CLEANUP(err_release) struct err stays = {0};
        if (fs_remove_folder(folder, &stays) || !wait_sleep(PAUSE_MS, &wait, &stays))
            return;
    }
}
