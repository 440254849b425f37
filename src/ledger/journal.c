/* Hashing and verifying rows. */
#include "ledger/journal.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "ledger/detail.h"

/* Reading ten thousand rows hashes them all: no printf for each field. */
static void put_number(struct str *text, uint64_t number)
{
    char digits[20]; /* 2^64 has as many */
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    str_append(text, digits + first, sizeof digits - first);
}

static void add_field(struct str *text, const char *field)
{
    if (field == NULL) {
        str_puts(text, "-\n");
        return;
    }
    const size_t len = strlen(field);
    put_number(text, len);
    str_putc(text, ':');
    str_append(text, field, len);
    str_putc(text, '\n');
}

static void add_number(struct str *text, int64_t number)
{
    CLEANUP(str_release) struct str digits = {0};
    if (number < 0)
        str_putc(&digits, '-');
    put_number(&digits, number < 0 ? -(uint64_t)number : (uint64_t)number);
    add_field(text, str_text(&digits));
    text->failed = text->failed || digits.failed;
}

bool journal_hash(const struct journal_row *row, struct hash_hex *ret)
{
    CLEANUP(str_release) struct str text = {0};
    str_puts(&text, "pawl-journal 1\n");
    add_field(&text, row->prev_hash);
    add_number(&text, row->seq);
    add_number(&text, row->at_us);
    add_field(&text, row->event_name);
    add_field(&text, row->migration);
    add_field(&text, row->checksum);
    add_field(&text, row->kind);
    add_field(&text, row->phase);
    add_field(&text, row->detail);
    add_field(&text, row->digest);
    if (text.failed)
        return false;
    *ret = hash_bytes(str_text(&text), text.len);
    return true;
}

static bool accepted(const struct journal *journal, int64_t seq)
{
    for (size_t i = 0; i < journal->count; i++)
        if (journal->items[i].event == EVENT_BREAK_ACCEPTED &&
            detail_number(journal->items[i].detail, "seq", -1) == seq)
            return true;
    return false;
}

/* What is wrong with the row as the successor of the one before it; NULL when nothing is. */
static const char *row_break(const struct journal_row *row, const struct journal_row *before,
                             const struct hash_hex *hash, int64_t *ret_seq)
{
    const int64_t expected = before != NULL ? before->seq + 1 : 1;
    *ret_seq = row->seq;
    if (row->seq != expected) {
        *ret_seq = expected;
        return "the row is missing";
    }
    if (strcmp(row->hash, hash->text) != 0)
        return "the row was changed after it was written";
    if (before == NULL && strcmp(row->prev_hash, JOURNAL_FIRST_PREV_HASH) != 0)
        return "the row is not the first one that was written";
    if (before != NULL && strcmp(row->prev_hash, before->hash) != 0) {
        *ret_seq = before->seq;
        return "the row was replaced: the next one names another";
    }
    return NULL;
}

static const char *head_break(const struct journal *journal, int64_t *ret_seq)
{
    const struct journal_row *const last =
        journal->count > 0 ? &journal->items[journal->count - 1] : NULL;
    const int64_t last_seq = last != NULL ? last->seq : 0;
    *ret_seq = last_seq + 1;
    if (journal->head.seq > last_seq)
        return "the row is missing: the head of the ledger names it";
    *ret_seq = last_seq;
    if (journal->head.seq < last_seq)
        return "the row is newer than the head of the ledger";
    if (last != NULL && strcmp(journal->head.hash, last->hash) != 0)
        return "the row is not the one that the head of the ledger names";
    return NULL;
}

bool journal_verify(const struct journal *journal, struct journal_break *ret_break, struct err *err)
{
    for (size_t i = 0; i <= journal->count; i++) {
        struct hash_hex hash;
        int64_t seq = 0;
        const char *what;
        if (i == journal->count) {
            what = head_break(journal, &seq);
        } else {
            if (!journal_hash(&journal->items[i], &hash))
                return err_nomem(err);
            what =
                row_break(&journal->items[i], i > 0 ? &journal->items[i - 1] : NULL, &hash, &seq);
        }
        if (what != NULL && !accepted(journal, seq)) {
            *ret_break = (struct journal_break){.seq = seq, .what = what};
            (void)err_set(err, ERR_CHAIN, "the ledger was changed by hand: seq %" PRId64 ": %s",
                          seq, what);
            err_hint(err,
                     "Find out who changed it and what is really in the database, then type: pawl "
                     "repair --accept-break %" PRId64 " --reason TEXT",
                     seq);
            return false;
        }
    }
    return true;
}

int journal_format(const struct journal *journal)
{
    if (journal->count == 0)
        return 0;
    return (int)detail_number(journal->items[0].detail, "format", 0);
}

int64_t journal_last_change(const struct journal *journal)
{
    for (size_t i = journal->count; i > 0; i--)
        if (event_changes_set(journal->items[i - 1].event))
            return journal->items[i - 1].seq;
    return 0;
}
