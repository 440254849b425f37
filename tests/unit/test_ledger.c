/* ledger: the hash chain's published vectors, what breaks it, and the identity rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ledger/detail.h"
#include "ledger/digest_set.h"
#include "ledger/journal.h"
#include "ledger/ledger.h"
#include "ledger/match.h"

/* --- the chain --- */

/* docs/ledger.md publishes these two. */
static struct journal_row first_row(void)
{
    return (struct journal_row){
        .seq = 1,
        .at_us = 1751529530394000,
        .event_name = "created",
        .event = EVENT_CREATED,
        .detail = "{\"format\":1}",
        .digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        .prev_hash = JOURNAL_FIRST_PREV_HASH,
        .hash = "28835297539b74e694e85c49663603da4f46013778a37dfbaf9c0da48f1c147e",
    };
}

static struct journal_row second_row(void)
{
    return (struct journal_row){
        .seq = 2,
        .at_us = 1751529531000001,
        .event_name = "applied",
        .event = EVENT_APPLIED,
        .migration = "20250703075850_gr\xc3\xb6\xc3\x9f"
                     "e",
        .checksum = "25bdb40baac43c36a8deadeb43df63cc0c564a56bcd2418a27b96f2d57521d25",
        .kind = "schema",
        .phase = "expand",
        .detail = "{\"ms\":3}",
        .digest = "1378cac69ad58d690adf6504839a4576e5395569f643dee67e04cee07c9274ca",
        .prev_hash = "28835297539b74e694e85c49663603da4f46013778a37dfbaf9c0da48f1c147e",
        .hash = "c272c9febc66af5c70c7adf235a08f49c085c7a100e06970fbd343e745a9e98c",
    };
}

static void hashes_are_the_published_ones(void **state)
{
    (void)state;
    const struct journal_row rows[] = {first_row(), second_row()};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct hash_hex hash;
        assert_true(journal_hash(&rows[i], &hash));
        assert_string_equal(hash.text, rows[i].hash);
    }
}

static void null_is_not_empty(void **state)
{
    (void)state;
    struct journal_row row = first_row();
    struct hash_hex with_null, with_empty;
    assert_true(journal_hash(&row, &with_null));
    row.migration = "";
    assert_true(journal_hash(&row, &with_empty));
    assert_string_not_equal(with_null.text, with_empty.text);
}

/* A chain of five rows, whole. */
struct chain {
    struct journal_row rows[6];
    struct hash_hex hashes[6];
    struct journal journal;
};

static void rehash(struct chain *chain, size_t from)
{
    for (size_t i = from; i < chain->journal.count; i++) {
        struct journal_row *const row = &chain->rows[i];
        row->prev_hash = i > 0 ? chain->hashes[i - 1].text : JOURNAL_FIRST_PREV_HASH;
        assert_true(journal_hash(row, &chain->hashes[i]));
        row->hash = chain->hashes[i].text;
    }
    const struct journal_row *const last = &chain->rows[chain->journal.count - 1];
    chain->journal.head = (struct journal_head){last->seq, last->hash};
}

static void make_chain(struct chain *chain)
{
    *chain = (struct chain){0};
    chain->journal.items = chain->rows;
    chain->journal.count = 5;
    for (size_t i = 0; i < 5; i++)
        chain->rows[i] = (struct journal_row){
            .seq = (int64_t)i + 1, .event_name = "begin", .event = EVENT_BEGIN, .detail = "{}"};
    rehash(chain, 0);
}

static void remove_row(struct chain *chain, size_t at)
{
    memmove(&chain->rows[at], &chain->rows[at + 1],
            (chain->journal.count - at - 1) * sizeof chain->rows[0]);
    chain->journal.count--;
}

static void change_detail(struct chain *chain)
{
    chain->rows[2].detail = "{\"x\":1}";
}

static void remove_middle(struct chain *chain)
{
    remove_row(chain, 2);
}

static void remove_last(struct chain *chain)
{
    remove_row(chain, 4);
}

static void remove_first(struct chain *chain)
{
    remove_row(chain, 0);
}

/* The row is changed and its own hash computed anew: its successor tells. */
static void replace_row(struct chain *chain)
{
    static struct hash_hex hash;
    chain->rows[2].detail = "{\"x\":1}";
    assert_true(journal_hash(&chain->rows[2], &hash));
    chain->rows[2].hash = hash.text;
}

static void move_head_back(struct chain *chain)
{
    chain->journal.head = (struct journal_head){4, chain->rows[3].hash};
}

static void change_head_hash(struct chain *chain)
{
    chain->journal.head.hash = chain->rows[0].hash;
}

