/* deploy/pace: the size of batches, how far a standby is behind, how much WAL is too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/macros.h"
#include "deploy/pace.h"

/* ---- the size of batches ---- */

/* What a batch takes on a server with this cost of a transaction and of a row. */
static int64_t cost_ms(int64_t rows, double fixed_ms, double row_ms)
{
    return (int64_t)(fixed_ms + row_ms * (double)rows);
}

static void test_batches_come_to_take_the_time(void **state)
{
    static const struct {
        int64_t first, max;
        double fixed_ms, row_ms;
        int64_t least, most; /* rows that fit 50 ms, give or take */
    } servers[] = {
        {2000, 1000000, 1, 0.002, 20000, 30000}, /* fast: grows */
        {2000, 1000000, 1, 0.5, 80, 110},        /* slow: shrinks */
        {1, 1000000, 2, 0.01, 4000, 6000},       /* from one row up */
        {2000, 1000000, 1, 80, 1, 1},            /* a row takes longer than a batch should */
        {2000, 5000, 1, 0.002, 5000, 5000},      /* no more than the most */
        {2000, 1000000, 60, 0.001, 1, 2000},     /* never stuck where nothing helps */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(servers); i++) {
        struct pace pace;
        pace_begin(&pace, servers[i].first, servers[i].max, 50);
        for (int batch = 0; batch < 60; batch++)
            pace_took(&pace, pace.rows, cost_ms(pace.rows, servers[i].fixed_ms, servers[i].row_ms));
        assert_in_range(pace.rows, servers[i].least, servers[i].most);
    }
}

static void test_a_step_is_at_most_by_two(void **state)
{
    static const int64_t times_ms[] = {0, 1, 50, 100000, 3, 0, 7200000, 0, 49, 51, 1};
    struct pace pace;
    (void)state;
    pace_begin(&pace, 1000, 1000000, 50);
    for (size_t i = 0; i < 10 * COUNT_OF(times_ms); i++) {
        const int64_t before = pace.rows;
        pace_took(&pace, before, times_ms[i % COUNT_OF(times_ms)]);
        assert_in_range(pace.rows, before / 2 > 0 ? before / 2 : 1, 2 * before);
    }
}

static void test_one_slow_batch_is_made_up_for(void **state)
{
    struct pace pace;
    (void)state;
    pace_begin(&pace, 2000, 1000000, 50);
    for (int i = 0; i < 20; i++)
        pace_took(&pace, pace.rows, cost_ms(pace.rows, 0, 0.025));
    assert_in_range(pace.rows, 1900, 2100);
    pace_took(&pace, pace.rows, 1000);
    assert_in_range(pace.rows, 900, 1100);
    for (int i = 0; i < 20; i++)
        pace_took(&pace, pace.rows, cost_ms(pace.rows, 0, 0.025));
    assert_in_range(pace.rows, 1900, 2100);
}

static void test_a_short_last_batch_says_little(void **state)
{
    struct pace pace;
    (void)state;
    pace_begin(&pace, 2000, 1000000, 50);
    for (int i = 0; i < 20; i++)
        pace_took(&pace, pace.rows, 50);
    const int64_t before = pace.rows;
    pace_took(&pace, 1, 5);
    assert_in_range(pace.rows, before * 3 / 4, before);
    const int64_t after = pace.rows;
    pace_took(&pace, 0, 100000);
    assert_int_equal(pace.rows, after);
}

static void test_its_bounds(void **state)
{
    struct pace pace;
    (void)state;
    pace_begin(&pace, 0, 10, 50);
    assert_int_equal(pace.rows, 1);
    pace_begin(&pace, 100, 10, 50);
    assert_int_equal(pace.rows, 10);
    pace_begin(&pace, 100, 0, 50);
    assert_int_equal(pace.rows, 1);
    pace_begin(&pace, 7, 10, 50);
    pace_halve(&pace);
    assert_int_equal(pace.rows, 3);
    pace_halve(&pace);
    pace_halve(&pace);
    assert_int_equal(pace.rows, 1);
    pace_begin(&pace, 1LL << 61, 1LL << 62, 60000);
    for (int i = 0; i < 10; i++)
        pace_took(&pace, pace.rows, 0);
    assert_int_equal(pace.rows, 1LL << 62);
}

/* ---- how far somebody is behind ---- */

enum { UNKNOWN = -1 };

/* A look each second from second 1 on, the WAL at 100 * second, replay stuck at one position. */
static void look_until(struct lag *lag, int64_t first_s, int64_t last_s, int64_t replayed)
{
    for (int64_t s = first_s; s <= last_s; s++)
        lag_keep(lag, 100 * s, 1000 * s, replayed);
}

static void test_who_has_replayed_all_is_not_behind(void **state)
{
    struct lag lag;
    (void)state;
    lag_begin(&lag, 10000);
    assert_int_equal(lag_behind_ms(&lag, 0, 1000, 90000), 0); /* nothing was seen yet */
    look_until(&lag, 1, 5, 500);
    /* What the server has measured last is old by now. */
    assert_int_equal(lag_behind_ms(&lag, 500, 600000, 90000), 0);
    assert_int_equal(lag_behind_ms(&lag, 700, 600000, UNKNOWN), 0);
}

