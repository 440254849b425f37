/* Ed25519 by libcrypto's EVP, loaded when first needed. */
#include "base/signature.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>

#include "base/library.h"

#define FUNCTIONS(X)                                                                               \
    X(BIO_free)                                                                                    \
    X(BIO_new_mem_buf)                                                                             \
    X(ERR_clear_error)                                                                             \
    X(EVP_DecodeBlock)                                                                             \
    X(EVP_DigestSign)                                                                              \
    X(EVP_DigestSignInit)                                                                          \
    X(EVP_DigestVerify)                                                                            \
    X(EVP_DigestVerifyInit)                                                                        \
    X(EVP_EncodeBlock)                                                                             \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_PKEY_free)                                                                               \
    X(EVP_PKEY_get_raw_public_key)                                                                 \
    X(EVP_PKEY_is_a)                                                                               \
    X(EVP_PKEY_new_raw_public_key)                                                                 \
    X(PEM_read_bio_PUBKEY)                                                                         \
    X(PEM_read_bio_PrivateKey)

struct crypto {
#define X(name) __typeof__(name) *name;
    FUNCTIONS(X)
#undef X
};

static const struct crypto *crypto_load(struct err *err)
{
    /* Written once under the lock and only read after that. */
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct crypto table;
    static bool loaded;
    const struct library_symbol symbols[] = {
#define X(name) {#name, (void **)&table.name},
        FUNCTIONS(X)
#undef X
    };
    (void)pthread_mutex_lock(&lock); /* a plain mutex, never locked twice by a thread */
    if (!loaded)
        loaded = library_load("libcrypto.so.3", "libssl3", symbols, COUNT_OF(symbols), err);
    const bool ok = loaded;
    (void)pthread_mutex_unlock(&lock);
    return ok ? &table : NULL;
}

/* ---- keys ---- */

/* What stands before the key itself in its DER form (RFC 8410). */
static const unsigned char der_head[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                         0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

static struct hash_hex id_of(const unsigned char key[PUBLIC_KEY_BYTES])
{
    unsigned char der[sizeof der_head + PUBLIC_KEY_BYTES];
    memcpy(der, der_head, sizeof der_head);
    memcpy(der + sizeof der_head, key, PUBLIC_KEY_BYTES);
    return hash_bytes(der, sizeof der);
}

/* In place of asking at the terminal. */
static int no_passphrase(char *text, int size, int writing, void *context)
{
    (void)text, (void)size, (void)writing, (void)context;
    return -1;
}

static bool take_public(const struct crypto *crypto, const char *name, const EVP_PKEY *pkey,
                        struct public_key *ret, struct err *err)
{
    size_t len = sizeof ret->bytes;
    if (crypto->EVP_PKEY_is_a(pkey, "ED25519") != 1 ||
        crypto->EVP_PKEY_get_raw_public_key(pkey, ret->bytes, &len) != 1 ||
        len != sizeof ret->bytes) {
        crypto->ERR_clear_error();
        (void)err_set(err, ERR_USAGE, "the key in %s is not an Ed25519 key", name);
        err_hint(err, "Make one: openssl genpkey -algorithm ed25519 -out ci.pem");
        return false;
    }
    ret->id = id_of(ret->bytes);
    return true;
}

static BIO *open_text(const struct crypto *crypto, const char *text, size_t len)
{
    return len <= INT_MAX ? crypto->BIO_new_mem_buf(text, (int)len) : NULL;
}

bool signing_key_read(const char *name, const char *pem, size_t len, struct signing_key *ret,
                      struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    *ret = (struct signing_key){0};
    if (crypto == NULL)
        return false;
    BIO *const bio = open_text(crypto, pem, len);
    if (bio == NULL)
        return err_nomem(err);
    ret->key = crypto->PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    (void)crypto->BIO_free(bio); /* memory alone */
    crypto->ERR_clear_error();
    if (ret->key == NULL) {
        (void)err_set(err, ERR_USAGE,
                      "%s holds no private key in PEM that can be read without a passphrase", name);
        err_hint(err, "Make one: openssl genpkey -algorithm ed25519 -out ci.pem");
        return false;
    }
    if (take_public(crypto, name, ret->key, &ret->public_key, err))
        return true;
    signing_key_release(ret);
    return false;
}

void signing_key_release(struct signing_key *key)
{
    CLEANUP(err_release) struct err unused = {0};
    const struct crypto *const crypto = key->key != NULL ? crypto_load(&unused) : NULL;
    if (crypto != NULL)
        crypto->EVP_PKEY_free(key->key);
    *key = (struct signing_key){0};
}

static bool read_public(const struct crypto *crypto, struct arena *arena, const char *name,
                        BIO *bio, struct public_keys *ret, struct err *err)
{
    EVP_PKEY *pkey;
    bool ok = true;
    while (ok && (pkey = crypto->PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL)) != NULL) {
        struct public_key *const key = arena_push(arena, ret);
        ok = key != NULL ? take_public(crypto, name, pkey, key, err) : err_nomem(err);
        crypto->EVP_PKEY_free(pkey);
    }
    crypto->ERR_clear_error();
    return ok;
}

