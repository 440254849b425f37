/* SHA-256, in the forms that checksums, digests and the ledger's chain use. */
#ifndef PAWL_BASE_HASH_H
#define PAWL_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macros.h"

enum { HASH_BYTES = 32, HASH_HEX_LEN = 64 };

/* Lower-case hexadecimal with its NUL. */
struct hash_hex {
    char text[HASH_HEX_LEN + 1];
};

struct hash_hex hash_bytes(const void *bytes, size_t len);

/* Of what the descriptor has from its place on. False: it cannot be read, errno says why; or
 * stop() said so, errno is 0. stop may be NULL. */
bool hash_file(int fd, bool (*stop)(const void *context), const void *context,
               struct hash_hex *ret) MUST_CHECK;

/* The first eight bytes of the SHA-256 as a signed big-endian number: PostgreSQL's advisory-lock
 * keys. */
long long hash_key(const void *bytes, size_t len);

/* True for 64 lower-case hexadecimal digits. */
bool hash_hex_valid(const char *text, size_t len);

#endif
