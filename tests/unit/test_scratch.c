/* check/scratch_folder, check/owner, base/companion and the removing of folders. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/companion.h"
#include "base/fs.h"
#include "check/owner.h"
#include "check/scratch_folder.h"

static char parent[] = "/tmp/pawl-unit-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(parent) == NULL || setenv("TMPDIR", parent, 1) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    struct err err = {0};
    return !fs_remove_folder(parent, &err);
}

static const char *make(struct arena *arena, const char *name, const char *text)
{
    struct err err = {0};
    const char *const path = arena_printf(arena, "%s/%s", parent, name);
    if (text == NULL)
        assert_true(fs_make_folder(path, &err));
    else
        assert_true(fs_write(path, text, strlen(text), &err));
    return path;
}

static void a_folder_goes_and_what_its_links_name_stays(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err = {0};
    const char *const kept = make(&arena, "kept", NULL);
    const char *const inside = make(&arena, "kept/inside", "x");
    const char *const folder = make(&arena, "gone", NULL);
    (void)make(&arena, "gone/deep", NULL);
    (void)make(&arena, "gone/deep/deeper", NULL);
    (void)make(&arena, "gone/deep/deeper/file", "x");
    assert_int_equal(symlink(kept, arena_printf(&arena, "%s/link", folder)), 0);
    const char *const link = arena_printf(&arena, "%s/link", parent);
    assert_int_equal(symlink(kept, link), 0);
    assert_true(fs_remove_folder(folder, &err));
    assert_false(fs_exists(folder));
    assert_true(fs_remove_folder(folder, &err)); /* gone already */
    assert_false(fs_remove_folder(link, &err));  /* a link is no folder */
    assert_true(fs_exists(inside));
    err_release(&err);
    arena_release(&arena);
}

static void leftovers_of_the_dead_are_swept(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err = {0};
    struct owner self, read;
    const char *folder, *kept, *rest;
    owner_self(&self);
    assert_false(owner_is_dead(&self));
    assert_true(owner_read(arena_printf(&arena, "%s_x", owner_name(&arena, &self)), &read, &rest));
    assert_string_equal(rest, "_x");
    assert_string_equal(read.pid, self.pid);
    assert_false(owner_read("0123_1_2_x", &read, &rest));
    const char *const dead =
        make(&arena, arena_printf(&arena, "pawl_scratch_%s_1_1_x", self.hash), NULL);
    const char *const file =
        make(&arena, arena_printf(&arena, "pawl_scratch_%s_1_1_file", self.hash), "x");
    assert_true(scratch_folder_make(&arena, NULL, &folder, &err));
    struct stat status;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_false(fs_exists(dead));
    assert_true(fs_exists(file));
    assert_true(scratch_folder_leave(&arena, folder, &kept, &err));
    assert_true(scratch_folder_make(&arena, NULL, &folder, &err)); /* sweeps again */
    assert_true(fs_is_folder(kept));
    scratch_folder_remove(folder);
    assert_false(fs_exists(folder));
    arena_release(&arena);
}

static bool start(const char *const *arguments, struct companion *companion, struct err *err)
{
    char log[sizeof parent + 8];
    (void)snprintf(log, sizeof log, "%s/log", parent);
    const struct companion_options options = {
        .arguments = arguments, .folder = parent, .log = log, .end_signal = SIGKILL};
    return companion_start(&options, companion, err);
}

static void a_companion_is_started_and_ended(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct err err = {0};
    struct companion companion;
    bool ok = false;
    const char *const says[] = {"/bin/sh", "-c", "pwd; exit 0", NULL};
    assert_true(start(says, &companion, &err));
    while (!companion_ended(&companion, &ok))
        usleep(1000);
    assert_true(ok);
    char *text;
    size_t len;
    assert_true(fs_read(&arena, arena_printf(&arena, "%s/log", parent), 1000, &text, &len, &err));
    assert_non_null(strstr(text, parent));
    const char *const stubborn[] = {"/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done",
                                    NULL};
    assert_true(start(stubborn, &companion, &err));
    companion_end(&companion, SIGTERM, 50);
    assert_int_equal(companion.pid, 0);
    const char *const absent[] = {"/bin/no-such-program", NULL};
    assert_false(start(absent, &companion, &err));
    assert_int_equal(companion.pid, 0);
    assert_non_null(strstr(err.message, "cannot start \"/bin/no-such-program\""));
    err_release(&err);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_goes_and_what_its_links_name_stays),
        cmocka_unit_test(leftovers_of_the_dead_are_swept),
        cmocka_unit_test(a_companion_is_started_and_ended),
    };
    return cmocka_run_group_tests_name("scratch", tests, set_up, tear_down);
}
