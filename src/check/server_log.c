/* The stream, its records, and the SQL in them. */
#include "check/server_log.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* Beyond a record, so that what follows it can be seen. */
enum { BUFFER_BYTES = SERVER_LOG_MAX_RECORD_BYTES + (64 << 10) };

static const char LOG[] = "LOG";

struct log_stream {
    int fd;
    const char *path;
    const struct server_log_prefix *prefix;
    server_log_fn *take;
    void *context;
    struct server_log_counts *counts;
    char *buffer;
    size_t start, end;
    bool ended;
    struct str user, database, application, message; /* of the record at hand */
};

static void release_stream(struct log_stream *stream)
{
    free(stream->buffer);
    str_release(&stream->user);
    str_release(&stream->database);
    str_release(&stream->application);
    str_release(&stream->message);
}

static bool is_full(const struct log_stream *stream)
{
    return stream->end - stream->start > SERVER_LOG_MAX_RECORD_BYTES;
}

static bool read_more(struct log_stream *stream, struct err *err)
{
    if (stream->start > 0) {
        memmove(stream->buffer, stream->buffer + stream->start, stream->end - stream->start);
        stream->end -= stream->start;
        stream->start = 0;
    }
    for (;;) {
        const ssize_t got =
            read(stream->fd, stream->buffer + stream->end, BUFFER_BYTES - stream->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, ERR_USAGE, "cannot read %s", stream->path);
        stream->end += (size_t)got;
        stream->ended = got == 0;
        return true;
    }
}

static struct span rest_of(const struct log_stream *stream)
{
    return (struct span){stream->buffer + stream->start, stream->end - stream->start};
}

/* The first line with its end; what is there where none is. */
static struct span first_line(struct span text)
{
    const char *const end = memchr(text.at, '\n', text.len);
    return (struct span){text.at, end != NULL ? (size_t)(end - text.at) + 1 : text.len};
}

static size_t count_lines(struct span text)
{
    size_t count = 0;
    for (struct span rest = text; rest.len > 0;) {
        const size_t len = first_line(rest).len;
        rest = (struct span){rest.at + len, rest.len - len};
        count++;
    }
    return count;
}

/* ---- records ---- */

static struct span span_of(const struct str *str)
{
    return (struct span){str_text(str), str->len};
}

static void clear_record(struct log_stream *stream)
{
    str_clear(&stream->user);
    str_clear(&stream->database);
    str_clear(&stream->application);
    str_clear(&stream->message);
}

static bool take_record(struct log_stream *stream, struct err *err)
{
    if (stream->user.failed || stream->database.failed || stream->application.failed ||
        stream->message.failed)
        return err_nomem(err);
    const struct server_log_entry entry = {.says_who = true,
                                           .user = span_of(&stream->user),
                                           .database = span_of(&stream->database),
                                           .application = span_of(&stream->application),
                                           .message = span_of(&stream->message)};
    return stream->take(stream->context, &entry, err);
}

static void pass_over(struct log_stream *stream, size_t bytes, bool unread)
{
    const size_t lines = count_lines((struct span){stream->buffer + stream->start, bytes});
    stream->counts->lines += lines;
    stream->counts->unread += unread ? lines : 0;
    stream->start += bytes;
}

static bool take_csv(struct log_stream *stream, const struct server_log_record *record,
                     struct err *err)
{
    if (span_is(record->fields[SERVER_LOG_SEVERITY], LOG)) {
        clear_record(stream);
        server_log_csv_put(record->fields[SERVER_LOG_USER], &stream->user);
        server_log_csv_put(record->fields[SERVER_LOG_DATABASE], &stream->database);
        server_log_csv_put(record->fields[SERVER_LOG_APPLICATION], &stream->application);
        server_log_csv_put(record->fields[SERVER_LOG_MESSAGE], &stream->message);
        if (!take_record(stream, err))
            return false;
    }
    pass_over(stream, record->len, false);
    return true;
}

/* True in *ret_more: it wants more of the stream. */
static bool read_csv(struct log_stream *stream, bool *ret_more, struct err *err)
{
    struct server_log_record record;
    const struct span rest = rest_of(stream);
    const enum server_log_result result = server_log_csv_read(rest, &record);
    *ret_more = result == SERVER_LOG_MORE && !stream->ended && !is_full(stream);
    if (*ret_more)
        return true;
    if (result == SERVER_LOG_WHOLE)
        return take_csv(stream, &record, err);
    pass_over(stream, first_line(rest).len, true);
    return true;
}

static void put_member(json_t *object, const char *key, struct str *out)
{
    const json_t *const value = json_object_get(object, key);
    str_append(out, json_is_string(value) ? json_string_value(value) : "",
               json_is_string(value) ? json_string_length(value) : 0);
}

static bool read_json(struct log_stream *stream, size_t len, struct err *err)
{
    const struct span line = {stream->buffer + stream->start, len};
    json_t *const object = json_loadb(line.at, line.len, JSON_ALLOW_NUL, NULL);
    const bool read = json_is_object(object);
    bool ok = true;
    clear_record(stream);
    put_member(object, "error_severity", &stream->message);
    if (read && span_is(span_of(&stream->message), LOG)) {
        clear_record(stream);
        put_member(object, "user", &stream->user);
        put_member(object, "dbname", &stream->database);
        put_member(object, "application_name", &stream->application);
        put_member(object, "message", &stream->message);
        ok = take_record(stream, err);
    }
    json_decref(object);
    pass_over(stream, len, !read);
    return ok;
}

/* ---- text ---- */

