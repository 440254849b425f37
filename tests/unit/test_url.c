/* conf/url: where a database is, and that no secret shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "conf/url.h"

struct fixture {
    struct arena arena;
    struct err err;
    struct url url;
};

static void release(struct fixture *fixture)
{
    arena_release(&fixture->arena);
    err_release(&fixture->err);
}

static void sqlite_paths(void **state)
{
    (void)state;
    static const struct {
        const char *text, *folder, *location;
    } cases[] = {
        {"sqlite:pawl.db", ".", "pawl.db"},
        {"sqlite:pawl.db", "conf", "conf/pawl.db"},
        {"sqlite:/abs/p.db", "conf", "/abs/p.db"},
        {"sqlite:./p.db", ".", "./p.db"},
        {"sqlite://path/p.db", ".", "path/p.db"},
        {"sqlite:////abs/p.db", "conf", "/abs/p.db"},
        {"  sqlite:a b=c@d.db \n", ".", "a b=c@d.db"},
        {"sqlite:%41.db", ".", "%41.db"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        assert_true(url_parse(&f.arena, cases[i].text, cases[i].folder, &f.url, &f.err));
        assert_int_equal(f.url.engine, ENGINE_SQLITE);
        assert_string_equal(f.url.location, cases[i].location);
        assert_string_equal(f.url.display + strlen("sqlite:"), cases[i].location);
        assert_false(f.url.secret);
    }
}

static void postgres_display(void **state)
{
    (void)state;
    static const struct {
        const char *text, *display;
        bool secret;
    } cases[] = {
        /* URIs */
        {"postgres://h/db", "postgres://h/db", false},
        {"postgresql://", "postgresql://", false},
        {"postgres:///db", "postgres:///db", false},
        {"postgres://u@h:5432/db", "postgres://u@h:5432/db", false},
        {"postgres://u:p@h/db", "postgres://u@h/db", true},
        {"postgres://:p@h/db", "postgres://h/db", true},
        {"postgres://u:a:b:c@h/db", "postgres://u@h/db", true},
        {"postgres://u%3Ax:p%40ss%2F@h/db", "postgres://u%3Ax@h/db", true},
        {"postgres://u:p@a:1,b:2,[::1]:3/db", "postgres://u@a:1,b:2,[::1]:3/db", true},
        {"postgres://u@%2Ftmp/db", "postgres://u@%2Ftmp/db", false},
        {"postgres://h/db?password=x&sslmode=require", "postgres://h/db?sslmode=require", true},
        {"postgres://h/db?sslmode=require&password=x", "postgres://h/db?sslmode=require", true},
        {"postgres://h/db?password=x", "postgres://h/db", true},
        {"postgres://h/db?sslpassword=x&user=u", "postgres://h/db?user=u", true},
        {"postgres://h/db?pass%77ord=x&user=u", "postgres://h/db?user=u", true},
        {"postgres://h/db?pasword=x", "postgres://h/db", true},
        {"postgres://h?user=u&password=a%26b", "postgres://h?user=u", true},
        {"postgres:///db?host=/tmp&user=a@b", "postgres:///db?host=/tmp&user=a@b", false},
        /* conninfo */
        {"host=/tmp dbname=x", "host=/tmp dbname=x", false},
        {"host=/tmp password='a b\\'c' dbname=x", "host=/tmp dbname=x", true},
        {"password=secret", "", true},
        {"password = secret user = u", "user=u", true},
        {"password= secret user=u", "user=u", true},
        {"password=a\\ b user=u", "user=u", true},
        {"password='a\\\\' user=u", "user=u", true},
        {"password=''user=u", "user=u", true},
        {"host='a b' sslpassword='x'  port=1", "host='a b' port=1", true},
        {"user=u pasword=x", "user=u", true},
        {"  host = h  ", "host=h", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        if (!url_parse(&f.arena, cases[i].text, ".", &f.url, &f.err))
            fail_msg("%s: %s", cases[i].text, f.err.message);
        assert_int_equal(f.url.engine, ENGINE_POSTGRES);
        assert_string_equal(f.url.display, cases[i].display);
        assert_int_equal(f.url.secret, cases[i].secret);
        assert_non_null(strstr(cases[i].text, f.url.location)); /* as written, less blanks */
    }
}