bool public_keys_read(struct arena *arena, const char *name, const char *pem, size_t len,
                      struct public_keys *ret, struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    size_t begun = 0;
    *ret = (struct public_keys){0};
    if (crypto == NULL)
        return false;
    for (const char *at = pem; (at = strstr(at, "-----BEGIN ")) != NULL; at++)
        begun++;
    if (strstr(pem, "PRIVATE KEY-----") != NULL) {
        (void)err_set(err, ERR_USAGE, "%s holds a private key", name);
        err_hint(err, "A deploy needs the public half alone, and CI should be the only one to have "
                      "the other: openssl pkey -in ci.pem -pubout -out ci.pub");
        return false;
    }
    BIO *const bio = open_text(crypto, pem, len);
    if (bio == NULL)
        return err_nomem(err);
    const bool ok = read_public(crypto, arena, name, bio, ret, err);
    (void)crypto->BIO_free(bio); /* memory alone */
    if (!ok || (ret->count > 0 && ret->count == begun))
        return ok;
    (void)err_set(err, ERR_USAGE, "%s holds %s", name,
                  ret->count == 0 ? "no public key in PEM"
                                  : "something that is no public key in PEM");
    err_hint(err, "Write it with: openssl pkey -in ci.pem -pubout -out ci.pub");
    return false;
}

/* ---- signatures ---- */

bool signature_make(const struct signing_key *key, struct span text,
                    unsigned char ret[SIGNATURE_BYTES], struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    size_t len = SIGNATURE_BYTES;
    if (crypto == NULL)
        return false;
    EVP_MD_CTX *const context = crypto->EVP_MD_CTX_new();
    if (context == NULL)
        return err_nomem(err);
    const bool ok =
        crypto->EVP_DigestSignInit(context, NULL, NULL, NULL, key->key) == 1 &&
        crypto->EVP_DigestSign(context, ret, &len, (const unsigned char *)text.at, text.len) == 1 &&
        len == SIGNATURE_BYTES;
    crypto->EVP_MD_CTX_free(context);
    crypto->ERR_clear_error();
    return ok || err_set(err, ERR_FAILED, "libcrypto cannot sign with Ed25519");
}

bool signature_verify(const struct public_key *key, struct span text,
                      const unsigned char signature[SIGNATURE_BYTES], bool *ret_fits,
                      struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    *ret_fits = false;
    if (crypto == NULL)
        return false;
    EVP_MD_CTX *const context = crypto->EVP_MD_CTX_new();
    EVP_PKEY *const pkey =
        crypto->EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, sizeof key->bytes);
    const bool ready = context != NULL && pkey != NULL &&
                       crypto->EVP_DigestVerifyInit(context, NULL, NULL, NULL, pkey) == 1;
    if (ready)
        *ret_fits = crypto->EVP_DigestVerify(context, signature, SIGNATURE_BYTES,
                                             (const unsigned char *)text.at, text.len) == 1;
    crypto->EVP_PKEY_free(pkey);
    crypto->EVP_MD_CTX_free(context);
    crypto->ERR_clear_error();
    return ready || err_set(err, ERR_FAILED, "libcrypto cannot verify Ed25519");
}

/* ---- base64 ---- */

bool base64_encode(struct span bytes, struct str *out, struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    const unsigned char *const at = (const unsigned char *)bytes.at;
    enum { PART = 3 * 1024 };
    unsigned char text[PART / 3 * 4 + 1];
    if (crypto == NULL)
        return false;
    for (size_t i = 0; i < bytes.len; i += PART) {
        const size_t len = bytes.len - i < PART ? bytes.len - i : PART;
        const int written = crypto->EVP_EncodeBlock(text, at + i, (int)len);
        str_append(out, (const char *)text, (size_t)written);
    }
    return true;
}

bool base64_decode(struct arena *arena, const char *text, struct span *ret, bool *ret_fits,
                   struct err *err)
{
    const struct crypto *const crypto = crypto_load(err);
    const size_t len = strlen(text);
    unsigned char *const bytes = arena_alloc(arena, len / 4 * 3 + 1);
    *ret_fits = false;
    if (crypto == NULL)
        return false;
    if (bytes == NULL)
        return err_nomem(err);
    if (len == 0 || len % 4 != 0 || len > INT_MAX)
        return true;
    const int got = crypto->EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len);
    const int padding = (text[len - 1] == '=') + (text[len - 2] == '=');
    if (got < 0 || (size_t)got != len / 4 * 3)
        return true;
    *ret = (struct span){(const char *)bytes, (size_t)(got - padding)};
    *ret_fits = true;
    return true;
}