static void breaks_are_found_with_their_seq(void **state)
{
    (void)state;
    static const struct {
        void (*tamper)(struct chain *chain);
        int64_t seq;
    } cases[] = {{change_detail, 3}, {remove_middle, 3},  {remove_last, 5},     {remove_first, 1},
                 {replace_row, 3},   {move_head_back, 5}, {change_head_hash, 5}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct chain chain;
        struct journal_break broken = {0};
        CLEANUP(err_release) struct err err = {0};
        make_chain(&chain);
        assert_true(journal_verify(&chain.journal, &broken, &err));
        cases[i].tamper(&chain);
        assert_false(journal_verify(&chain.journal, &broken, &err));
        assert_int_equal(broken.seq, cases[i].seq);
        assert_int_equal(err.code, ERR_CHAIN);
    }
}

static void an_accepted_break_lets_writers_go_on(void **state)
{
    (void)state;
    struct chain chain;
    struct journal_break broken;
    CLEANUP(err_release) struct err err = {0};
    make_chain(&chain);
    chain.rows[2].detail = "{\"x\":1}";
    chain.journal.count = 6;
    chain.rows[5] = (struct journal_row){.seq = 6,
                                         .event_name = "break_accepted",
                                         .event = EVENT_BREAK_ACCEPTED,
                                         .detail = "{\"seq\":3}",
                                         .prev_hash = chain.rows[4].hash};
    assert_true(journal_hash(&chain.rows[5], &chain.hashes[5]));
    chain.rows[5].hash = chain.hashes[5].text;
    chain.journal.head = (struct journal_head){6, chain.rows[5].hash};
    assert_true(journal_verify(&chain.journal, &broken, &err));
    /* Only that one: a second change is found. */
    chain.rows[1].detail = "{\"x\":1}";
    assert_false(journal_verify(&chain.journal, &broken, &err));
    assert_int_equal(broken.seq, 2);
}

static void events_keep_their_names(void **state)
{
    (void)state;
    for (int event = 0; event < EVENT_UNKNOWN; event++)
        assert_int_equal(event_parse(event_name((enum ledger_event)event)), event);
    assert_int_equal(event_parse("of the future"), EVENT_UNKNOWN);
}

static void the_mutex_key_is_the_published_one(void **state)
{
    (void)state;
    assert_int_equal(ledger_mutex_key("pawl"), 9174880829889271197);
}

static void a_digest_does_not_depend_on_the_order(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    struct digest_set one = {0}, two = {0};
    const struct hash_hex a = hash_bytes("a", 1), b = hash_bytes("b", 1), c = hash_bytes("c", 1);
    assert_true(digest_set_add(&arena, &one, a.text) && digest_set_add(&arena, &one, b.text) &&
                digest_set_add(&arena, &one, c.text) && digest_set_add(&arena, &one, a.text));
    assert_true(digest_set_add(&arena, &two, c.text) && digest_set_add(&arena, &two, a.text) &&
                digest_set_add(&arena, &two, a.text) && digest_set_add(&arena, &two, b.text));
    assert_string_equal(digest_set_hash(&one).text, digest_set_hash(&two).text);
    digest_set_remove(&two, a.text);
    assert_string_not_equal(digest_set_hash(&one).text, digest_set_hash(&two).text);
    assert_string_equal(digest_set_hash(&(struct digest_set){0}).text, hash_bytes("", 0).text);
}

/* --- identity: a ledger and a set in a few words each --- */

/* "A:x" is a migration with id A and the content x; ids are one letter and a number, and sort by
 * the number. A content of "-" is empty. */
struct word {
    char id[8];
    char content;
};

static size_t read_words(const char *text, struct word *words)
{
    size_t count = 0;
    for (const char *c = text; *c != '\0';) {
        const size_t len = strcspn(c, ":");
        memcpy(words[count].id, c, len);
        words[count].id[len] = '\0';
        words[count++].content = c[len + 1];
        c += len + 2 + (c[len + 2] == ' ');
    }
    return count;
}

static struct hash_hex checksum_of(char content)
{
    return content == '-' ? hash_bytes("", 0) : hash_bytes(&content, 1);
}

static void make_journal(struct arena *arena, const char *text, struct journal *journal)
{
    struct word words[16];
    const size_t count = read_words(text, words);
    for (size_t i = 0; i < count; i++) {
        struct journal_row *const row = arena_push(arena, journal);
        assert_non_null(row);
        *row = (struct journal_row){
            .seq = (int64_t)i + 1,
            .event = EVENT_APPLIED,
            .event_name = "applied",
            .migration = arena_strdup(arena, words[i].id),
            .checksum = arena_strdup(arena, checksum_of(words[i].content).text),
            .kind = "schema",
            .phase = "expand",
            .detail = arena_printf(arena, "{\"version\":\"%s\"%s}", words[i].id + 1,
                                   words[i].content == '-' ? ",\"empty\":true" : ""),
        };
    }
}

