/* Which engine a URL means, and where: schemes, pointers and SQLite paths. */
#include "conf/url.h"

#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/suggest.h"
#include "conf/url_postgres.h"

enum { URL_MAX_BYTES = 8000 };

static const char understood[] =
    "Write sqlite:PATH, postgres://USER@HOST/DATABASE, a libpq connection string "
    "(host=... dbname=...), env:NAME or file:PATH.";

/* A text to read and where it came from. */
struct source {
    struct arena *arena;
    const char *text;
    const char *folder;
    const char *pointer; /* "env:NAME" or "file:PATH"; NULL when the text was given directly. What a
                            pointer leads to is never shown: it may be a password by mistake. */
};

const char *engine_name(enum engine engine)
{
    static const char *const names[] = {"postgres", "sqlite"};
    return names[engine];
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool url_is_pointer(const char *text)
{
    return starts_with(text, "env:") || starts_with(text, "file:");
}

static const char *shown(struct arena *arena, const char *text)
{
    const char *printable = fs_printable(arena, text);
    return printable != NULL ? printable : "?";
}

/* ---- SQLite ---- */

static bool refuse_slashes(const struct source *source, const char *path, struct err *err)
{
    (void)err_set(err, ERR_USAGE,
                  "\"sqlite:///\" is read as a relative path by some tools and as "
                  "an absolute one by others");
    err_hint(err, "Write sqlite:%s for a path from here, or sqlite:/%s for one from the root.",
             shown(source->arena, path), shown(source->arena, path));
    return false;
}

static bool check_sqlite_path(const struct source *source, const char *path, struct err *err)
{
    if (path[0] == '\0') {
        (void)err_set(err, ERR_USAGE, "\"sqlite:\" has no path");
        err_hint(err, "Name a file: sqlite:pawl.db.");
        return false;
    }
    if (path[0] == ':' || starts_with(path, "file:")) {
        (void)err_set(err, ERR_USAGE, "\"sqlite:%s\" is not a file: nothing would remain of it",
                      shown(source->arena, path));
        err_hint(err, "Name a file: sqlite:pawl.db.");
        return false;
    }
    if (strchr(path, '?') != NULL) {
        (void)err_set(err, ERR_USAGE, "a SQLite path takes no \"?\" and no parameters");
        err_hint(err, "%s", understood);
        return false;
    }
    if (path[strlen(path) - 1] == '/')
        return err_set(err, ERR_USAGE, "the SQLite path is a folder, not a file");
    return true;
}

static bool read_sqlite(const struct source *source, struct url *ret, struct err *err)
{
    const char *path = source->text + strlen("sqlite:");
    if (starts_with(path, "//")) {
        const size_t slashes = strspn(path, "/");
        if (slashes == 3)
            return refuse_slashes(source, path + 3, err);
        path += slashes == 2 ? 2 : slashes - 1;
    }
    if (!check_sqlite_path(source, path, err))
        return false;
    *ret = (struct url){.engine = ENGINE_SQLITE,
                        .location = fs_join(source->arena, source->folder, path)};
    if (ret->location != NULL)
        ret->display = arena_printf(source->arena, "sqlite:%s", ret->location);
    return ret->display != NULL || err_nomem(err);
}

/* ---- what is not understood ---- */

/* What other tools call the same thing. */
static const struct {
    const char *scheme, *hint;
} other_words[] = {
    {"sqlite3", "Write sqlite:PATH."},
    {"jdbc", "Leave out \"jdbc:\"; user and password stand before the host: "
             "postgres://USER@HOST/DATABASE."},
    {"pgsql", "Write postgres://USER@HOST/DATABASE."},
    {"psql", "Write postgres://USER@HOST/DATABASE."},
    {"pg", "Write postgres://USER@HOST/DATABASE."},
    {"postgres", "Two slashes follow: postgres://USER@HOST/DATABASE."},
    {"postgresql", "Two slashes follow: postgresql://USER@HOST/DATABASE."},
    {"http", "That is an address of the web, not of a database."},
    {"https", "That is an address of the web, not of a database."},
};

static bool refuse_scheme(const struct source *source, size_t scheme_len, struct err *err)
{
    static const char *const schemes[] = {"sqlite", "postgres", "postgresql", "env", "file"};
    const struct span scheme = {source->text, scheme_len};
    const char *copy = arena_strndup(source->arena, scheme.at, scheme.len);
    if (copy == NULL)
        return err_nomem(err);
    /* "user:secret@host" looks like a scheme; then the word is a name, and harmless. */
    if (source->pointer != NULL)
        (void)err_set(err, ERR_USAGE, "what %s holds has a scheme that pawl does not understand",
                      shown(source->arena, source->pointer));
    else
        (void)err_set(err, ERR_USAGE, "pawl does not understand the scheme \"%s:\"",
                      shown(source->arena, copy));
    for (size_t i = 0; i < COUNT_OF(other_words); i++)
        if (span_is_nocase(scheme, other_words[i].scheme)) {
            err_hint(err, "%s", other_words[i].hint);
            return false;
        }
    const char *near = suggest(copy, schemes, COUNT_OF(schemes));
    if (near != NULL)
        err_hint(err, "Did you mean \"%s:\"?", near);
    else
        err_hint(err, "%s", understood);
    return false;
}

static bool refuse_word(const struct source *source, struct err *err)
{
    if (source->text[0] == '\0') {
        (void)err_set(err, ERR_USAGE, "the URL is empty");
        err_hint(err, "%s", understood);
    } else if (source->pointer != NULL || strpbrk(source->text, "@=:") != NULL) {
        (void)err_set(err, ERR_USAGE, "the URL has no scheme");
        err_hint(err, "%s", understood);
    } else {
        const char *word = shown(source->arena, source->text);
        (void)err_set(err, ERR_USAGE, "\"%s\" is not a URL", word);
        err_hint(err, "Did you mean sqlite:%s?", word);
    }
    return false;
}

/* The length of "name" in "name:..."; 0 when the text does not start so. */
static size_t scheme_length(const char *text)
{
    const size_t len = strcspn(text, ":");
    for (size_t i = 0; i < len; i++)
        if (!ascii_letter(text[i]) && !ascii_digit(text[i]) && strchr("+-.", text[i]) == NULL)
            return 0;
    return text[len] == ':' ? len : 0;
}

/* ---- reading ---- */

static bool check_bytes(const char *text, struct err *err)
{
    size_t bad = 0;
    const size_t len = strlen(text);
    if (len > URL_MAX_BYTES)
        return err_set(err, ERR_USAGE, "the URL is longer than %d bytes", URL_MAX_BYTES);
    if (!utf8_valid(text, len, &bad))
        return err_set(err, ERR_USAGE, "the URL is not UTF-8");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return err_set(err, ERR_USAGE, "the URL holds a control character");
    return true;
}

static bool read_direct(const struct source *source, struct url *ret, struct err *err)
{
    if (!check_bytes(source->text, err))
        return false;
    if (starts_with(source->text, "sqlite:"))
        return read_sqlite(source, ret, err);
    if (starts_with(source->text, "postgres://") || starts_with(source->text, "postgresql://"))
        return postgres_uri_read(source->arena, source->text, ret, err);
    if (conninfo_recognized(source->text))
        return conninfo_read(source->arena, source->text, ret, err);
    const size_t scheme_len = scheme_length(source->text);
    return scheme_len > 0 ? refuse_scheme(source, scheme_len, err) : refuse_word(source, err);
}

/* A copy without white space at both ends. */
static char *trimmed_copy(struct arena *arena, const char *text, size_t len)
{
    while (len > 0 && ascii_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && ascii_space(text[len - 1]))
        len--;
    return arena_strndup(arena, text, len);
}

static bool follow_environment(struct source *source, const char *name, struct err *err)
{
    const char *text = getenv(name);
    if (text == NULL || text[0] == '\0') {
        (void)err_set(err, ERR_USAGE, "environment variable \"%s\" is %s",
                      shown(source->arena, name), text == NULL ? "not set" : "empty");
        err_hint(err, "The target's url is \"%s\": set the variable to the database's URL.",
                 shown(source->arena, source->pointer));
        return false;
    }
    source->text = trimmed_copy(source->arena, text, strlen(text));
    return source->text != NULL || err_nomem(err);
}

static bool follow_file(struct source *source, const char *name, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    const char *path = fs_join(source->arena, source->folder, name);
    if (path == NULL)
        return err_nomem(err);
    if (!fs_read(source->arena, path, URL_MAX_BYTES, &text, &len, err))
        return false;
    if (memchr(text, '\0', len) != NULL)
        return err_set(err, ERR_USAGE, "the URL holds a control character");
    source->text = trimmed_copy(source->arena, text, len);
    return source->text != NULL || err_nomem(err);
}

static bool follow(struct source *source, struct err *err)
{
    source->pointer = source->text;
    const char *name = strchr(source->text, ':') + 1;
    if (name[0] == '\0')
        return err_set(err, ERR_USAGE, "\"%s\" names nothing", source->pointer);
    if (starts_with(source->text, "env:") ? !follow_environment(source, name, err)
                                          : !follow_file(source, name, err))
        return false;
    return !url_is_pointer(source->text) ||
           err_set(err, ERR_USAGE, "what it holds points on to another place: one step is enough");
}

bool url_parse(struct arena *arena, const char *text, const char *folder, struct url *ret,
               struct err *err)
{
    struct source source = {.arena = arena, .folder = folder};
    *ret = (struct url){0};
    source.text = trimmed_copy(arena, text, strlen(text));
    if (source.text == NULL)
        return err_nomem(err);
    const bool found = !url_is_pointer(source.text) || follow(&source, err);
    if (found && read_direct(&source, ret, err))
        return true;
    if (source.pointer != NULL && err->code != ERR_NOMEM)
        err_prefix(err, "%s", shown(arena, source.pointer));
    return false;
}
