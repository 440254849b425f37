/* history/directive: one directive of any text, and the same one written out again. */
#include <string.h>

#include "base/clock.h"
#include "fuzz.h"
#include "history/migration.h"

static struct migration read_migration(struct fuzz *fuzz, const struct str *text,
                                       struct findings *findings)
{
    struct migration migration = {.id = "1_a", .version = "1", .path = "1_a.sql"};
    HOLDS(!text->failed);
    HOLDS(migration_read(&fuzz->arena, DIALECT_POSTGRES, str_text(text), text->len, &migration,
                         findings, &fuzz->err));
    fuzz_check_findings(findings, str_text(text), text->len);
    return migration;
}

static void write_text(struct str *out, const char *key, const char *value)
{
    if (value == NULL)
        return;
    str_printf(out, " %s=\"", key);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            str_putc(out, '\\');
        str_putc(out, *c);
    }
    str_putc(out, '"');
}

static void write_again(struct fuzz *fuzz, const struct migration *migration, struct str *out)
{
    char duration[CLOCK_ISO_BYTES];
    str_printf(out, "-- pawl: kind=%s phase=%s", kind_name(migration->kind),
               phase_name(migration->phase));
    write_text(out, "table", migration->table);
    write_text(out, "key", migration->key);
    write_text(out, "verify", migration->verify);
    if (migration->replaces_first != NULL)
        write_text(out, "replaces",
                   arena_printf(&fuzz->arena, "%s..%s", migration->replaces_first,
                                migration->replaces_last));
    if (migration->batch >= 0)
        str_printf(out, " batch=%lld", (long long)migration->batch);
    if (migration->lock_timeout_ms >= 0) {
        clock_format_duration_ms(migration->lock_timeout_ms, duration);
        str_printf(out, " lock_timeout=%s", duration);
    }
    if (migration->background)
        str_puts(out, " background");
    if (migration->no_transaction)
        str_puts(out, " no-transaction");
    for (size_t i = 0; i < migration->allows.count; i++) {
        write_text(out, "allow", migration->allows.items[i].rule);
        write_text(out, "reason", migration->allows.items[i].reason);
    }
    str_puts(out, "\nSELECT 1;\n");
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_again(struct fuzz *fuzz, const struct migration *migration)
{
    struct str text = {0};
    struct findings findings = {0};
    write_again(fuzz, migration, &text);
    const struct migration again = read_migration(fuzz, &text, &findings);
    HOLDS(findings.count == 0);
    HOLDS(again.kind == migration->kind && again.phase == migration->phase);
    HOLDS(same(again.table, migration->table) && same(again.key, migration->key));
    HOLDS(same(again.verify, migration->verify));
    HOLDS(same(again.replaces_first, migration->replaces_first));
    HOLDS(same(again.replaces_last, migration->replaces_last));
    HOLDS(again.batch == migration->batch);
    HOLDS(again.lock_timeout_ms == migration->lock_timeout_ms);
    HOLDS(again.background == migration->background);
    HOLDS(again.no_transaction == migration->no_transaction);
    HOLDS(again.allows.count == migration->allows.count);
    for (size_t i = 0; i < again.allows.count; i++) {
        HOLDS(same(again.allows.items[i].rule, migration->allows.items[i].rule));
        HOLDS(same(again.allows.items[i].reason, migration->allows.items[i].reason));
    }
    HOLDS(strcmp(again.checksum.text, migration->checksum.text) == 0);
    str_release(&text);
}

/* The bytes are what stands behind "-- pawl:", line ends made blanks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct str text = {0};
    char *const line = fuzz_text(&fuzz, data, size);
    for (char *c = line; *c != '\0'; c++)
        *c = *c == '\n' || *c == '\r' ? ' ' : *c;
    str_printf(&text, "-- pawl: %s\nSELECT 1;\n", line);
    const struct migration migration = read_migration(&fuzz, &text, &fuzz.findings);
    if (fuzz.findings.count == 0)
        check_again(&fuzz, &migration);
    str_release(&text);
    fuzz_end(&fuzz);
    return 0;
}