static void make_set(struct arena *arena, const char *text, struct set *set)
{
    CLEANUP(err_release) struct err err = {0};
    struct word words[16];
    const size_t count = read_words(text, words);
    *set = (struct set){.naming = NAMING_SEQUENCE};
    for (size_t i = 0; i < count; i++) {
        struct migration *const migration = arena_push(arena, set);
        assert_non_null(migration);
        migration->id = arena_strdup(arena, words[i].id);
        migration->version = arena_strdup(arena, words[i].id + 1);
        migration->checksum = checksum_of(words[i].content);
        migration->empty = words[i].content == '-';
    }
    set->versioned = set->count;
    assert_true(set_seal(arena, set, &err));
}

/* p pending, a applied, r renamed, e edited, d doubtful; + out of order. */
static void result_of(const struct comparison *comparison, char *out)
{
    static const char letters[] = {
        [MATCH_PENDING] = 'p', [MATCH_APPLIED] = 'a',  [MATCH_RENAMED] = 'r',
        [MATCH_EDITED] = 'e',  [MATCH_DOUBTFUL] = 'd', [MATCH_CHANGED] = 'c'};
    for (size_t i = 0; i < comparison->count; i++) {
        *out++ = letters[comparison->items[i].kind];
        if (comparison->items[i].out_of_order)
            *out++ = '+';
    }
    if (comparison->older_code)
        *out++ = 'O';
    if (comparison->trimmed)
        *out++ = 'T';
    if (comparison->diverged)
        *out++ = 'D';
    *out = '\0';
}

static void identity_rule(void **state)
{
    (void)state;
    static const struct {
        const char *name, *applied, *set, *expected;
    } cases[] = {
        {"nothing applied", "", "a1:x a2:y", "pp"},
        {"all applied", "a1:x a2:y", "a1:x a2:y", "aa"},
        {"one new", "a1:x", "a1:x a2:y", "ap"},
        {"edited", "a1:x", "a1:y", "e"},
        {"renamed", "a1:x a2:y", "a1:x b2:y", "ar"},
        {"renamed to an earlier place", "a1:x a9:y", "a1:x a2:y", "ar"},
        {"renamed over something applied later", "a1:x a2:y", "a2:y a3:x", "ad"},
        {"renamed, and the next one new", "a1:x", "b1:x a2:y", "rp"},
        {"two gone with this content", "a1:x a2:x", "a3:x", "dD"},
        {"two new with this content", "a1:x", "a2:x a3:x", "dd"},
        {"a copy of something that is still there", "a1:x", "a1:x a2:x", "ap"},
        {"an empty file is never a rename", "a1:-", "a2:-", "p"},
        {"an empty file is never late", "a1:x a3:z", "a1:x a2:- a3:z", "apa"},
        {"an empty file does not make older code diverge", "a1:x a2:y", "a1:x b1:-", "apO"},
        {"late", "a1:x a3:z", "a1:x a2:y a3:z", "ap+a"},
        {"older code", "a1:x a2:y", "a1:x", "aO"},
        {"diverged", "a1:x a2:y", "a1:x a3:z", "apD"},
        {"trimmed", "a1:x a2:y", "a2:y a3:z", "apT"},
        {"trimmed, nothing pending", "a1:x a2:y", "a2:y", "aT"},
        {"another application's set", "a1:x a2:y", "a3:v a4:w", "ppD"},
        {"renamed and edited is two things", "a1:x a2:y", "a1:x b2:z", "apD"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(arena_release) struct arena arena = {0};
        CLEANUP(err_release) struct err err = {0};
        struct journal journal = {0};
        struct set set;
        struct state ledger;
        struct comparison comparison;
        char result[64];
        make_journal(&arena, cases[i].applied, &journal);
        make_set(&arena, cases[i].set, &set);
        assert_true(state_build(&arena, &journal, &ledger, &err));
        assert_true(match_set(&arena, &set, &ledger, &comparison, &err));
        result_of(&comparison, result);
        if (strcmp(result, cases[i].expected) != 0)
            fail_msg("%s: %s, expected %s", cases[i].name, result, cases[i].expected);
    }
}

static void details_are_read_member_by_member(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena arena = {0};
    assert_int_equal(detail_number("{\"a\":5}", "a", -1), 5);
    assert_int_equal(detail_number("{\"a\":\"5\"}", "a", -1), -1);
    assert_int_equal(detail_number("no json", "a", -1), -1);
    assert_string_equal(detail_string(&arena, "{\"a\":\"b\"}", "a"), "b");
    assert_null(detail_string(&arena, "[]", "a"));
    assert_true(detail_flag("{\"a\":true}", "a"));
    assert_false(detail_flag(NULL, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_the_published_ones),
        cmocka_unit_test(null_is_not_empty),
        cmocka_unit_test(breaks_are_found_with_their_seq),
        cmocka_unit_test(an_accepted_break_lets_writers_go_on),
        cmocka_unit_test(events_keep_their_names),
        cmocka_unit_test(the_mutex_key_is_the_published_one),
        cmocka_unit_test(a_digest_does_not_depend_on_the_order),
        cmocka_unit_test(identity_rule),
        cmocka_unit_test(details_are_read_member_by_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
