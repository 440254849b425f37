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

bool journal_accepted(const struct journal *journal, int64_t seq)
{
    for (size_t i = 0; i < journal->count; i++)
        if (journal->items[i].event == EVENT_BREAK_ACCEPTED &&
            detail_number(journal->items[i].detail, "seq", -1) == seq)
            return true;
    return false;
}

static struct journal_break break_of(int64_t seq, const char *what, const char *field,
                                     const char *found, const char *wanted)
{
    struct journal_break broken = {.seq = seq, .what = what, .field = field};
    (void)snprintf(broken.found, sizeof broken.found, "%s", found); /* cut short is fine */
    (void)snprintf(broken.wanted, sizeof broken.wanted, "%s", wanted);
    return broken;
}

static struct journal_break number_break(int64_t seq, const char *what, const char *field,
                                         int64_t found, int64_t wanted)
{
    char found_text[24], wanted_text[24];
    (void)snprintf(found_text, sizeof found_text, "%" PRId64, found);
    (void)snprintf(wanted_text, sizeof wanted_text, "%" PRId64, wanted);
    return break_of(seq, what, field, found_text, wanted_text);
}

static const struct journal_break no_break = {0};

/* What is wrong with the row as the successor of the one before it; what is NULL when nothing is.
 */
static struct journal_break row_break(const struct journal_row *row,
                                      const struct journal_row *before, const struct hash_hex *hash)
{
    const int64_t expected = before != NULL ? before->seq + 1 : 1;
    if (row->seq != expected)
        return number_break(expected, "the row is missing", "the next row's seq", row->seq,
                            expected);
    if (strcmp(row->hash, hash->text) != 0)
        return break_of(row->seq, "the row was changed after it was written", "hash", row->hash,
                        hash->text);
    if (before == NULL && strcmp(row->prev_hash, JOURNAL_FIRST_PREV_HASH) != 0)
        return break_of(row->seq, "the row is not the first one that was written", "prev_hash",
                        row->prev_hash, JOURNAL_FIRST_PREV_HASH);
    if (before != NULL && strcmp(row->prev_hash, before->hash) != 0)
        return break_of(before->seq, "the row was replaced: the next one names another",
                        "the next row's prev_hash", row->prev_hash, before->hash);
    return no_break;
}

static struct journal_break head_break(const struct journal *journal)
{
    const struct journal_row *const last =
        journal->count > 0 ? &journal->items[journal->count - 1] : NULL;
    const int64_t last_seq = last != NULL ? last->seq : 0;
    if (journal->head.seq > last_seq)
        return number_break(last_seq + 1, "the row is missing: the head of the ledger names it",
                            "the head's seq", journal->head.seq, last_seq);
    if (journal->head.seq < last_seq)
        return number_break(last_seq, "the row is newer than the head of the ledger",
                            "the head's seq", journal->head.seq, last_seq);
    if (last != NULL && strcmp(journal->head.hash, last->hash) != 0)
        return break_of(last_seq, "the row is not the one that the head of the ledger names",
                        "the head's hash", journal->head.hash, last->hash);
    return no_break;
}

bool journal_verify(const struct journal *journal, struct journal_break *ret_break, struct err *err)
{
    for (size_t i = 0; i <= journal->count; i++) {
        struct hash_hex hash;
        struct journal_break broken;
        if (i == journal->count) {
            broken = head_break(journal);
        } else {
            if (!journal_hash(&journal->items[i], &hash))
                return err_nomem(err);
            broken = row_break(&journal->items[i], i > 0 ? &journal->items[i - 1] : NULL, &hash);
        }
        if (broken.what != NULL && !journal_accepted(journal, broken.seq)) {
            *ret_break = broken;
            (void)err_set(err, ERR_CHAIN, "the ledger was changed by hand: seq %" PRId64 ": %s",
                          broken.seq, broken.what);
            err_hint(err,
                     "Find out who changed it and what is really in the database, then type: pawl "
                     "repair --accept-break %" PRId64 " --reason TEXT",
                     broken.seq);
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