static void bad_urls_are_refused_without_their_secret(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"", "the URL is empty", "Write sqlite:PATH"},
        {"   ", "the URL is empty", NULL},
        {"sqlite:", "has no path", "sqlite:pawl.db"},
        {"sqlite://", "has no path", NULL},
        {"sqlite::memory:", "nothing would remain", NULL},
        {"sqlite:file:x?mode=memory", "nothing would remain", NULL},
        {"sqlite:x.db?mode=ro", "no parameters", NULL},
        {"sqlite:folder/", "is a folder", NULL},
        {"sqlite:///x.db", "relative path by some tools", "sqlite:x.db for a path from here"},
        {"pawl.db", "\"pawl.db\" is not a URL", "Did you mean sqlite:pawl.db?"},
        {"data/pawl.db", "is not a URL", "Did you mean sqlite:data/pawl.db?"},
        {"/var/a=b.db", "the URL has no scheme", NULL},
        {"mysql://u:hunter2@h/db", "scheme \"mysql:\"", "postgres://"},
        {"sqlite3:x.db", "scheme \"sqlite3:\"", "Write sqlite:PATH."},
        {"jdbc:postgresql://h/db?password=hunter2", "scheme \"jdbc:\"", "Leave out"},
        {"postgrse://u:hunter2@h/db", "scheme \"postgrse:\"", "Did you mean \"postgres:\"?"},
        {"Postgres://u:hunter2@h/db", "scheme \"Postgres:\"", "Two slashes"},
        {"postgres:h", "scheme \"postgres:\"", "Two slashes"},
        {"u:hunter2@h/db", "scheme \"u:\"", NULL},
        {"hunter2@h/db", "no scheme", NULL},
        {"postgres//u:hunter2", "no scheme", NULL},
        {"postgres://u:hunter2@ss@h/db", "raw \"@\"", "%40"},
        {"postgres://u:hunter2/x@h/db", "raw \"@\"", "%2F"},
        {"postgres://u:hunter2?x@h/db", "raw \"?\"", "%3F"},
        {"postgres://u:hunter2/s?x@h/db", "port", "%2F"},
        {"postgres://u:hunter2%@h/db", "\"%\"", "%25"},
        {"postgres://u:hunter2%4@h/db", "\"%\"", NULL},
        {"postgres://u:hunter2%00@h/db", "\"%\"", NULL},
        {"postgres://h/db?hunter2", "name=value", NULL},
        {"postgres://h/db?password=hunter2=", "name=value", "%3D"},
        {"host=h password=hunter1 hunter2", "has no \"=\"", "quotes"},
        {"host=h password='hunter2", "never closed", NULL},
        {"host=h =hunter2", "has no \"=\"", NULL},
        {"dbname=postgres://u:hunter2@h", "holds a URL", NULL},
        {"dbname='password=hunter2'", "holds a \"=\"", NULL},
        {"postgres://u:hunter2\x01@h/db", "control character", NULL},
        {"postgres://u:hunter2\xff@h/db", "not UTF-8", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        if (url_parse(&f.arena, cases[i].text, ".", &f.url, &f.err))
            fail_msg("accepted: %s", cases[i].text);
        assert_int_equal(f.err.code, ERR_USAGE);
        if (strstr(f.err.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, f.err.message);
        if (cases[i].hint != NULL)
            assert_non_null(strstr(f.err.hint, cases[i].hint));
        assert_null(strstr(f.err.message, "hunter"));
        assert_true(f.err.hint == NULL || strstr(f.err.hint, "hunter") == NULL);
        assert_true(f.err.detail == NULL || strstr(f.err.detail, "hunter") == NULL);
    }
}

