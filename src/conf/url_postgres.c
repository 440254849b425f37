/* Connection URIs and conninfo strings without their secrets. */
#include "conf/url_postgres.h"

#include <string.h>

#include "base/str.h"

/*
 * The parameters that may be shown. A list of what is harmless and not of what is secret: a new or
 * a mistyped parameter stays hidden. Left out on purpose: password, sslpassword,
 * oauth_client_secret, scram_client_key, scram_server_key.
 */
static const char *const harmless[] = {
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "application_name",
    "fallback_application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
};

static bool is_harmless(struct span name)
{
    for (size_t i = 0; i < COUNT_OF(harmless); i++)
        if (span_is(name, harmless[i]))
            return true;
    return false;
}

static bool finish(struct arena *arena, const char *text, const struct str *display, bool secret,
                   struct url *ret, struct err *err)
{
    if (display->failed)
        return err_nomem(err);
    *ret = (struct url){.engine = ENGINE_POSTGRES,
                        .location = arena_strdup(arena, text),
                        .display = arena_strdup(arena, str_text(display)),
                        .secret = secret};
    return (ret->location != NULL && ret->display != NULL) || err_nomem(err);
}

/* ---- conninfo ---- */

struct parameter {
    struct span name, raw; /* raw: the value with its quotes and backslashes */
};

static const char *skip_blanks(const char *at)
{
    while (ascii_space(*at))
        at++;
    return at;
}

/* The end of a value that starts here; NULL when its quote never closes. */
static const char *value_end(const char *at)
{
    const bool quoted = *at == '\'';
    for (at += quoted; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (quoted && *at == '\'')
            return at + 1;
        else if (!quoted && ascii_space(*at))
            return at;
    }
    return quoted ? NULL : at;
}

/* Reads the parameter at *at and moves *at behind it. */
static bool next_parameter(const char **at, struct parameter *ret, struct err *err)
{
    const char *p = *at;
    while (*p != '\0' && *p != '=' && !ascii_space(*p))
        p++;
    ret->name = (struct span){*at, (size_t)(p - *at)};
    p = skip_blanks(p);
    if (*p != '=' || ret->name.len == 0) {
        (void)err_set(err, ERR_USAGE, "a word of the connection string has no \"=\"");
        err_hint(err, "A value with blanks needs quotes: password='two words'.");
        return false;
    }
    p = skip_blanks(p + 1);
    const char *end = value_end(p);
    if (end == NULL) {
        (void)err_set(err, ERR_USAGE, "a quote in the connection string is never closed");
        err_hint(err, "Inside quotes write \\' for a quote and \\\\ for a backslash.");
        return false;
    }
    ret->raw = (struct span){p, (size_t)(end - p)};
    *at = skip_blanks(end);
    return true;
}

bool conninfo_recognized(const char *text)
{
    const char *p = text;
    while (ascii_letter(*p) || *p == '_')
        p++;
    return p > text && *skip_blanks(p) == '=';
}

bool conninfo_read(struct arena *arena, const char *text, struct url *ret, struct err *err)
{
    CLEANUP(str_release) struct str display = {0};
    bool secret = false;
    for (const char *at = skip_blanks(text); *at != '\0';) {
        struct parameter parameter;
        if (!next_parameter(&at, &parameter, err))
            return false;
        /* libpq would expand a dbname that is itself a connection string, password and all. */
        if (span_is(parameter.name, "dbname") &&
            memchr(parameter.raw.at, '=', parameter.raw.len) != NULL)
            return err_set(err, ERR_USAGE, "dbname in the connection string holds a \"=\"");
        if (span_is(parameter.name, "dbname") &&
            memmem(parameter.raw.at, parameter.raw.len, "://", 3) != NULL)
            return err_set(err, ERR_USAGE, "dbname in the connection string holds a URL");
        if (!is_harmless(parameter.name)) {
            secret = true;
            continue;
        }
        if (display.len > 0)
            str_putc(&display, ' ');
        str_append(&display, parameter.name.at, parameter.name.len);
        str_putc(&display, '=');
        str_append(&display, parameter.raw.at, parameter.raw.len);
    }
    return finish(arena, text, &display, secret, ret, err);
}

/* ---- URI ---- */

