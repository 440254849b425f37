/*
 * Ed25519 signatures, with keys in PEM as `openssl genpkey -algorithm ed25519` writes them.
 *
 * libcrypto's EVP is loaded when it is first needed: linked in, it would cost a start-up check more
 * than all of its work (base/hash.c).
 */
#ifndef PAWL_BASE_SIGNATURE_H
#define PAWL_BASE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

enum { SIGNATURE_BYTES = 64, PUBLIC_KEY_BYTES = 32 };

struct public_key {
    unsigned char bytes[PUBLIC_KEY_BYTES];
    struct hash_hex
        id; /* SHA-256 of its DER form, as `openssl pkey -pubin -outform DER` gives it */
};

struct public_keys {
    struct public_key *items;
    size_t count, capacity;
};

/* A private key: of libcrypto, so that it is wiped when it is freed. */
struct signing_key {
    struct evp_pkey_st *key; /* NULL: none */
    struct public_key public_key;
};

/* Reads one private key, without a passphrase; nothing is ever asked for. name is for messages:
 * where the text is from. Errors: ERR_USAGE. */
bool signing_key_read(const char *name, const char *pem, size_t len, struct signing_key *ret,
                      struct err *err) MUST_CHECK;
void signing_key_release(struct signing_key *key);

/* Reads one or more public keys. A private key among them is refused: who only verifies must not
 * have it. Errors: ERR_USAGE. */
bool public_keys_read(struct arena *arena, const char *name, const char *pem, size_t len,
                      struct public_keys *ret, struct err *err) MUST_CHECK;

bool signature_make(const struct signing_key *key, struct span text,
                    unsigned char ret[SIGNATURE_BYTES], struct err *err) MUST_CHECK;

/* *ret_fits: the text was signed with the key's private half. False: it cannot be told. */
bool signature_verify(const struct public_key *key, struct span text,
                      const unsigned char signature[SIGNATURE_BYTES], bool *ret_fits,
                      struct err *err) MUST_CHECK;

/* Base64 by the same library. */
bool base64_encode(struct span bytes, struct str *out, struct err *err) MUST_CHECK;
/* *ret_fits: the text was base64. False: it cannot be told. */
bool base64_decode(struct arena *arena, const char *text, struct span *ret, bool *ret_fits,
                   struct err *err) MUST_CHECK;

#endif
