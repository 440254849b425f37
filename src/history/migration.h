/*
 * One migration: its name, what its file says of itself, and its forward part.
 */
#ifndef PAWL_HISTORY_MIGRATION_H
#define PAWL_HISTORY_MIGRATION_H

#include "base/hash.h"
#include "history/name.h"
#include "sql/lexer.h"

enum migration_kind { KIND_SCHEMA, KIND_DATA, KIND_BACKFILL, KIND_REPEATABLE };
enum migration_phase { PHASE_EXPAND, PHASE_CONTRACT };

const char *kind_name(enum migration_kind kind);    /* "schema" … */
const char *phase_name(enum migration_phase phase); /* "expand", "contract" */
bool kind_parse(const char *text, enum migration_kind *ret);
bool phase_parse(const char *text, enum migration_phase *ret);

struct allow {
    const char *rule, *reason;
    int line;
};

struct migration {
    const char *id, *version;
    const char *path;  /* of the file; NULL when the set came from pawl.sum alone */
    const char *entry; /* the directory entry: file name, or folder name in scheme folder */
    struct hash_hex checksum;
    bool empty; /* the forward part has no statement (its canonical form is empty) */
    enum migration_kind kind;
    enum migration_phase phase;
    bool background;     /* a backfill that does not hold up what follows */
    bool no_transaction; /* the file asks to run without one: pawl's, dbmate's, goose's … words */
    const char *text;    /* the whole file, BOM removed, and the forward part as a range of it; */
    size_t text_len;     /* NULL when the set came from pawl.sum alone                          */
    size_t forward_offset, forward_len;
    size_t down_offset, down_len; /* what follows another tool's down marker: never run; 0: none */
    const char *table, *key, *verify;           /* directives; NULL when not given */
    const char *replaces_first, *replaces_last; /* of a squash: the ends as the file gives them */
    struct {
        const char *name, *id; /* "rename-column", and what its files share; NULL: of no recipe */
        unsigned step, steps;  /* from 1 */
    } recipe;
    bool squash;             /* it stands for others, and which ones is known: set->replaced */
    const char *replaced_by; /* the squash that stands for this one, in set->replaced; NULL */
    int64_t lock_timeout_ms; /* -1: not given */
    int64_t batch;           /* -1: not given */
    struct {
        struct allow *items;
        size_t count, capacity;
    } allows;
};

/* True when the file allows the rule, with a reason. */
bool migration_allows(const struct migration *migration, const char *rule);

/* True when code that carries this migration needs it in place before it runs: contract migrations,
 * repeatables and background backfills are not (a new release must start while they wait), and a
 * squash is not, as what it replaces is. */
bool migration_in_digest(const struct migration *migration);

/* The whole text with passwords blanked: what may be kept and shown. NULL when memory is out. */
const char *migration_kept_text(struct arena *arena, enum dialect dialect,
                                const struct migration *migration) MUST_CHECK;

/*
 * Reads what a file's text says: the directives in its head, and the annotations of dbmate
 * (-- migrate:up/down, transaction:false), goose (-- +goose Up/Down/StatementBegin/StatementEnd/NO
 * TRANSACTION, any case), and the no-transaction words of other tools (docs/naming.md); finds the
 * forward part and computes the checksum. text must stay for as long as the migration; id, version
 * and path are already set (a version of "" is a repeatable by its name), and no_transaction where
 * something outside the text asks for it. Problems become findings: "directive-syntax",
 * "directive-unknown", "directive-value", "directive-late", "unfinished", "annotation-syntax",
 * "text-before-up", "encoding", "no-forward-part", "checksum-bytes" (a note).
 */
bool migration_read(struct arena *arena, enum dialect dialect, const char *text, size_t len,
                    struct migration *migration, struct findings *findings,
                    struct err *err) MUST_CHECK;

#endif
