/* How another program connects to a shadow. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "check/shadow_parts.h"

/* The last of that name; else what this process was given. */
static const char *value_of(const char *const *variables, const char *name)
{
    const size_t len = strlen(name);
    const char *found = getenv(name);
    for (size_t i = 0; variables[i] != NULL; i++)
        if (strncmp(variables[i], name, len) == 0 && variables[i][len] == '=')
            found = variables[i] + len + 1;
    return found;
}

static void put_encoded(struct str *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (ascii_letter(*c) || ascii_digit(*c) || strchr("-._~", *c) != NULL)
            str_putc(out, *c);
        else
            str_printf(out, "%%%02X", (unsigned char)*c);
}

/* A socket's folder is no host in a URL: it is a parameter, as all that has no place of its own. */
static void put_parameters(struct str *out, const char *const *variables)
{
    static const struct {
        const char *variable, *keyword;
    } parameters[] = {{"PGHOST", "host"},
                      {"PGHOSTADDR", "hostaddr"},
                      {"PGPORT", "port"},
                      {"PGSSLMODE", "sslmode"},
                      {"PGSSLCERT", "sslcert"},
                      {"PGSSLKEY", "sslkey"},
                      {"PGSSLROOTCERT", "sslrootcert"}};
    const char *const host = value_of(variables, "PGHOST");
    const bool is_place = host != NULL && host[0] != '/' && strchr(host, ',') == NULL;
    bool first = true;
    for (size_t i = is_place ? 3 : 0; i < COUNT_OF(parameters); i++) {
        const char *const value = value_of(variables, parameters[i].variable);
        if (value == NULL || value[0] == '\0')
            continue;
        str_printf(out, "%c%s=", first ? '?' : '&', parameters[i].keyword);
        put_encoded(out, value);
        first = false;
    }
}

static const char *url_of(struct arena *arena, const char *const *variables)
{
    CLEANUP(str_release) struct str url = {0};
    const char *const host = value_of(variables, "PGHOST"), *const port =
                                                                value_of(variables, "PGPORT");
    const char *const user = value_of(variables, "PGUSER");
    const char *const password = value_of(variables, "PGPASSWORD");
    str_puts(&url, "DATABASE_URL=postgresql://");
    if (user != NULL) {
        put_encoded(&url, user);
        if (password != NULL) {
            str_putc(&url, ':');
            put_encoded(&url, password);
        }
        str_putc(&url, '@');
    }
    if (host != NULL && host[0] != '/' && strchr(host, ',') == NULL) {
        str_puts(&url, host);
        if (port != NULL)
            str_printf(&url, ":%s", port);
    }
    str_putc(&url, '/');
    put_encoded(&url, value_of(variables, "PGDATABASE"));
    put_parameters(&url, variables);
    return url.failed ? NULL : arena_strdup(arena, str_text(&url));
}

bool shadow_environment(struct shadow *shadow, const char *const **ret, struct err *err)
{
    const char *const name = shadow_name(shadow, shadow->copies);
    const char *const *given;
    size_t count = 0;
    if (name == NULL)
        return err_nomem(err);
    if (!pg_environment(shadow->arena, shadow->options.server->location, &given, err))
        return false;
    while (given[count] != NULL)
        count++;
    const char **const all = arena_alloc(shadow->arena, (count + 3) * sizeof *all);
    if (all == NULL)
        return err_nomem(err);
    memcpy(all, given, count * sizeof *all);
    all[count] = arena_printf(shadow->arena, "PGDATABASE=%s", name);
    if (all[count] != NULL)
        all[count + 1] = url_of(shadow->arena, all);
    *ret = all;
    return (all[count] != NULL && all[count + 1] != NULL) || err_nomem(err);
}
