/*
 * A verdict about a set, with what it holds for, signed: what `pawl check`, `compat` and `rehearse`
 * write for the gate of a deploy (docs/gate.md).
 *
 * The file is a DSSE envelope: JSON with the payload in base64 and signatures over exactly its
 * bytes. The payload is JSON too, in one order of its keys.
 */
#ifndef PAWL_HISTORY_ATTESTATION_H
#define PAWL_HISTORY_ATTESTATION_H

#include <stdint.h>

#include "base/json.h"
#include "base/signature.h"
#include "history/set.h"

/* One row each: its name in files and settings. */
#define ATTESTED_KINDS(X)                                                                          \
    X(CHECK, "check")                                                                              \
    X(COMPAT, "compat")                                                                            \
    X(TESTS, "tests")                                                                              \
    X(REHEARSE, "rehearse")

enum attested_kind {
#define X(name, text) ATTESTED_##name,
    ATTESTED_KINDS(X)
#undef X
        ATTESTED_KIND_COUNT
};

enum attested_verdict { ATTESTED_PASSED, ATTESTED_FAILED, ATTESTED_SKIPPED };

const char *attested_kind_name(enum attested_kind kind);
bool attested_kind_parse(struct span word, enum attested_kind *ret);
const char *attested_verdict_name(enum attested_verdict verdict); /* "passed" ... */

struct attested_names {
    const char **items;
    size_t count, capacity;
};

/* Files of the migrations folder as they lie: relative paths, sorted bytewise, and their SHA-256.
 */
struct attested_files {
    struct attested_file {
        const char *path;
        struct hash_hex hash;
    } * items;
    size_t count, capacity;
};

struct attestation {
    enum attested_kind kind;
    enum attested_verdict verdict;
    const char *why; /* it failed, or was skipped; NULL */
    int64_t made_at_us;
    struct attested_files files;
    const char *set;                /* attested_set() */
    const char *applied;            /* the digest of what was applied in the target besides pending;
                                       NULL: none was asked */
    struct attested_names pending;  /* ids of what was still to run there */
    struct attested_names releases; /* that it is about; none: of no named one */
    const json_t *about;            /* facts for people: counts, command, host; NULL. Not read. */
};

/* An attestation of more bytes is none. */
enum { ATTESTATION_MAX_BYTES = 16 << 20 };

/*
 * The files that a set may be read from: all of the folder, and in scheme folder all of each
 * migration's, but for those whose name starts with a dot. Errors: ERR_USAGE for what cannot be
 * read, or is neither file nor folder, or whose name is not UTF-8.
 */
bool attested_files_read(struct arena *arena, const struct set *set, struct attested_files *ret,
                         struct err *err) MUST_CHECK;
/* The first path that only one of them has, or that differs; NULL: they are the same. *ret_others:
 * how many more there are. */
const char *attested_files_differ(const struct attested_files *a, const struct attested_files *b,
                                  size_t *ret_others);

/* Over the checksums of all that was read into the set: what lies on disk now may not be what was
 * read. An empty text when memory is out. */
struct hash_hex attested_set(struct arena *arena, const struct set *set);

/* The text of the file. Errors: ERR_FAILED, ERR_NOMEM. */
bool attestation_write(const struct attestation *attestation, const struct signing_key *key,
                       struct str *out, struct err *err) MUST_CHECK;

/* How far its signature goes. */
enum attestation_trust {
    ATTESTATION_SIGNED,  /* by one of the keys */
    ATTESTATION_UNKNOWN, /* by none of them: what it says is worth nothing */
    ATTESTATION_BROKEN,  /* it names one of them, and the text was changed */
};

/* *ret_key: the id of the key that it names; NULL. False with ERR_REFUSED for a text that is no
 * attestation. */
bool attestation_read(struct arena *arena, const char *text, size_t len,
                      const struct public_keys *keys, struct attestation *ret,
                      enum attestation_trust *ret_trust, const char **ret_key,
                      struct err *err) MUST_CHECK;

#endif
