/* check: what a checkout does to the migrations of its base; base/process: running programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "check/base.h"
#include "check/rules.h"
#include "sql/facts_form.h"

/* ---- processes ---- */

struct run {
    struct process_result result;
    struct err err;
    bool ok;
};

static struct run run_shell(const char *script, struct span input, size_t max_output_bytes,
                            int64_t timeout_ms)
{
    static const char *const changes[] = {"PAWL_TEST_NEW=new value", "PAWL_TEST_GONE", NULL};
    const char *const arguments[] = {"sh", "-c", script, "name", "a b", "$(echo no)", NULL};
    const struct process process = {.arguments = arguments,
                                    .environment = changes,
                                    .input = input,
                                    .max_output_bytes = max_output_bytes,
                                    .timeout_ms = timeout_ms};
    struct run run = {0};
    run.ok = process_run(&process, &run.result, &run.err);
    return run;
}

static void release_run(struct run *run)
{
    process_result_release(&run->result);
    err_release(&run->err);
}

static void assert_no_child(void)
{
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void a_program_runs_to_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *script, *output, *message;
        int exit_code, signal;
    } rows[] = {
        {"echo out; echo err >&2", "out\n", "err\n", 0, 0},
        {"exit 7", "", "", 7, 0},
        {"kill -TERM $$", "", "", -1, SIGTERM},
        {"printf '%s|' \"$1\" \"$2\"", "a b|$(echo no)|", "", 0, 0},
        {"echo \"$PAWL_TEST_NEW${PAWL_TEST_GONE-}\"", "new value\n", "", 0, 0},
        {"echo \"$PAWL_TEST_KEPT\"", "kept\n", "", 0, 0},
        {"cat", "given", "", 0, 0},
        {"kill -PIPE $$", "", "", -1, SIGPIPE}, /* although it is ignored here */
        {"exec >&- 2>&-; exit 3", "", "", 3, 0},
    };
    assert_int_equal(setenv("PAWL_TEST_GONE", "still here", 1), 0);
    assert_int_equal(setenv("PAWL_TEST_KEPT", "kept", 1), 0);
    assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct run run = run_shell(rows[i].script, (struct span){"given", 5}, 0, 30000);
        assert_true(run.ok);
        assert_string_equal(str_text(&run.result.output), rows[i].output);
        assert_string_equal(str_text(&run.result.message), rows[i].message);
        assert_int_equal(run.result.exit_code, rows[i].exit_code);
        assert_int_equal(run.result.signal, rows[i].signal);
        release_run(&run);
        assert_no_child();
    }
    assert_true(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
}

static void much_goes_in_and_out_at_once(void **state)
{
    (void)state;
    enum { BYTES = 3 << 20 };
    char *const text = test_malloc(BYTES);
    memset(text, 'x', BYTES);
    struct run run =
        run_shell("cat; head -c 1000000 /dev/zero >&2", (struct span){text, BYTES}, 0, 30000);
    assert_true(run.ok);
    assert_int_equal(run.result.output.len, BYTES);
    assert_memory_equal(run.result.output.data, text, BYTES);
    assert_int_equal(run.result.message.len, PROCESS_MAX_MESSAGE_BYTES);
    release_run(&run);
    test_free(text);
}

static void a_program_that_misbehaves_is_ended(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        size_t max_output_bytes;
        int64_t timeout_ms;
        const char *message;
    } rows[] = {
        {"exec sleep 60", 0, 200, "\"sh\" did not end within 200 ms"},
        {"exec sleep 60 >&- 2>&-", 0, 200, "\"sh\" did not end within 200 ms"},
        {"trap '' TERM; exec sleep 60", 0, 200, "\"sh\" did not end within 200 ms"},
        {"exec cat /dev/zero", 100000, 30000, "\"sh\" gave more than 100000 bytes"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const int64_t start_ms = clock_monotonic_ms();
        struct run run = run_shell(rows[i].script, (struct span){0}, rows[i].max_output_bytes,
                                   rows[i].timeout_ms);
        assert_false(run.ok);
        assert_int_equal(run.err.code, ERR_USAGE);
        assert_string_equal(run.err.message, rows[i].message);
        assert_true(clock_monotonic_ms() - start_ms < 20000);
        release_run(&run);
        assert_no_child();
    }
}

