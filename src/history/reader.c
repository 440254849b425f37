/* Findings with a place in a file's text. */
#include "history/reader.h"

#include "sql/split.h"

void reader_finding(const struct reader *reader, const char *rule, enum severity severity,
                    size_t offset, const char *fix, const char *format, ...)
{
    struct finding finding = {.rule = rule, .severity = severity, .fix = fix};
    va_list args;
    va_start(args, format);
    finding.what = arena_vprintf(reader->arena, format, args);
    va_end(args);
    finding.file = reader->migration->path;
    if (finding.what == NULL) {
        reader->findings->failed = true;
        return;
    }
    sql_position(reader->migration->text, offset, &finding.line, &finding.column);
    finding_add(reader->arena, reader->findings, &finding);
}

void reader_meant(const struct reader *reader, struct span written, const char *meant)
{
    struct findings *const findings = reader->findings;
    if (findings->failed || meant == NULL)
        return;
    struct finding *const finding = &findings->items[findings->count - 1];
    finding->meant = meant;
    finding->meant_at = (size_t)(written.at - reader->migration->text);
    finding->meant_len = written.len;
}

void report_file(struct arena *arena, struct findings *findings, const char *rule,
                 enum severity severity, const char *path, const char *fix, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *const what = arena_vprintf(arena, format, args);
    va_end(args);
    if (what == NULL)
        findings->failed = true;
    else
        finding_add(
            arena, findings,
            &(struct finding){
                .rule = rule, .severity = severity, .file = path, .what = what, .fix = fix});
}

struct span comment_words(struct span comment)
{
    struct span words = comment;
    while (words.len > 0 && words.at[0] == '-' && words.at < comment.at + 2) {
        words.at++;
        words.len--;
    }
    while (words.len > 0 && ascii_space(words.at[0])) {
        words.at++;
        words.len--;
    }
    while (words.len > 0 && ascii_space(words.at[words.len - 1]))
        words.len--;
    return words;
}