static int hex_value(char c)
{
    if (ascii_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that %XX at p stands for; 0 for anything else: no URI may hold %00. */
static char percent_byte(const char *p)
{
    const int high = hex_value(p[1]);
    const int low = high >= 0 ? hex_value(p[2]) : -1;
    return low >= 0 ? (char)(high * 16 + low) : '\0';
}

static bool percent_valid(const char *text)
{
    for (const char *p = strchr(text, '%'); p != NULL; p = strchr(p + 1, '%'))
        if (percent_byte(p) == '\0')
            return false;
    return true;
}

static bool misread(struct err *err, const char *message)
{
    (void)err_set(err, ERR_USAGE, "%s", message);
    err_hint(err,
             "In a user name, a password or a parameter write @ as %%40, / as %%2F, ? as %%3F, "
             ": as %%3A, & as %%26, = as %%3D and %% as %%25.");
    return false;
}

/* One or more host[:port] with commas between, up to "/" or "?" or the end. NULL when a port is no
 * number: then what stands there is part of a password with a raw "/" in it. */
static const char *hosts_end(const char *at)
{
    for (;;) {
        if (*at == '[')
            at += strcspn(at, "]/?");
        at += strcspn(at, ":/?,");
        if (*at == ':')
            for (at++; ascii_digit(*at);)
                at++;
        if (*at == '\0' || *at == '/' || *at == '?')
            return at;
        if (*at != ',')
            return NULL;
        at++;
    }
}

/* The name of a parameter with its percent-encoding undone, in out. */
static struct span decoded_name(const char *at, size_t len, struct str *out)
{
    str_clear(out);
    for (size_t i = 0; i < len; i++) {
        str_putc(out, at[i] == '%' ? percent_byte(at + i) : at[i]);
        if (at[i] == '%')
            i += 2;
    }
    return (struct span){str_text(out), out->len};
}

/* Appends the harmless parameters of a query (the text after "?") to display. */
static bool show_query(const char *at, struct str *display, bool *secret, struct err *err)
{
    CLEANUP(str_release) struct str name = {0};
    char before = '?';
    while (*at != '\0') {
        const size_t len = strcspn(at, "&");
        const char *equals = memchr(at, '=', len);
        if (equals == NULL || memchr(equals + 1, '=', len - (size_t)(equals + 1 - at)) != NULL)
            return misread(err, "a parameter of the URL is not of the form name=value");
        if (is_harmless(decoded_name(at, (size_t)(equals - at), &name))) {
            str_putc(display, before);
            str_append(display, at, len);
            before = '&';
        } else {
            *secret = true;
        }
        at += len + (at[len] == '&');
    }
    display->failed = display->failed || name.failed;
    return true;
}

/* The part before "@": the user is shown, the password is not. */
static bool show_user(const char *at, const char *end, struct str *display, bool *secret,
                      struct err *err)
{
    if (memchr(at, '?', (size_t)(end - at)) != NULL)
        return misread(err, "the URL has a raw \"?\" before its \"@\"");
    const char *colon = memchr(at, ':', (size_t)(end - at));
    str_append(display, at, (size_t)((colon != NULL ? colon : end) - at));
    if (colon != NULL)
        *secret = true;
    if (colon != at)
        str_putc(display, '@');
    return true;
}

bool postgres_uri_read(struct arena *arena, const char *text, struct url *ret, struct err *err)
{
    CLEANUP(str_release) struct str display = {0};
    bool secret = false;
    const char *at = strstr(text, "://") + 3;
    str_append(&display, text, (size_t)(at - text));
    if (!percent_valid(at))
        return misread(err, "the URL has a \"%\" that is not followed by two hexadecimal digits");
    /* As libpq reads it: the first of "@" and "/" decides whether there is a user. */
    const char *user_end = at + strcspn(at, "@/");
    if (*user_end == '@') {
        if (!show_user(at, user_end, &display, &secret, err))
            return false;
        at = user_end + 1;
    }
    const size_t before_query = strcspn(at, "?");
    if (memchr(at, '@', before_query) != NULL)
        return misread(err, "the URL has a raw \"@\" where none may be");
    const size_t bracket = strcspn(at, "[");
    if (at[bracket] == '[' && at[bracket + strcspn(at + bracket, "]/?")] != ']')
        return misread(err, "a \"[\" in the URL is never closed");
    const char *hosts = hosts_end(at);
    if (hosts == NULL)
        return misread(err, "the port in the URL is not a number");
    const char *query = at + before_query;
    str_append(&display, at, before_query);
    if (*query == '?' && !show_query(query + 1, &display, &secret, err))
        return false;
    return finish(arena, text, &display, secret, ret, err);
}
