/* Reading pawl.conf and the environment into values, and choosing a target. */
#include "conf/config.h"

#include <string.h>

#include "base/fs.h"
#include "base/suggest.h"
#include "conf/ini.h"
#include "conf/value.h"

static const char target_prefix[] = "target.";

/* What platforms set; it counts only where nothing else says which database is meant. */
static const char fallback_variable[] = "DATABASE_URL";

static const char *shown(struct arena *arena, const char *text)
{
    const char *printable = fs_printable(arena, text);
    return printable != NULL ? printable : "?";
}

const char *origin_name(enum origin origin)
{
    static const char *const names[] = {"default", "file", "environment", "flag"};
    return names[origin];
}

/* ---- the file ---- */

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return ".";
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static struct target *find_target(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->targets.count; i++)
        if (strcmp(config->targets.items[i].name, name) == 0)
            return &config->targets.items[i];
    return NULL;
}

static bool unknown_section(const struct config *config, const struct ini_section *section,
                            struct err *err)
{
    const char *names[SETTING_COUNT];
    for (size_t i = 0; i < SETTING_COUNT; i++)
        names[i] = setting_of_target(&settings[i]) ? "target.NAME" : settings[i].section;
    (void)err_set(err, ERR_USAGE, "unknown section [%s]", section->name);
    err_at(err, config->path, section->line, section->column);
    const char *near = suggest(section->name, names, SETTING_COUNT);
    if (strcmp(section->name, "target") == 0 || strcmp(section->name, target_prefix) == 0)
        err_hint(err, "A target has a name of its own: [target.main].");
    else if (near != NULL)
        err_hint(err, "Did you mean [%s]?", near);
    else
        err_hint(err, "The sections are [pawl], [deploy] and [target.NAME].");
    return false;
}

static bool add_section(struct arena *arena, struct config *config,
                        const struct ini_section *section, struct err *err)
{
    const size_t prefix_len = sizeof target_prefix - 1;
    if (strncmp(section->name, target_prefix, prefix_len) == 0 &&
        section->name[prefix_len] != '\0') {
        struct target *target = arena_push(arena, &config->targets);
        if (target == NULL)
            return err_nomem(err);
        target->name = section->name + prefix_len;
        return values_default(arena, true, target->values, err);
    }
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (!setting_of_target(&settings[i]) && strcmp(settings[i].section, section->name) == 0)
            return true;
    return unknown_section(config, section, err);
}

/* The section's kind: "target" for [target.NAME]. */
static const char *section_kind(const char *section)
{
    return strncmp(section, target_prefix, sizeof target_prefix - 1) == 0 ? "target" : section;
}

static bool unknown_setting(const struct config *config, const struct ini_entry *entry,
                            struct err *err)
{
    const char *const kind = section_kind(entry->section);
    const char *names[SETTING_COUNT];
    size_t count = 0;
    (void)err_set(err, ERR_USAGE, "unknown setting \"%s\" in [%s]", entry->key, entry->section);
    err_at(err, config->path, entry->line, entry->key_column);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].section, kind) == 0)
            names[count++] = settings[i].name;
        else if (strcmp(settings[i].name, entry->key) == 0) {
            err_hint(err, "It belongs into [%s].",
                     setting_of_target(&settings[i]) ? "target.NAME" : settings[i].section);
            return false;
        }
    }
    const char *near = suggest(entry->key, names, count);
    if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "`pawl config` lists the settings.");
    return false;
}

static bool apply_entry(struct arena *arena, struct config *config, const struct ini_entry *entry,
                        struct err *err)
{
    const char *const kind = section_kind(entry->section);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(settings[i].section, kind) != 0 || strcmp(settings[i].name, entry->key) != 0)
            continue;
        struct value *value = &config->values[i];
        if (setting_of_target(&settings[i]))
            value = &find_target(config, entry->section + sizeof target_prefix - 1)->values[i];
        if (!value_parse(arena, &settings[i], entry->value, value, err)) {
            err_prefix(err, "%s", entry->key);
            err_at(err, config->path, entry->line, entry->value_column);
            return false;
        }
        value->origin = ORIGIN_FILE;
        value->line = entry->line;
        return true;
    }
    return unknown_setting(config, entry, err);
}

static bool check_targets(const struct config *config, const struct ini *ini, struct err *err)
{
    for (size_t i = 0; i < ini->sections.count; i++) {
        const struct ini_section *section = &ini->sections.items[i];
        if (strcmp(section_kind(section->name), "target") != 0)
            continue;
        const struct target *target = find_target(config, section->name + sizeof target_prefix - 1);
        if (target->values[SETTING_URL].origin != ORIGIN_DEFAULT)
            continue;
        (void)err_set(err, ERR_USAGE, "[%s] has no url", section->name);
        err_hint(err, "Add `url = ...`; env:NAME takes it from the environment.");
        err_at(err, config->path, section->line, section->column);
        return false;
    }
    return true;
}

static bool read_file(struct arena *arena, const char *path, struct config *config, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    struct ini ini;
    if (!fs_read(arena, path, INI_MAX_BYTES, &text, &len, err))
        return false;
    config->path = arena_strdup(arena, path);
    config->folder = folder_of(arena, path);
    if (config->path == NULL || config->folder == NULL)
        return err_nomem(err);
    if (!ini_parse(arena, path, text, len, &ini, err))
        return false;
    for (size_t i = 0; i < ini.sections.count; i++)
        if (!add_section(arena, config, &ini.sections.items[i], err))
            return false;
    for (size_t i = 0; i < ini.entries.count; i++)
        if (!apply_entry(arena, config, &ini.entries.items[i], err))
            return false;
    return check_targets(config, &ini, err);
}