static void a_program_that_is_not_there_is_named(void **state)
{
    (void)state;
    static const char *const arguments[] = {"pawl-no-such-program", NULL};
    const struct process process = {.arguments = arguments, .timeout_ms = 1000};
    struct process_result result;
    struct err err = {0};
    assert_false(process_run(&process, &result, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.message, "there is no program \"pawl-no-such-program\" in PATH");
    process_result_release(&result);
    err_release(&err);
    assert_no_child();
}

/* The request comes from the program itself: while it may still say something, and when it may not.
 */
static void a_program_is_ended_on_request(void **state)
{
    (void)state;
    static const char *const starts[] = {"", "exec >&- 2>&-; sleep 0.1;"};
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        char script[80];
        const char *const arguments[] = {"sh", "-c", script, NULL};
        int ends[2];
        struct process_result result;
        struct err err = {0};
        assert_int_equal(pipe(ends), 0);
        (void)snprintf(script, sizeof script, "%s echo >&%d; exec sleep 30", starts[i], ends[1]);
        const struct process process = {
            .arguments = arguments, .timeout_ms = 30000, .cancel_fd = ends[0]};
        assert_false(process_run(&process, &result, &err));
        assert_int_equal(err.code, ERR_SIGNAL);
        process_result_release(&result);
        err_release(&err);
        assert_no_child();
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
    }
}

/* ---- the base ---- */

enum { MAX_FILES = 8 };

/* A set from lines "name text"; a text of "?" is not known. */
static void make_set(struct arena *arena, enum naming naming, const char *lines, struct set *ret,
                     struct migration_index *ret_index)
{
    const struct set_options options = {
        .folder = "m", .naming = naming, .dialect = DIALECT_POSTGRES};
    struct set_file files[MAX_FILES];
    struct findings findings = {0};
    struct err err = {0};
    size_t count = 0;
    for (const char *line = lines; *line != '\0'; line += strcspn(line, "\n") + 1) {
        const size_t len = strcspn(line, "\n"), name_len = strcspn(line, " ");
        char *const text = arena_strndup(arena, line + name_len + 1, len - name_len - 1);
        assert_true(count < MAX_FILES);
        assert_non_null(text);
        files[count].path = arena_strndup(arena, line, name_len);
        files[count].text = strcmp(text, "?") == 0 ? NULL : text;
        files[count++].len = strlen(text);
    }
    struct set_file *const kept = arena_alloc(arena, (count + 1) * sizeof *kept);
    assert_non_null(kept);
    memcpy(kept, files, count * sizeof *kept);
    assert_true(set_load_files(arena, &options, kept, count, ret, &findings, &err));
    ret_index->items = arena_alloc(arena, (ret->count + ret->odd.count + 1) * sizeof *ret->by_id);
    assert_non_null(ret_index->items);
    for (size_t i = 0; i < ret->count; i++)
        ret_index->items[ret_index->count++] = ret->by_id[i];
    assert_int_equal(ret->odd.count, 0);
}

struct comparison_row {
    const char *fork, *tip, *here; /* files, one a line, sorted; each line ends */
    const char *expected;          /* "severity rule file", one a line, in any order of ours */
};

static void check_row(enum naming naming, const struct comparison_row *row)
{
    struct arena arena = {0};
    struct base base = {.ref = "main", .fork = "0123456789abcdef0123456789abcdef01234567"};
    struct migration_index unused = {0};
    struct set set;
    struct findings findings = {0};
    struct err err = {0};
    struct str found = {0};
    make_set(&arena, naming, row->fork, &base.fork_set, &base.fork_index);
    make_set(&arena, naming, row->tip, &base.tip_set, &base.tip_index);
    make_set(&arena, naming, row->here, &set, &unused);
    assert_true(base_compare(&arena, &base, &set, false, &findings, &err));
    for (size_t i = 0; i < findings.count; i++)
        str_printf(&found, "%s %s %s\n", severity_name(findings.items[i].severity),
                   findings.items[i].rule, findings.items[i].file);
    if (strcmp(str_text(&found), row->expected) != 0)
        print_error("fork:\n%stip:\n%shere:\n%s", row->fork, row->tip, row->here);
    assert_string_equal(str_text(&found), row->expected);
    str_release(&found);
    arena_release(&arena);
}

