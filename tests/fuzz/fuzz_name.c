/* history/name: what is read, what is proposed in its place, new names, and their order. */
#include <string.h>

#include "fuzz.h"
#include "history/name.h"

/* 2025-07-03 07:58:50 UTC */
static const int64_t NOW = 1751529530;

static struct name read_name(struct fuzz *fuzz, enum naming naming, const char *entry,
                             bool is_folder, struct findings *findings)
{
    struct name name = {0};
    HOLDS(name_read(&fuzz->arena, naming, entry, is_folder, entry, &name, findings, &fuzz->err));
    return name;
}

/* A name that pawl itself gives is one that it takes. */
static void check_given(struct fuzz *fuzz, enum naming naming, const char *given,
                        const char *newest)
{
    struct findings findings = {0};
    const struct name name = read_name(fuzz, naming, given, naming == NAMING_FOLDER, &findings);
    HOLDS(name.role == NAME_MIGRATION);
    HOLDS(findings.count == 0);
    HOLDS(newest == NULL || version_compare(name.version, newest) > 0);
}

/* "rename it to "X"" names something that is right. */
static void check_fix(struct fuzz *fuzz, enum naming naming, const char *fix)
{
    static const char before[] = "rename it to \"";
    struct findings findings = {0};
    if (fix == NULL || strncmp(fix, before, sizeof before - 1) != 0)
        return;
    char *const meant = arena_strdup(&fuzz->arena, fix + sizeof before - 1);
    HOLDS(meant != NULL && meant[0] != '\0');
    meant[strlen(meant) - 1] = '\0';
    meant[strcspn(meant, "/")] = '\0';
    HOLDS(read_name(fuzz, naming, meant, naming == NAMING_FOLDER, &findings).role != NAME_BAD);
}

static void check_read(struct fuzz *fuzz, enum naming naming, const char *entry,
                       const struct name *name)
{
    HOLDS((name->role == NAME_BAD) == (fuzz->findings.count > 0));
    HOLDS(name->id != NULL && name->version != NULL && name->slug != NULL);
    HOLDS(strncmp(entry, name->id, strlen(name->id)) == 0);
    if (name->role == NAME_BAD)
        check_fix(fuzz, naming, fuzz->findings.items[0].fix);
    if (name->role != NAME_MIGRATION)
        return;
    HOLDS(name->id[0] != '\0' && name->version[0] != '\0');
    const char *const version = name_id_version(&fuzz->arena, name->id);
    HOLDS(version != NULL);
    /* Logto's releases may look like any version. */
    if (naming != NAMING_LOGTO)
        HOLDS(version_compare(version, name->version) == 0);
    HOLDS(naming == NAMING_SEQUENCE || name_fits(naming, entry));
}

static void check_order(const char *a, const char *b, const char *c)
{
    const int ab = version_compare(a, b), bc = version_compare(b, c), ac = version_compare(a, c);
    HOLDS(version_compare(a, a) == 0);
    HOLDS((version_compare(b, a) < 0) == (ab > 0) && (version_compare(b, a) > 0) == (ab < 0));
    if (ab <= 0 && bc <= 0)
        HOLDS(ac <= 0 && (ac < 0) == (ab < 0 || bc < 0));
    HOLDS(name_compare(a, "x", b, "x") == ab);
}

static void check_new(struct fuzz *fuzz, enum naming naming, const char *entry,
                      const struct name *other)
{
    const char *const newest = other->role == NAME_MIGRATION ? other->version : NULL;
    const char *const made = name_make(&fuzz->arena, naming, entry, newest, NOW, &fuzz->err);
    if (made != NULL)
        check_given(fuzz, naming, made, newest);
    const char *const renumbered =
        name_with_version(&fuzz->arena, naming, entry, newest, NOW, &fuzz->err);
    struct findings findings = {0};
    if (renumbered != NULL && naming != NAMING_FOLDER &&
        read_name(fuzz, naming, entry, false, &findings).role == NAME_MIGRATION)
        check_given(fuzz, naming, renumbered, newest);
}

/* The first byte says the scheme; then three names with slashes between them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    const char *names[3] = {"", "", ""};
    if (size == 0)
        return 0;
    const enum naming naming = (enum naming)(data[0] % 6);
    const bool is_folder = naming == NAMING_FOLDER && data[0] / 6 % 2 == 0;
    char *rest = fuzz_text(&fuzz, data + 1, size - 1);
    for (size_t i = 0; i < COUNT_OF(names) && rest != NULL; i++)
        names[i] = strsep(&rest, "/");
    const struct name name = read_name(&fuzz, naming, names[0], is_folder, &fuzz.findings);
    fuzz_check_findings(&fuzz.findings, "", 0);
    check_read(&fuzz, naming, names[0], &name);
    struct findings others = {0};
    const struct name other = read_name(&fuzz, naming, names[1], is_folder, &others);
    check_order(names[0], names[1], names[2]);
    check_new(&fuzz, naming, names[0], &other);
    int64_t epoch_s = 0;
    (void)version_epoch_s(naming, name.version, &epoch_s);
    fuzz_end(&fuzz);
    return 0;
}