static void every_cut_of_a_url_is_safe_to_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "postgres://u:hunter%40@[::1]:5432,b/db?password=hunter&sslmode=require",
        "host=/tmp password='hunter\\'x' dbname=x sslpassword=hunter\\ b",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            CLEANUP(release) struct fixture f = {0};
            char *cut = arena_strndup(&f.arena, texts[i], len);
            assert_non_null(cut);
            if (url_parse(&f.arena, cut, ".", &f.url, &f.err))
                assert_null(strstr(f.url.display, "hunter"));
            else
                assert_null(strstr(f.err.message, "hunter"));
        }
}

static void pointers_are_followed_once(void **state)
{
    (void)state;
    static const struct {
        const char *text, *held, *display, *message; /* display NULL: refused */
    } cases[] = {
        {"env:PAWL_TEST_URL", "postgres://u:hunter2@h/db", "postgres://u@h/db", NULL},
        {"env:PAWL_TEST_URL", " sqlite:x.db\n", "sqlite:x.db", NULL},
        {"env:PAWL_TEST_URL", NULL, NULL, "\"PAWL_TEST_URL\" is not set"},
        {"env:PAWL_TEST_URL", "", NULL, "is empty"},
        {"env:PAWL_TEST_URL", "env:PATH", NULL, "points on"},
        {"env:PAWL_TEST_URL", "file:x", NULL, "points on"},
        {"env:PAWL_TEST_URL", "hunter2", NULL, "env:PAWL_TEST_URL: the URL has no scheme"},
        {"env:PAWL_TEST_URL", "hunter2:x", NULL, "scheme"},
        {"env:PAWL_TEST_URL", "sqlite:", NULL, "no path"},
        {"env:", NULL, NULL, "names nothing"},
        {"file:", NULL, NULL, "names nothing"},
        {"file:/nonexistent/url", NULL, NULL, "cannot read /nonexistent/url"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(release) struct fixture f = {0};
        if (cases[i].held != NULL)
            assert_int_equal(setenv("PAWL_TEST_URL", cases[i].held, 1), 0);
        const bool read = url_parse(&f.arena, cases[i].text, ".", &f.url, &f.err);
        assert_int_equal(unsetenv("PAWL_TEST_URL"), 0);
        assert_int_equal(read, cases[i].display != NULL);
        if (read) {
            assert_string_equal(f.url.display, cases[i].display);
            continue;
        }
        assert_int_equal(f.err.code, ERR_USAGE);
        if (strstr(f.err.message, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, f.err.message);
        assert_null(strstr(f.err.message, "hunter2"));
    }
}

static void a_file_holds_the_url(void **state)
{
    (void)state;
    CLEANUP(release) struct fixture f = {0};
    char folder[] = "/tmp/pawl-url-XXXXXX";
    static const char text[] = "postgres://u:hunter2@h/db\n";
    assert_non_null(mkdtemp(folder));
    char *path = fs_join(&f.arena, folder, "url");
    assert_non_null(path);
    assert_true(fs_write(path, text, sizeof text - 1, &f.err));
    const bool read = url_parse(&f.arena, "file:url", folder, &f.url, &f.err);
    assert_true(fs_write(path, "a\0b", 3, &f.err));
    struct url other;
    const bool nul = url_parse(&f.arena, "file:url", folder, &other, &f.err);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_true(read);
    assert_false(nul);
    assert_string_equal(f.url.location, "postgres://u:hunter2@h/db");
    assert_string_equal(f.url.display, "postgres://u@h/db");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlite_paths),
        cmocka_unit_test(postgres_display),
        cmocka_unit_test(bad_urls_are_refused_without_their_secret),
        cmocka_unit_test(every_cut_of_a_url_is_safe_to_read),
        cmocka_unit_test(pointers_are_followed_once),
        cmocka_unit_test(a_file_holds_the_url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
