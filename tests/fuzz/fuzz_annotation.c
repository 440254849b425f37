/* history/annotation and history/migration: any file, and what must not depend on remarks. */
#include <string.h>

#include "fuzz.h"
#include "history/migration.h"

static struct migration read_migration(struct fuzz *fuzz, enum dialect dialect, const char *text,
                                       size_t len, struct findings *findings)
{
    struct migration migration = {.id = "1_a", .version = "1", .path = "1_a.sql"};
    HOLDS(migration_read(&fuzz->arena, dialect, text, len, &migration, findings, &fuzz->err));
    fuzz_check_findings(findings, text, len);
    HOLDS(hash_hex_valid(migration.checksum.text, HASH_HEX_LEN));
    HOLDS(migration.text_len <= len && migration.forward_offset <= migration.text_len);
    HOLDS(migration.forward_len <= migration.text_len - migration.forward_offset);
    return migration;
}

static bool has(const struct findings *findings, const char *rule)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strcmp(findings->items[i].rule, rule) == 0)
            return true;
    return false;
}

/* A remark in front of a file changes nothing but the places in it. */
static void check_remark(struct fuzz *fuzz, enum dialect dialect, const struct migration *migration)
{
    struct str text = {0};
    struct findings findings = {0};
    str_puts(&text, "-- a remark\n");
    str_append(&text, migration->text, migration->text_len);
    const struct migration again =
        read_migration(fuzz, dialect, str_text(&text), text.len, &findings);
    HOLDS(strcmp(again.checksum.text, migration->checksum.text) == 0);
    HOLDS(again.kind == migration->kind && again.phase == migration->phase);
    HOLDS(again.no_transaction == migration->no_transaction);
    HOLDS(again.empty == migration->empty);
    HOLDS(findings.count == fuzz->findings.count);
    for (size_t i = 0; i < findings.count; i++)
        HOLDS(strcmp(findings.items[i].rule, fuzz->findings.items[i].rule) == 0);
    str_release(&text);
}

/* The first byte says the dialect. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    if (size == 0)
        return 0;
    const enum dialect dialect = fuzz_dialect(data[0]);
    const size_t len = size - 1;
    char *const text = fuzz_bytes(data + 1, len);
    const struct migration migration = read_migration(&fuzz, dialect, text, len, &fuzz.findings);
    if (!has(&fuzz.findings, "checksum-bytes") && !has(&fuzz.findings, "encoding") &&
        (migration.text_len < 3 || memcmp(migration.text, "\xef\xbb\xbf", 3) != 0))
        check_remark(&fuzz, dialect, &migration);
    free(text);
    fuzz_end(&fuzz);
    return 0;
}