/* ---- the environment ---- */

/* NULL when it is not set, or empty: an empty variable is how many tools unset one. */
static const char *environment(const char *name)
{
    const char *text = name != NULL ? getenv(name) : NULL;
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool read_environment(struct arena *arena, struct config *config, struct err *err)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *text = environment(settings[i].environment);
        if (text == NULL || setting_of_target(&settings[i]))
            continue;
        if (!value_parse(arena, &settings[i], text, &config->values[i], err)) {
            err_prefix(err, "environment variable %s", settings[i].environment);
            return false;
        }
        config->values[i].origin = ORIGIN_ENVIRONMENT;
        config->values[i].source = settings[i].environment;
    }
    return true;
}

bool config_load(struct arena *arena, const char *path, struct config *ret, struct err *err)
{
    *ret = (struct config){.folder = "."};
    if (!values_default(arena, false, ret->values, err))
        return false;
    if (path == NULL && fs_exists(CONFIG_FILE_NAME))
        path = CONFIG_FILE_NAME;
    return (path == NULL || read_file(arena, path, ret, err)) && read_environment(arena, ret, err);
}

bool config_set(struct arena *arena, struct config *config, enum setting_id id, const char *text,
                const char *flag, struct err *err)
{
    struct value value;
    if (!value_parse(arena, &settings[id], text, &value, err)) {
        err_prefix(err, "%s", flag);
        return false;
    }
    value.origin = ORIGIN_FLAG;
    value.source = flag;
    config->values[id] = value;
    return true;
}

const char *config_folder_of(const struct config *config, const struct value *value)
{
    return value->origin == ORIGIN_DEFAULT || value->origin == ORIGIN_FILE ? config->folder : ".";
}

const char *config_migrations(struct arena *arena, const struct config *config)
{
    const struct value *value = &config->values[SETTING_MIGRATIONS];
    return fs_join(arena, config_folder_of(config, value), value->text);
}

/* ---- the target ---- */

/* A target that no file names: this URL, and defaults. */
static bool make_target(struct arena *arena, const char *name, const char *url, const char *source,
                        enum origin origin, struct target *ret, struct err *err)
{
    *ret = (struct target){.name = name};
    if (!values_default(arena, true, ret->values, err))
        return false;
    if (!value_parse(arena, &settings[SETTING_URL], url, &ret->values[SETTING_URL], err)) {
        err_prefix(err, origin == ORIGIN_FLAG ? "%s" : "environment variable %s", source);
        return false;
    }
    ret->values[SETTING_URL].origin = origin;
    ret->values[SETTING_URL].source = source;
    return true;
}

/* "a, b, c" */
static const char *target_names(struct arena *arena, const struct config *config)
{
    const char *names = "";
    for (size_t i = 0; names != NULL && i < config->targets.count && i < 20; i++)
        names =
            arena_printf(arena, "%s%s%s", names, i > 0 ? ", " : "", config->targets.items[i].name);
    return names != NULL ? names : "?";
}

static bool named_target(struct arena *arena, const struct config *config, const char *name,
                         struct target *ret, struct err *err)
{
    const struct target *found = find_target(config, name);
    if (found != NULL) {
        *ret = *found;
        return true;
    }
    (void)err_set(err, ERR_USAGE, "no target is named \"%s\"", shown(arena, name));
    const size_t count = config->targets.count;
    const char **names = arena_alloc(arena, (count + 1) * sizeof *names);
    if (names == NULL)
        return err_nomem(err);
    for (size_t i = 0; i < count; i++)
        names[i] = config->targets.items[i].name;
    const char *near = suggest(name, names, count);
    if (count == 0)
        err_hint(err, "Add a section [target.NAME] with `url = ...` to %s.", CONFIG_FILE_NAME);
    else if (near != NULL)
        err_hint(err, "Did you mean \"%s\"?", near);
    else
        err_hint(err, "The targets are: %s.", target_names(arena, config));
    return false;
}

static bool choose_target(struct arena *arena, const struct config *config, const char *target,
                          const char *url, struct target *ret, struct err *err)
{
    const char *const from_environment = environment(settings[SETTING_URL].environment);
    const char *const fallback = environment(fallback_variable);
    if (target != NULL && url != NULL)
        return err_set(err, ERR_USAGE, "--target and --url exclude each other");
    if (target != NULL)
        return named_target(arena, config, target, ret, err);
    if (url != NULL)
        return make_target(arena, "url", url, "--url", ORIGIN_FLAG, ret, err);
    if (from_environment != NULL)
        return make_target(arena, "env", from_environment, settings[SETTING_URL].environment,
                           ORIGIN_ENVIRONMENT, ret, err);
    if (config->targets.count == 1) {
        *ret = config->targets.items[0];
        return true;
    }
    if (config->targets.count > 1) {
        (void)err_set(err, ERR_USAGE, "%zu targets are configured and none was chosen",
                      config->targets.count);
        err_hint(err, "Add --target with one of: %s.", target_names(arena, config));
        return false;
    }
    if (fallback != NULL)
        return make_target(arena, "env", fallback, fallback_variable, ORIGIN_ENVIRONMENT, ret, err);
    (void)err_set(err, ERR_USAGE, "no target is configured");
    err_hint(err, "Type `pawl init`, or give --url, or set %s.", fallback_variable);
    return false;
}

bool config_target(struct arena *arena, const struct config *config, const char *target,
                   const char *url, struct target *ret, struct err *err)
{
    if (!choose_target(arena, config, target, url, ret, err))
        return false;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (setting_of_target(&settings[i]) && config->values[i].origin == ORIGIN_FLAG)
            ret->values[i] = config->values[i];
    return true;
}