static void sequences_are_compared(void **state)
{
    (void)state;
    static const struct comparison_row rows[] = {
        {"", "", "", ""},
        {"1_a.sql A\n", "1_a.sql A\n", "1_a.sql A\n", ""},
        {"1_a.sql A\n", "1_a.sql A\n", "1_a.sql A\n2_b.sql B\n", ""},
        /* Edited: not by a comment, not by the base itself, not where the base has the same. */
        {"1_a.sql A\n", "1_a.sql A\n", "1_a.sql B\n", "error edited-since-base m/1_a.sql\n"},
        {"1_a.sql A\n", "1_a.sql A\n", "1_a.sql a /* x */\n", ""},
        {"1_a.sql A\n", "1_a.sql B\n", "1_a.sql A\n", ""},
        {"1_a.sql A\n", "1_a.sql B\n", "1_a.sql B\n", ""},
        {"1_a.sql A\n", "1_a.sql B\n", "1_a.sql C\n", "error edited-since-base m/1_a.sql\n"},
        {"1_a.sql A\n", "", "1_a.sql B\n", ""},
        {"1_a.sql ?\n", "1_a.sql ?\n", "1_a.sql B\n", ""},
        /* Removed: not where the base removed it too; trimmed from the start is a note. */
        {"1_a.sql A\n", "1_a.sql A\n", "", "error removed-since-base m/1_a.sql\n"},
        {"1_a.sql A\n2_b.sql B\n", "1_a.sql A\n2_b.sql B\n", "1_a.sql A\n",
         "error removed-since-base m/2_b.sql\n"},
        {"1_a.sql A\n2_b.sql B\n3_c.sql C\n", "1_a.sql A\n2_b.sql B\n3_c.sql C\n",
         "1_a.sql A\n3_c.sql C\n", "error removed-since-base m/2_b.sql\n"},
        {"1_a.sql A\n2_b.sql B\n", "1_a.sql A\n2_b.sql B\n", "2_b.sql B\n",
         "note removed-since-base m/1_a.sql\n"},
        {"1_a.sql A\n", "1_a.sql A\n", "2_b.sql B\n", "error removed-since-base m/1_a.sql\n"},
        {"1_a.sql A\n", "", "", ""},
        {"1_a.sql A\n2_b.sql A\n", "1_a.sql A\n2_b.sql A\n", "1_a.sql A\n",
         "error removed-since-base m/2_b.sql\n"},
        {"1_a.sql ?\n", "1_a.sql ?\n", "2_b.sql B\n", "error removed-since-base m/1_a.sql\n"},
        /* Renamed: never out of order; behind a younger one it is doubtful. */
        {"1_a.sql A\n2_b.sql B\n", "1_a.sql A\n2_b.sql B\n", "1_x.sql A\n2_b.sql B\n",
         "note renamed-since-base m/1_x.sql\n"},
        {"1_a.sql A\n2_b.sql B\n", "1_a.sql A\n2_b.sql B\n", "2_b.sql B\n3_a.sql A\n",
         "warning renamed-since-base m/3_a.sql\n"},
        {"9_a.sql A\n", "9_a.sql A\n", "2_a.sql A\n3_b.sql B\n",
         "note renamed-since-base m/2_a.sql\n"},
        {"1_a.sql A\n2_b.sql A\n", "1_a.sql A\n2_b.sql A\n", "1_x.sql A\n",
         "note renamed-since-base m/1_x.sql\nerror removed-since-base m/2_b.sql\n"},
        {"1_a.sql \n", "1_a.sql \n", "2_b.sql \n", "error removed-since-base m/1_a.sql\n"},
        /* Late. */
        {"1_a.sql A\n", "1_a.sql A\n3_c.sql C\n", "1_a.sql A\n2_b.sql B\n",
         "error out-of-order m/2_b.sql\n"},
        {"1_a.sql A\n", "1_a.sql A\n3_c.sql C\n", "1_a.sql A\n4_b.sql B\n", ""},
        {"2_a.sql A\n", "2_a.sql A\n", "1_b.sql B\n2_a.sql A\n", "error out-of-order m/1_b.sql\n"},
        {"10_a.sql A\n", "10_a.sql A\n", "10_a.sql A\n9_b.sql B\n",
         "error out-of-order m/9_b.sql\n"},
        /* The same version, or the same name, on both branches. */
        {"1_a.sql A\n", "1_a.sql A\n2_c.sql C\n", "1_a.sql A\n2_b.sql B\n",
         "error duplicate-version m/2_b.sql\n"},
        {"1_a.sql A\n", "002_c.sql C\n1_a.sql A\n", "1_a.sql A\n2_b.sql B\n",
         "error duplicate-version m/2_b.sql\n"},
        {"1_a.sql A\n", "1_a.sql A\n2_b.sql C\n", "1_a.sql A\n2_b.sql B\n",
         "error duplicate-version m/2_b.sql\n"},
        {"1_a.sql A\n", "1_a.sql A\n2_b.sql B\n", "1_a.sql A\n2_b.sql B\n", ""},
        /* A squash stands where those stood that it replaces (its text is a comment here). */
        {"1_a.sql A\n2_b.sql B\n3_c.sql C\n", "1_a.sql A\n2_b.sql B\n3_c.sql C\n",
         "2_s.sql -- pawl: replaces=1_a..2_b\n3_c.sql C\n", ""},
        {"1_a.sql A\n2_b.sql B\n3_c.sql C\n", "1_a.sql A\n2_b.sql B\n3_c.sql C\n",
         "2_s.sql -- pawl: replaces=2_b..2_b\n3_c.sql C\n", "error removed-since-base m/1_a.sql\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_row(NAMING_SEQUENCE, &rows[i]);
}

static void repeatables_may_change(void **state)
{
    (void)state;
    static const struct comparison_row rows[] = {
        {"R__v.sql A\n", "R__v.sql A\n", "R__v.sql B\n", ""},
        {"R__v.sql A\nV2__b.sql B\n", "R__v.sql A\nV2__b.sql B\n",
         "R__v.sql A\nR__w.sql C\nV2__b.sql B\n", ""},
        {"R__v.sql A\n", "R__v.sql A\n", "", "error removed-since-base m/R__v.sql\n"},
        {"V1.9__a.sql A\n", "V1.10__b.sql B\nV1.9__a.sql A\n", "V1.9.5__c.sql C\nV1.9__a.sql A\n",
         "error out-of-order m/V1.9.5__c.sql\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_row(NAMING_FLYWAY, &rows[i]);
}

static void folders_are_read_from_given_files(void **state)
{
    (void)state;
    static const struct comparison_row rows[] = {
        {"20250101000000_a/down.sql x\n20250101000000_a/up.sql A\n", "20250101000000_a/up.sql A\n",
         "20250101000000_a/migration.sql A\n", ""},
        {"20250101000000_a/up.sql A\n", "20250101000000_a/up.sql A\n",
         "20250101000000_a/up.sql B\n", "error edited-since-base m/20250101000000_a/up.sql\n"},
        {"20250101000000_a/up.sql A\n", "20250101000000_a/up.sql A\n",
         "20250101000000_a/metadata.toml run_in_transaction = false\n"
         "20250101000000_a/up.sql A\n",
         "error edited-since-base m/20250101000000_a/up.sql\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_row(NAMING_FOLDER, &rows[i]);
}

static void out_of_order_is_a_note_where_it_applies(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct base base = {.ref = "main", .fork = "0123456789abcdef"};
    struct migration_index unused = {0};
    struct set set;
    struct findings findings = {0};
    struct err err = {0};
    make_set(&arena, NAMING_SEQUENCE, "2_b.sql B\n", &base.fork_set, &base.fork_index);
    make_set(&arena, NAMING_SEQUENCE, "2_b.sql B\n", &base.tip_set, &base.tip_index);
    make_set(&arena, NAMING_SEQUENCE, "1_a.sql A\n2_b.sql B\n", &set, &unused);
    assert_true(base_compare(&arena, &base, &set, true, &findings, &err));
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.items[0].rule, "out-of-order");
    assert_int_equal(findings.items[0].severity, SEVERITY_NOTE);
    arena_release(&arena);
}

/* ---- rules ---- */

static bool is_form(const char *name)
{
    for (size_t i = 0; form_at(i) != NULL; i++)
        if (strcmp(form_at(i)->name, name) == 0)
            return true;
    return false;
}

static void rules_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; rule_at(i) != NULL; i++) {
        const struct rule *const rule = rule_at(i);
        if (rule_find(rule->id) != rule || rule->title == NULL || rule->why == NULL ||
            rule->fix == NULL || rule->engines == 0)
            fail_msg("%s", rule->id);
        if (rule_is_linted(rule) && (rule->example_bad == NULL || rule->example_good == NULL ||
                                     (rule->forms != NULL && rule->what == NULL)))
            fail_msg("%s", rule->id);
        for (size_t n = 0; rule->forms != NULL && rule->forms[n] != NULL; n++)
            if (!is_form(rule->forms[n]))
                fail_msg("%s: no form \"%s\"", rule->id, rule->forms[n]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs_to_its_end),
        cmocka_unit_test(much_goes_in_and_out_at_once),
        cmocka_unit_test(a_program_that_misbehaves_is_ended),
        cmocka_unit_test(a_program_that_is_not_there_is_named),
        cmocka_unit_test(a_program_is_ended_on_request),
        cmocka_unit_test(sequences_are_compared),
        cmocka_unit_test(repeatables_may_change),
        cmocka_unit_test(folders_are_read_from_given_files),
        cmocka_unit_test(out_of_order_is_a_note_where_it_applies),
        cmocka_unit_test(rules_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
