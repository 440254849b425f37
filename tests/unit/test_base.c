/* base: durations, dates, UTF-8, printable names, buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"

static void durations_read_and_write(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0", 0},        {"400ms", 400},    {"5s", 5000},
                {"10m", 600000}, {"24h", 86400000}, {"7d", 604800000}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        int64_t ms = -1;
        char text[CLOCK_ISO_BYTES];
        assert_true(clock_parse_duration_ms(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
        clock_format_duration_ms(ms, text);
        int64_t again = -1;
        assert_true(clock_parse_duration_ms(text, &again));
        assert_int_equal(again, ms);
    }
    static const char *const bad[] = {"", "5", "s", "-1s", "1.5s", "5 s", "5S", "9999999999999s"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int64_t ms = 0;
        assert_false(clock_parse_duration_ms(bad[i], &ms));
    }
}

static void dates_are_checked(void **state)
{
    (void)state;
    assert_true(civil_valid(&(struct civil){2024, 2, 29, 23, 59, 59}));
    assert_false(civil_valid(&(struct civil){2023, 2, 29, 0, 0, 0}));
    assert_false(civil_valid(&(struct civil){2100, 2, 29, 0, 0, 0}));
    assert_false(civil_valid(&(struct civil){2024, 13, 1, 0, 0, 0}));
    assert_false(civil_valid(&(struct civil){2024, 1, 1, 0, 0, 60}));
    assert_int_equal(civil_to_epoch_s(&(struct civil){2025, 7, 3, 7, 58, 50}), 1751529530);
    char text[CLOCK_ISO_BYTES];
    clock_format_us(1751529530394000, text);
    assert_string_equal(text, "2025-07-03T07:58:50.394000Z");
}

static void moments_name_their_zone(void **state)
{
    (void)state;
    static const char *const same[] = {
        "2025-07-03T07:58:50Z",     "2025-07-03 07:58:50z",      "2025-07-03t09:58:50+02:00",
        "2025-07-03T09:58:50+0200", "2025-07-03T09:58:50+02",    "2025-07-02T22:28:50-09:30",
        "2025-07-03T07:58:50.0Z",   "2025-07-03T07:58:50-00:00", "2025-07-03T07:58:50.000000+00",
    };
    int64_t us = 0;
    for (size_t i = 0; i < COUNT_OF(same); i++) {
        assert_true(clock_parse_iso_us(same[i], &us));
        assert_int_equal(us, 1751529530000000);
    }
    assert_true(clock_parse_iso_us("2025-07-03T07:58:50.394Z", &us));
    assert_int_equal(us, 1751529530394000);
    assert_true(clock_parse_iso_us("2025-07-03T07:58Z", &us));
    assert_int_equal(us, 1751529480000000);
    assert_true(clock_parse_iso_us("9999-12-31T23:59:59.999999Z", &us));
    char text[CLOCK_ISO_BYTES];
    clock_format_us(us, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
    static const char *const bad[] = {
        "",
        "2",
        "2025",
        "2025-07-03",
        "2025-07-03T07:58:50",
        "2025-07-03T07:58:50 Z",
        "2025-7-03T07:58:50Z",
        "2025-07-03T7:58Z",
        "2025-07-03T07Z",
        "2025-02-29T00:00Z",
        "2025-07-03T24:00Z",
        "2025-07-03T07:58:60Z",
        "2025-07-03T07:58:50.Z",
        "0000-01-01T00:00Z",
        "2025-07-03T07:58:50.0000001Z",
        "2025-07-03T07:58:50+2",
        "2025-07-03T07:58:50+02:",
        "2025-07-03T07:58:50+02:0",
        "2025-07-03T07:58:50+02:60",
        "2025-07-03T07:58:50+16:00",
        "2025-07-03T07:58:50+02:00x",
        "2025-07-03T07:58:50Zx",
        " 2025-07-03T07:58Z",
        "-025-07-03T07:58Z",
        "2025-07-03T07:58:50CET",
        "2025-07-03T07:58:50+-2",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(clock_parse_iso_us(bad[i], &us));
}

static void utf8_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
        bool valid;
    } cases[] = {{"plain", 5, true},
                 {"\xc3\xa9", 2, true},
                 {"\xe2\x82\xac", 3, true},
                 {"\xf0\x9f\x90\x98", 4, true},
                 {"\xc0\x80", 2, false},
                 {"\xed\xa0\x80", 3, false},
                 {"\xf5\x80\x80\x80", 4, false},
                 {"\xe2\x82", 2, false},
                 {"a\xff", 2, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        size_t bad = 99;
        assert_int_equal(utf8_valid(cases[i].text, cases[i].len, &bad), cases[i].valid);
    }
}

static void names_are_made_printable(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    assert_string_equal(fs_printable(&arena, "a\nb\x1b[31m\xff"
                                             "c"),
                        "a\\x0ab\\x1b[31m\\xffc");
    char longest[4097];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_true(strlen(fs_printable(&arena, longest)) < 210);
}

static void a_buffer_stays_failed(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str str = {.max = 8};
    str_puts(&str, "12345678");
    assert_false(str.failed);
    str_putc(&str, '9');
    assert_true(str.failed);
    str_puts(&str, "");
    assert_true(str.failed);
    assert_string_equal(str_text(&str), "12345678");
}

static void sha256_is_sha256(void **state)
{
    (void)state;
    assert_string_equal(hash_bytes("abc", 3).text,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void an_error_can_quote_itself(void **state)
{
    (void)state;
    CLEANUP(err_release) struct err err = {0};
    (void)err_set(&err, ERR_REFUSED, "first");
    (void)err_set(&err, ERR_FAILED, "second after %s", err.message);
    assert_string_equal(err.message, "second after first");
    assert_int_equal(err_exit_code(&err), 1);
    (void)err_set(&err, ERR_SIGNAL, "stopped");
    err.signal = 15;
    assert_int_equal(err_exit_code(&err), 143);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_read_and_write), cmocka_unit_test(dates_are_checked),
        cmocka_unit_test(moments_name_their_zone),  cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(names_are_made_printable), cmocka_unit_test(a_buffer_stays_failed),
        cmocka_unit_test(sha256_is_sha256),         cmocka_unit_test(an_error_can_quote_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