static void test_who_stands_still_falls_behind(void **state)
{
    struct lag lag;
    (void)state;
    lag_begin(&lag, 10000);
    look_until(&lag, 1, 20, 350);
    /* Second 4 was the first beyond; the server says nothing, something old, or something between.
     */
    assert_int_equal(lag_behind_ms(&lag, 350, 20000, UNKNOWN), 16000);
    assert_int_equal(lag_behind_ms(&lag, 350, 20000, 100), 16000);
    assert_int_equal(lag_behind_ms(&lag, 350, 20000, 16500), 16500);
    assert_int_equal(lag_behind_ms(&lag, 350, 20000, 90000), 17000);
    /* Nothing is written any more: the time goes on. */
    assert_int_equal(lag_behind_ms(&lag, 350, 30000, UNKNOWN), 26000);
    /* It moves. */
    assert_int_equal(lag_behind_ms(&lag, 1900, 20000, UNKNOWN), 0);
    assert_int_equal(lag_behind_ms(&lag, 2000, 20000, UNKNOWN), 0);
}

static void test_who_was_behind_before(void **state)
{
    struct lag lag;
    (void)state;
    lag_begin(&lag, 10000);
    look_until(&lag, 5, 5, 10);
    assert_int_equal(lag_behind_ms(&lag, 10, 5000, 90000), 90000);
    assert_int_equal(lag_behind_ms(&lag, 10, 5000, UNKNOWN), 0);
    look_until(&lag, 6, 9, 10);
    assert_int_equal(lag_behind_ms(&lag, 10, 9000, UNKNOWN), 4000);
}

static void test_hours_behind_within_a_bounded_memory(void **state)
{
    struct lag lag;
    (void)state;
    lag_begin(&lag, 10000);
    look_until(&lag, 1, 20000, 150);
    assert_int_equal(lag_behind_ms(&lag, 150, 20000000, UNKNOWN), 20000000 - 2000);
    /* Another one, little behind, is still told from it. */
    assert_int_equal(lag_behind_ms(&lag, 100 * 19990, 20000000, UNKNOWN), 9000);
    /* Where moments were left out the server's word fills the gap. */
    assert_int_equal(lag_behind_ms(&lag, 100 * 10000, 20000000, 10000000), 10000000);
}

/* ---- how much WAL ---- */

static void test_wal_below_the_limit(void **state)
{
    struct wal_rate rate = {.max_bytes_per_s = 1000};
    (void)state;
    assert_int_equal(wal_rate_ahead_ms(&rate, 5000000, 1), 0);
    for (int s = 1; s < 100; s++)
        assert_int_equal(wal_rate_ahead_ms(&rate, 5000000 + 1000 * s, 1 + 1000 * s), 0);
}

static void test_wal_over_the_limit_is_waited_for(void **state)
{
    struct wal_rate rate = {.max_bytes_per_s = 1000};
    (void)state;
    assert_int_equal(wal_rate_ahead_ms(&rate, 0, 1), 0);
    assert_int_equal(wal_rate_ahead_ms(&rate, 3000, 1001), 2000);
    assert_int_equal(wal_rate_ahead_ms(&rate, 3000, 2001), 1000);
    assert_int_equal(wal_rate_ahead_ms(&rate, 3000, 3001), 0);
    /* What was not used is not saved up. */
    assert_int_equal(wal_rate_ahead_ms(&rate, 3000, 60001), 0);
    assert_int_equal(wal_rate_ahead_ms(&rate, 5000, 61001), 1000);
    /* And a storm is forgotten in seconds. */
    assert_int_equal(wal_rate_ahead_ms(&rate, 1LL << 40, 62001), 10000);
}

static void test_no_limit(void **state)
{
    struct wal_rate rate = {0};
    (void)state;
    assert_int_equal(wal_rate_ahead_ms(&rate, 0, 1), 0);
    assert_int_equal(wal_rate_ahead_ms(&rate, 1LL << 40, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_come_to_take_the_time),
        cmocka_unit_test(test_a_step_is_at_most_by_two),
        cmocka_unit_test(test_one_slow_batch_is_made_up_for),
        cmocka_unit_test(test_a_short_last_batch_says_little),
        cmocka_unit_test(test_its_bounds),
        cmocka_unit_test(test_who_has_replayed_all_is_not_behind),
        cmocka_unit_test(test_who_stands_still_falls_behind),
        cmocka_unit_test(test_who_was_behind_before),
        cmocka_unit_test(test_hours_behind_within_a_bounded_memory),
        cmocka_unit_test(test_wal_below_the_limit),
        cmocka_unit_test(test_wal_over_the_limit_is_waited_for),
        cmocka_unit_test(test_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
