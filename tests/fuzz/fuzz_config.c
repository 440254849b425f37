/* conf/ini and conf/config: any file is read or refused with its place; what the reader of lines
 * accepts, it accepts again when written out. */
#include <string.h>

#include "conf/config.h"
#include "conf/ini.h"
#include "fuzz.h"

static bool same(const struct ini_entry *a, const struct ini_entry *b)
{
    return strcmp(a->section, b->section) == 0 && strcmp(a->key, b->key) == 0 &&
           strcmp(a->value, b->value) == 0;
}

static void check_again(struct fuzz *fuzz, const struct ini *ini)
{
    struct str text = {0};
    struct ini again;
    size_t entry = 0;
    for (size_t i = 0; i < ini->sections.count; i++) {
        const char *const name = ini->sections.items[i].name;
        str_printf(&text, "[%s]\r\n# a remark\n", name);
        for (; entry < ini->entries.count && strcmp(ini->entries.items[entry].section, name) == 0;
             entry++)
            str_printf(&text, "\t%s=  %s \n", ini->entries.items[entry].key,
                       ini->entries.items[entry].value);
    }
    HOLDS(entry == ini->entries.count);
    HOLDS(ini_parse(&fuzz->arena, "again", str_text(&text), text.len, &again, &fuzz->err));
    HOLDS(again.sections.count == ini->sections.count);
    HOLDS(again.entries.count == ini->entries.count);
    for (size_t i = 0; i < ini->entries.count; i++)
        HOLDS(same(&again.entries.items[i], &ini->entries.items[i]));
    str_release(&text);
}

static void check_ini(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    struct ini ini;
    char *const text = fuzz_bytes(data, size);
    if (ini_parse(&fuzz->arena, "a.conf", text, size, &ini, &fuzz->err))
        check_again(fuzz, &ini);
    else
        HOLDS(fuzz->err.code == ERR_USAGE && fuzz->err.line > 0 && fuzz->err.column > 0);
    free(text);
}

/* A setting within its bounds, whatever the file says. */
static void check_value(const struct setting *setting, const struct value *value)
{
    HOLDS(value->text != NULL);
    HOLDS(value->origin == ORIGIN_DEFAULT || (value->origin == ORIGIN_FILE && value->line > 0));
    if (setting->type == SETTING_DURATION || setting->type == SETTING_NUMBER ||
        setting->type == SETTING_SIZE)
        HOLDS(value->number >= setting->min && value->number <= setting->max);
}

static void check_config(struct fuzz *fuzz, const uint8_t *data, size_t size)
{
    struct config config;
    struct target target;
    struct err err = {0};
    if (!config_load(&fuzz->arena, fuzz_file(data, size), &config, &err)) {
        HOLDS(err.code == ERR_USAGE && err.message != NULL && err.line > 0);
        err_release(&err);
        return;
    }
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (strcmp(settings[i].section, "target") != 0)
            check_value(&settings[i], &config.values[i]);
    for (size_t t = 0; t < config.targets.count; t++) {
        HOLDS(config_target(&fuzz->arena, &config, config.targets.items[t].name, NULL, &target,
                            &err));
        for (size_t i = 0; i < SETTING_COUNT; i++)
            if (strcmp(settings[i].section, "target") == 0)
                check_value(&settings[i], &target.values[i]);
        HOLDS(target.values[SETTING_URL].text[0] != '\0');
    }
    HOLDS(config_migrations(&fuzz->arena, &config) != NULL);
    if (!config_target(&fuzz->arena, &config, NULL, NULL, &target, &err))
        HOLDS(config.targets.count != 1);
    err_release(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    check_ini(&fuzz, data, size);
    check_config(&fuzz, data, size);
    fuzz_end(&fuzz);
    return 0;
}
