/* history/sum: any file is read or refused, and what is written is read again as it was. */
#include <string.h>

#include "fuzz.h"
#include "history/sum.h"

/* As any file. What is accepted, written anew, is the same but for line ends. */
static void check_file(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    const char *const path = fuzz_file(data, size);
    struct set set;
    struct sum_head head;
    struct sum_ids ids = {0};
    const bool started = sum_read_head(&fuzz->arena, path, &head, &fuzz->err);
    if (sum_read_contracts(&fuzz->arena, path, &ids, &fuzz->err))
        for (size_t i = 1; i < ids.count; i++)
            HOLDS(strcmp(ids.items[i - 1], ids.items[i]) <= 0);
    if (sum_read(&fuzz->arena, path, &set, &fuzz->err)) {
        HOLDS(started && head.dialect == set.dialect);
        HOLDS(strcmp(head.digest.text, set.digest.text) == 0);
        HOLDS(head.repeatable_count == set.count - set.versioned);
    } else {
        HOLDS(fuzz->err.code == ERR_USAGE && fuzz->err.message != NULL);
    }
    const struct set empty = {0};
    if (sum_check(&fuzz->arena, &empty, path, &fuzz->findings, &fuzz->err))
        HOLDS(!fuzz->findings.failed);
}

static void add(struct fuzz *fuzz, struct set *set, const char *line, bool repeatable)
{
    const bool contract = line[0] % 4 == 1, background = line[0] % 4 == 2;
    if (line[0] == '\0' || line[1] == '\0' || (line[0] % 4 == 3) != repeatable)
        return;
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->items[i].id, line + 1) == 0)
            return;
    struct migration *const item = arena_push(&fuzz->arena, set);
    HOLDS(item != NULL);
    *item = (struct migration){.id = line + 1,
                               .version = "1",
                               .checksum = hash_bytes(line, strlen(line)),
                               .kind = repeatable   ? KIND_REPEATABLE
                                       : background ? KIND_BACKFILL
                                                    : KIND_SCHEMA,
                               .phase = contract ? PHASE_CONTRACT : PHASE_EXPAND,
                               .background = background};
}

/* Each line as a migration: its kind, and its id. */
static void make_set(struct fuzz *fuzz, const uint8_t *data, size_t size, struct set *ret)
{
    *ret = (struct set){.dialect = fuzz_dialect((uint8_t)size)};
    for (int repeatables = 0; repeatables < 2; repeatables++) {
        char *text = fuzz_text(fuzz, data, size);
        for (char *c = text; *c != '\0'; c++)
            *c = *c == '\r' ? ' ' : *c;
        while (text != NULL)
            add(fuzz, ret, strsep(&text, "\n"), repeatables == 1);
        if (repeatables == 0)
            ret->versioned = ret->count;
    }
    HOLDS(set_seal(&fuzz->arena, ret, &fuzz->err));
}

static void check_written(struct fuzz *fuzz, const struct set *set)
{
    struct str text = {0}, again = {0};
    struct set read;
    struct sum_ids ids = {0};
    struct findings findings = {0};
    size_t contracts = 0;
    HOLDS(sum_write(set, &text));
    const char *const path = fuzz_file(str_text(&text), text.len);
    HOLDS(sum_read(&fuzz->arena, path, &read, &fuzz->err));
    HOLDS(sum_write(&read, &again));
    HOLDS(again.len == text.len && memcmp(str_text(&again), str_text(&text), text.len) == 0);
    HOLDS(sum_check(&fuzz->arena, set, path, &findings, &fuzz->err) && findings.count == 0);
    for (size_t i = 0; i < set->count; i++) {
        const struct migration *const item = &set->items[i];
        contracts += item->phase == PHASE_CONTRACT;
        HOLDS(strcmp(read.items[i].id, item->id) == 0);
        HOLDS(strcmp(read.items[i].checksum.text, item->checksum.text) == 0);
        HOLDS(migration_in_digest(&read.items[i]) == migration_in_digest(item));
        HOLDS(set_find(&read, item->id) == &read.items[i]);
    }
    HOLDS(sum_read_contracts(&fuzz->arena, path, &ids, &fuzz->err) && ids.count == contracts);
    str_release(&text);
    str_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct set set;
    check_file(&fuzz, data, size);
    make_set(&fuzz, data, size, &set);
    check_written(&fuzz, &set);
    fuzz_end(&fuzz);
    return 0;
}
