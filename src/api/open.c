/* From the caller's options to a handle. */
#include <stddef.h>
#include <string.h>

#include "api/handle.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/value.h"

_Static_assert((int)PAWL_NOTE == SEVERITY_NOTE && (int)PAWL_WARNING == SEVERITY_WARNING &&
                   (int)PAWL_ERROR == SEVERITY_ERROR,
               "one severity is cast to the other");

/* An option that is a setting, so that its values and limits are those of pawl.conf. */
struct option_row {
    const char *name;
    size_t offset; /* of a text, or of milliseconds when the setting is a duration */
    enum setting_id setting;
};

#define ROW(member, setting)                                                                       \
    {                                                                                              \
#member, offsetof(struct pawl_options, member), setting                                    \
    }

static const struct option_row rows[] = {
    ROW(url, SETTING_URL),
    ROW(migrations, SETTING_MIGRATIONS),
    ROW(naming, SETTING_NAMING),
    ROW(dialect, SETTING_DIALECT),
    ROW(ledger, SETTING_LEDGER),
    ROW(schema, SETTING_SCHEMA),
    ROW(role, SETTING_ROLE),
    ROW(app_role, SETTING_APP_ROLE),
    ROW(out_of_order, SETTING_OUT_OF_ORDER),
    ROW(missing, SETTING_MISSING),
    ROW(connect_timeout_ms, SETTING_CONNECT_TIMEOUT),
    ROW(lock_timeout_ms, SETTING_LOCK_TIMEOUT),
    ROW(lock_budget_ms, SETTING_LOCK_BUDGET),
};

static bool is_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* The caller's struct may be older and shorter than ours, or newer and longer: what only one side
 * knows has to be zero. */
static bool copy_options(const struct pawl_options *given, struct pawl_options *ret,
                         struct err *err)
{
    const size_t least = offsetof(struct pawl_options, url) + sizeof given->url;
    *ret = (struct pawl_options)PAWL_OPTIONS_INIT;
    if (given == NULL)
        return err_set(err, ERR_USAGE, "the options are NULL");
    if (given->size < least)
        return err_set(err, ERR_USAGE,
                       "options of %zu bytes: size is not sizeof(struct pawl_options)",
                       given->size);
    const size_t known = given->size < sizeof *ret ? given->size : sizeof *ret;
    if (!is_zero((const unsigned char *)given + known, given->size - known))
        return err_set(err, ERR_USAGE,
                       "the options hold one that this version of pawl (" PAWL_VERSION
                       ") does not know");
    memcpy(ret, given, known);
    return true;
}

/* The option as it would stand in pawl.conf; NULL when it was not given. */
static const char *option_text(const struct pawl_options *options, const struct option_row *row,
                               char number[CLOCK_ISO_BYTES])
{
    const char *const at = (const char *)options + row->offset;
    const char *text;
    int64_t ms;
    if (settings[row->setting].type != SETTING_DURATION) {
        memcpy(&text, at, sizeof text);
        return text;
    }
    memcpy(&ms, at, sizeof ms);
    clock_format_duration_ms(ms, number);
    return ms != 0 ? number : NULL;
}

static bool read_row(struct pawl *pawl, const struct pawl_options *options,
                     const struct option_row *row, struct err *err)
{
    char number[CLOCK_ISO_BYTES];
    const struct setting *const setting = &settings[row->setting];
    struct value *const value = setting_of_target(setting) ? &pawl->target.values[row->setting]
                                                           : &pawl->config.values[row->setting];
    const char *const text = option_text(options, row, number);
    if (text == NULL)
        return true;
    if (!value_parse(&pawl->arena, setting, text, value, err)) {
        err_prefix(err, "option %s", row->name);
        return false;
    }
    value->origin = ORIGIN_FLAG;
    value->source = row->name;
    return true;
}

static bool read_settings(struct pawl *pawl, const struct pawl_options *options, struct err *err)
{
    pawl->config.folder = ".";
    pawl->target.name = "url";
    if (!values_default(&pawl->arena, false, pawl->config.values, err) ||
        !values_default(&pawl->arena, true, pawl->target.values, err))
        return false;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (!read_row(pawl, options, &rows[i], err))
            return false;
    return true;
}

static bool resolve(struct pawl *pawl, struct err *err)
{
    const struct value *const values = pawl->config.values;
    const struct value *const url = &pawl->target.values[SETTING_URL];
    if (url->origin == ORIGIN_DEFAULT)
        return err_set(err, ERR_USAGE, "option url is missing");
    if (!url_parse(&pawl->arena, url->text, ".", &pawl->url, err)) {
        err_prefix(err, "option url");
        return false;
    }
    pawl->set.folder = config_migrations(&pawl->arena, &pawl->config);
    if (pawl->set.folder == NULL)
        return err_nomem(err);
    /* Both texts were checked against the settings' choices; "auto" is no dialect. */
    (void)naming_parse(values[SETTING_NAMING].text, &pawl->set.naming);
    if (!dialect_parse(values[SETTING_DIALECT].text, &pawl->set.dialect))
        pawl->set.dialect = pawl->url.engine == ENGINE_SQLITE ? DIALECT_SQLITE : DIALECT_POSTGRES;
    return true;
}

/* NULL for an empty text: a variable that was not set is often given on as one. */
static bool copy_text(struct pawl *pawl, const char *text, const char **ret, struct err *err)
{
    if (text == NULL || text[0] == '\0')
        return true;
    *ret = arena_strdup(&pawl->arena, text);
    return *ret != NULL || err_nomem(err);
}

static bool read_options(struct pawl *pawl, const struct pawl_options *given, struct err *err)
{
    struct pawl_options options;
    if (!copy_options(given, &options, err) || !read_settings(pawl, &options, err) ||
        !resolve(pawl, err) || !copy_text(pawl, options.release, &pawl->release, err) ||
        !copy_text(pawl, options.to, &pawl->to, err))
        return false;
    pawl->wait.cancel_fd = options.cancel_fd > 0 ? options.cancel_fd : -1;
    pawl->on_event = options.on_event;
    pawl->context = options.context;
    return true;
}

enum pawl_code pawl_open(const struct pawl_options *options, struct pawl **ret)
{
    enum pawl_code code;
    if (ret == NULL)
        return PAWL_USAGE;
    *ret = mem_alloc(sizeof **ret);
    if (*ret == NULL)
        return PAWL_FAILED;
    **ret = (struct pawl){.wait = {.cancel_fd = -1}, .usable = true};
    atomic_flag_clear(&(*ret)->busy);
    if (!call_begin(*ret, &code))
        return code;
    (*ret)->usable = read_options(*ret, options, &(*ret)->err);
    return call_end(*ret, (*ret)->usable);
}

void pawl_close(struct pawl *pawl)
{
    if (pawl == NULL)
        return;
    err_release(&pawl->err);
    arena_release(&pawl->call);
    arena_release(&pawl->arena);
    free(pawl);
}
