/* The schemes, reading names, and guessing which name was meant. */
#include "history/name.h"

#include <string.h>

#include "base/fs.h"
#include "history/name_parts.h"
#include "history/version.h"

static const struct scheme schemes[] = {
    [NAMING_TIMESTAMP] = {.name = "timestamp",
                          .example = "20250703075850_add_users.sql",
                          .separator = "_",
                          .up = true,
                          .moment = true},
    [NAMING_EPOCH] = {.name = "epoch",
                      .example = "1751529530_add_users.sql",
                      .separator = "_",
                      .up = true,
                      .moment = true},
    [NAMING_LOGTO] = {.name = "logto",
                      .example = "next-1751529530-add-users.sql",
                      .separator = "-",
                      .moment = true},
    [NAMING_FLYWAY] = {.name = "flyway", .example = "V1_2__add_users.sql", .separator = "__"},
    [NAMING_SEQUENCE] = {.name = "sequence",
                         .example = "000042_add_users.sql",
                         .separator = "_",
                         .up = true},
    [NAMING_FOLDER] = {.name = "folder",
                       .example = "20250703075850_add_users/up.sql",
                       .separator = "_",
                       .folder = true,
                       .moment = true},
};

const struct scheme *scheme_of(enum naming naming)
{
    return &schemes[naming];
}

bool naming_parse(const char *name, enum naming *ret)
{
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        if (strcmp(schemes[i].name, name) == 0) {
            *ret = (enum naming)i;
            return true;
        }
    }
    return false;
}

const char *naming_name(enum naming naming)
{
    return schemes[naming].name;
}

const char *naming_example(enum naming naming)
{
    return schemes[naming].example;
}

/* Every run of characters that a name cannot have becomes one underscore (a hyphen for logto);
 * dots are not doubled. */
static void append_clean(enum naming naming, struct span words, size_t most, struct str *out)
{
    const char between = naming == NAMING_LOGTO ? '-' : '_';
    const size_t start = out->len;
    bool gap = false;
    for (size_t i = 0; i < words.len && out->len - start < most; i++) {
        const char c = words.at[i];
        const bool doubled = c == '.' && i > 0 && words.at[i - 1] == '.';
        if (!name_character(c) || doubled) {
            gap = gap || !doubled;
            continue;
        }
        const bool edge = out->len == start;
        if (edge && (c == '-' || c == '.' || c == '_'))
            continue;
        if (gap && !edge && c != between && out->data[out->len - 1] != between)
            str_putc(out, between);
        gap = false;
        str_putc(out, c);
    }
    while (!out->failed && out->len > start && strchr("._-", out->data[out->len - 1]) != NULL)
        out->data[--out->len] = '\0';
}

static void append_meant_version(enum naming naming, struct span version, struct str *out)
{
    char digits[NAME_MAX_BYTES], text[VERSION_BYTES];
    const char *unit = NULL;
    int64_t epoch_s = 0;
    const size_t count = version_digits(version, digits, sizeof digits);
    const bool right = name_check_version(naming, version).rule == NULL;
    if (!right && schemes[naming].moment && version_moment(digits, count, &epoch_s, &unit) &&
        version_format(naming, epoch_s, text)) {
        str_puts(out, text);
        return;
    }
    if (right || count < DATE_DIGITS || !schemes[naming].moment || !version_meant_date(digits)) {
        str_append(out, version.at, version.len);
        return;
    }
    /* Written as it was: with its hyphens. */
    for (size_t i = 0, d = 0; i < version.len; i++)
        str_putc(out, ascii_digit(version.at[i]) && d < count ? digits[d++] : version.at[i]);
}

/* 2024-03-13_170000_words: takes the time behind the date into the version. */
static bool append_date_and_time(enum naming naming, struct parts *parts, struct str *out)
{
    enum { DAY_DIGITS = 8, TIME_DIGITS = DATE_DIGITS - DAY_DIGITS };
    char digits[NAME_MAX_BYTES];
    struct civil civil;
    struct span *const slug = &parts->slug;
    if ((naming != NAMING_TIMESTAMP && naming != NAMING_FOLDER) || slug->len < TIME_DIGITS ||
        version_digits(parts->version, digits, sizeof digits) != DAY_DIGITS ||
        (slug->len > TIME_DIGITS && name_character(slug->at[TIME_DIGITS]) &&
         strchr("._-", slug->at[TIME_DIGITS]) == NULL))
        return false;
    memcpy(digits + DAY_DIGITS, slug->at, TIME_DIGITS);
    digits[DATE_DIGITS] = '\0';
    if (!version_civil(digits, &civil) || !civil_valid(&civil))
        return false;
    str_append(out, parts->version.at, parts->version.len);
    if (parts->version.len > DAY_DIGITS)
        str_putc(out, '-');
    str_append(out, slug->at, TIME_DIGITS);
    *slug = (struct span){slug->at + TIME_DIGITS, slug->len - TIME_DIGITS};
    return true;
}

/* Writes the name that was probably meant; false when even that is not a name of the scheme. */
static bool append_meant(enum naming naming, const char *entry, bool sql_file, struct str *out)
{
    const struct scheme *const scheme = &schemes[naming];
    const size_t len = name_len(entry);
    struct parts parts = name_split(naming, entry, len);
    if (naming == NAMING_FLYWAY && parts.prefix.len > 0)
        str_putc(out, (char)(parts.prefix.at[0] & ~0x20));
    else if (naming == NAMING_LOGTO && parts.prefix.len < 2)
        str_puts(out, "next-");
    else
        str_append(out, parts.prefix.at, parts.prefix.len);
    if (!append_date_and_time(naming, &parts, out))
        append_meant_version(naming, parts.version, out);
    str_puts(out, scheme->separator);
    struct span slug = parts.slug;
    if (scheme->folder && sql_file)
        slug.len -= slug.len >= 4 ? 4 : slug.len;
    append_clean(naming, slug, len > NAME_MAX_BYTES ? SLUG_MAX_BYTES : slug.len, out);
    if (!scheme->folder)
        str_puts(out, scheme->up && name_ends_with(entry, len, ".up.sql") ? ".up.sql" : ".sql");
    struct parts again;
    return !out->failed && name_check(naming, str_text(out), &again).rule == NULL &&
           strcmp(str_text(out), entry) != 0;
}

