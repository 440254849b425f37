/* sql/facts: whatever the statements are, each row has a name and a lock, and a set is in order. */
#include <string.h>

#include "fuzz.h"
#include "sql/facts.h"
#include "sql/split.h"

enum { MAX_STATEMENTS = 16 };

static void check(const struct locked_list *locks)
{
    for (size_t i = 0; i < locks->count; i++) {
        const struct locked *const row = &locks->items[i];
        HOLDS(row->name != NULL && row->name[0] != '\0');
        HOLDS(row->mode >= LOCK_ACCESS_SHARE && row->mode <= LOCK_ACCESS_EXCLUSIVE);
        HOLDS((row->descent == DESCENT_NONE) == (row->children == LOCK_NONE));
        HOLDS(row->children <= row->mode);
        HOLDS((row->fate == FATE_RENAMED) == (row->new_name != NULL));
        HOLDS(lock_object_query(row->object) != NULL);
    }
}

static void check_order(const struct locked_list *locks)
{
    for (size_t i = 1; i < locks->count; i++) {
        const struct locked *const a = &locks->items[i - 1], *const b = &locks->items[i];
        HOLDS(a->object < b->object || (a->object == b->object && strcmp(a->name, b->name) <= 0));
    }
}

/* What code does may not be done, and stands within the statement. */
static void check_inner(const struct facts *inner, size_t len)
{
    for (size_t i = 0; i < inner->acts.count; i++)
        HOLDS(inner->acts.items[i].at >= 0 && (size_t)inner->acts.items[i].at <= len);
    for (size_t i = 0; i < inner->locks.count; i++)
        HOLDS(inner->locks.items[i].maybe);
    HOLDS(inner->place.at >= 0 && (size_t)inner->place.at <= len);
}

static void check_code(const struct facts *facts, size_t len)
{
    for (size_t i = 0; i < facts->inner.count; i++)
        check_inner(&facts->inner.items[i], len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct statements statements = {0};
    struct facts facts[MAX_STATEMENTS];
    struct facts_set set;
    struct functions functions = {.arena = &fuzz.arena};
    char *const text = fuzz_bytes(data, size);
    size_t count = 0;
    if (sql_split(&fuzz.arena, DIALECT_POSTGRES, text, size, &statements, &fuzz.err))
        count = statements.count < MAX_STATEMENTS ? statements.count : MAX_STATEMENTS;
    for (size_t i = 0; i < count; i++) {
        HOLDS(facts_read(&fuzz.arena, &functions, statements.items[i].text, &facts[i], &fuzz.err));
        check(&facts[i].locks);
        check_code(&facts[i], statements.items[i].text.len);
        HOLDS(!facts_is_short(&facts[i]) || facts[i].unknown == NULL);
    }
    HOLDS(facts_of_set(&fuzz.arena, facts, count, &set, &fuzz.err));
    check(&set.locks);
    check_order(&set.locks);
    HOLDS(!set.all_short || set.unknown == NULL);
    free(text);
    fuzz_end(&fuzz);
    return 0;
}