static bool has_level(struct span line)
{
    static const char *const levels[] = {"DEBUG",   "INFO",     "NOTICE", "WARNING",   "ERROR",
                                         "FATAL",   "PANIC",    "DETAIL", "STATEMENT", "HINT",
                                         "CONTEXT", "LOCATION", "QUERY",  "BACKTRACE"};
    for (const char *at = line.at; (at = memmem(at, line.len - (size_t)(at - line.at), ":  ", 3));
         at++)
        for (size_t i = 0; i < COUNT_OF(levels); i++) {
            const size_t len = strlen(levels[i]), before = (size_t)(at - line.at);
            if (before >= len && memcmp(at - len, levels[i], len) == 0)
                return true;
            if (before > len && i == 0 && memcmp(at - len - 1, levels[i], len) == 0)
                return true; /* DEBUG1 to DEBUG5 */
        }
    return false;
}

/* The lines that follow with a tab belong to it. False: what comes next is not known yet. */
static bool find_end(const struct log_stream *stream, size_t *ret)
{
    const struct span rest = rest_of(stream);
    size_t at = first_line(rest).len;
    while (at < rest.len && rest.at[at] == '\t')
        at += first_line((struct span){rest.at + at, rest.len - at}).len;
    *ret = at;
    return at < rest.len || stream->ended;
}

static void put_message(struct span text, struct str *out)
{
    for (size_t i = 0; i < text.len; i++) {
        str_putc(out, text.at[i]);
        i += text.at[i] == '\n' && i + 1 < text.len && text.at[i + 1] == '\t';
    }
    if (out->len > 0 && !out->failed && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
}

static bool take_text(struct log_stream *stream, struct span record, bool *ret_read,
                      struct err *err)
{
    static const char level[] = "LOG:  ";
    struct server_log_entry entry = {0};
    const struct span line = first_line(record);
    const char *found = memmem(line.at, line.len, level, strlen(level));
    size_t len = 0;
    *ret_read = found != NULL || has_level(line);
    if (found == NULL)
        return true;
    found += strlen(level);
    if (stream->prefix != NULL) {
        *ret_read = server_log_prefix_match(stream->prefix, line, &entry, &len);
        if (!*ret_read)
            return true;
        found = line.at + len;
    }
    clear_record(stream);
    put_message((struct span){found, record.len - (size_t)(found - record.at)}, &stream->message);
    if (stream->message.failed)
        return err_nomem(err);
    entry.message = span_of(&stream->message);
    return stream->take(stream->context, &entry, err);
}

static bool read_text(struct log_stream *stream, bool *ret_more, struct err *err)
{
    size_t len;
    bool read;
    const bool whole = find_end(stream, &len);
    *ret_more = !whole && !is_full(stream);
    if (*ret_more)
        return true;
    const struct span record = {stream->buffer + stream->start, len};
    if (!take_text(stream, record, &read, err))
        return false;
    pass_over(stream, len, !read);
    return true;
}

/* ---- the stream ---- */

/* A line that is longer than any record: all of it is one that cannot be read. */
static bool skip_line(struct log_stream *stream, struct err *err)
{
    stream->counts->lines++;
    stream->counts->unread++;
    for (;;) {
        const struct span line = first_line(rest_of(stream));
        stream->start += line.len;
        if ((line.len > 0 && line.at[line.len - 1] == '\n') || stream->ended)
            return true;
        if (!read_more(stream, err))
            return false;
    }
}

static bool read_one(struct log_stream *stream, bool *ret_more, struct err *err)
{
    const struct span rest = rest_of(stream);
    const struct span line = first_line(rest);
    const bool whole = line.len > 0 && line.at[line.len - 1] == '\n';
    *ret_more = !whole && !stream->ended && !is_full(stream);
    if (*ret_more)
        return true;
    if (!whole && is_full(stream))
        return skip_line(stream, err);
    if (memchr(line.at, '\0', line.len) != NULL) {
        pass_over(stream, line.len, true); /* where a crash has left a hole */
        return true;
    }
    if (server_log_is_csv(line))
        return read_csv(stream, ret_more, err);
    return line.at[0] == '{' ? read_json(stream, line.len, err) : read_text(stream, ret_more, err);
}

bool server_log_read(int fd, const char *path, const struct server_log_prefix *prefix,
                     server_log_fn *take, void *context, struct server_log_counts *counts,
                     struct err *err)
{
    CLEANUP(release_stream)
    struct log_stream stream = {.fd = fd,
                                .path = path,
                                .prefix = prefix,
                                .take = take,
                                .context = context,
                                .counts = counts};
    stream.buffer = mem_alloc(BUFFER_BYTES);
    if (stream.buffer == NULL)
        return err_nomem(err);
    while (!stream.ended || stream.start < stream.end) {
        bool more = stream.start == stream.end;
        if (!more && !read_one(&stream, &more, err))
            return false;
        if (more && !read_more(&stream, err))
            return false;
    }
    return true;
}

/* ---- messages ---- */

static bool take_word(struct span *text, const char *word)
{
    const size_t len = strlen(word);
    if (text->len < len || memcmp(text->at, word, len) != 0)
        return false;
    *text = (struct span){text->at + len, text->len - len};
    return true;
}

bool server_log_statement(struct span message, struct span *ret)
{
    if (take_word(&message, "duration: ")) {
        while (message.len > 0 && (ascii_digit(message.at[0]) || message.at[0] == '.'))
            message = (struct span){message.at + 1, message.len - 1};
        if (!take_word(&message, " ms  "))
            return false;
    }
    if (!take_word(&message, "statement: ")) {
        if (!take_word(&message, "execute ") && !take_word(&message, "parse ") &&
            !take_word(&message, "bind "))
            return false;
        const char *const name_end = memmem(message.at, message.len, ": ", 2);
        if (name_end == NULL)
            return false;
        message.len -= (size_t)(name_end + 2 - message.at);
        message.at = name_end + 2;
    }
    *ret = message;
    return true;
}