static void add_finding(struct arena *arena, enum naming naming, const char *entry, bool is_folder,
                        const char *path, const struct problem *problem, struct findings *findings)
{
    CLEANUP(str_release) struct str meant = {0};
    const bool sql_file = !is_folder && name_ends_with(entry, name_len(entry), ".sql");
    const bool known = append_meant(naming, entry, sql_file, &meant);
    const bool in_folder = known && schemes[naming].folder && sql_file;
    char *const fix = known ? arena_printf(arena, "rename it to \"%s%s\"", str_text(&meant),
                                           in_folder ? "/up.sql" : "")
                            : arena_printf(arena, "name it like \"%s\"", schemes[naming].example);
    if (fix == NULL || meant.failed) {
        findings->failed = true;
        return;
    }
    finding_add(arena, findings,
                &(struct finding){.rule = problem->rule,
                                  .severity = SEVERITY_ERROR,
                                  .file = path,
                                  .what = problem->what,
                                  .fix = fix,
                                  .meant = known && !in_folder ? str_text(&meant) : NULL});
}

static enum name_role role_by_ending(enum naming naming, const char *entry, bool is_folder)
{
    const size_t len = name_len(entry);
    if (is_folder)
        return schemes[naming].folder && entry[0] != '.' ? NAME_MIGRATION : NAME_OTHER;
    if (name_ends_with(entry, len, ".down.sql"))
        return NAME_DOWN;
    if (!name_ends_with(entry, len, ".sql"))
        return NAME_OTHER;
    return schemes[naming].folder ? NAME_BAD : NAME_MIGRATION;
}

static bool fill(struct arena *arena, enum naming naming, const char *entry,
                 const struct parts *parts, struct name *ret, struct err *err)
{
    const size_t id_len = strlen(entry) - (schemes[naming].folder ? 0 : parts->ending.len);
    ret->id = arena_strndup(arena, entry, id_len);
    ret->version = arena_strndup(arena, parts->version.at, parts->version.len);
    ret->slug = arena_strndup(arena, parts->slug.at, parts->slug.len);
    if (ret->id == NULL || ret->version == NULL || ret->slug == NULL)
        return err_nomem(err);
    return true;
}

bool name_read(struct arena *arena, enum naming naming, const char *entry, bool is_folder,
               const char *path, struct name *ret, struct findings *findings, struct err *err)
{
    struct parts parts;
    struct problem problem = name_check(naming, entry, &parts);
    struct name name = {.role = role_by_ending(naming, entry, is_folder)};
    if (!fill(arena, naming, entry, &parts, &name, err))
        return false;
    if (name.role == NAME_BAD)
        problem = problem_say("name-grammar", "a file stands where scheme \"%s\" has folders",
                              schemes[naming].name);
    if (name.role == NAME_MIGRATION || name.role == NAME_BAD) {
        if (problem.rule != NULL) {
            name.role = NAME_BAD;
            add_finding(arena, naming, entry, is_folder, path, &problem, findings);
        } else if (naming == NAMING_FLYWAY && parts.prefix.at[0] == 'U') {
            name.role = NAME_DOWN;
        } else if (name_is_repeatable(naming, &parts)) {
            name.role = NAME_REPEATABLE;
        }
    }
    *ret = name;
    return !findings->failed || err_nomem(err);
}

const char *name_id_version(struct arena *arena, const char *id)
{
    static const enum naming order[] = {NAMING_FLYWAY, NAMING_LOGTO, NAMING_FOLDER,
                                        NAMING_SEQUENCE};
    const size_t digits = strspn(id, "0123456789");
    if (digits > 0 && id[digits] == '_')
        return arena_strndup(arena, id, digits);
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        CLEANUP(str_release) struct str entry = {0};
        struct parts parts;
        str_printf(&entry, "%s%s", id, schemes[order[i]].folder ? "" : ".sql");
        if (entry.failed)
            return NULL;
        if (name_check(order[i], str_text(&entry), &parts).rule == NULL)
            return arena_strndup(arena, parts.version.at, parts.version.len);
    }
    return arena_strndup(arena, id, digits);
}

bool name_fits(enum naming naming, const char *entry)
{
    struct parts parts;
    if (name_check(naming, entry, &parts).rule != NULL)
        return false;
    /* Any number is a sequence, but one of 8 to 19 digits is rather a date or a clock's reading of
     * the wrong precision. */
    return naming != NAMING_SEQUENCE || parts.version.len < 8 || parts.version.len > 19;
}

bool name_sql_file(struct arena *arena, enum naming naming, const char *folder, const char *entry,
                   const char **ret, struct err *err)
{
    static const char *const files[] = {"up.sql", "migration.sql"};
    if (!schemes[naming].folder) {
        *ret = entry;
        return true;
    }
    *ret = NULL;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char *const relative = arena_printf(arena, "%s/%s", entry, files[i]);
        char *const path = relative != NULL ? fs_join(arena, folder, relative) : NULL;
        if (path == NULL)
            return err_nomem(err);
        if (fs_exists(path)) {
            *ret = relative;
            break;
        }
    }
    return true;
}
