/*
 * SHA-256 by libcrypto's low-level calls: the EVP interface fetches a provider and reads
 * openssl.cnf first, which costs a start-up check more than all of its hashing (measured: about a
 * millisecond).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"

#include <errno.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10 };

static void digest(const void *bytes, size_t len, unsigned char ret[HASH_BYTES])
{
    SHA256_CTX context;
    /* These calls return 1 always: they touch nothing but their own context. */
    (void)SHA256_Init(&context);
    (void)SHA256_Update(&context, bytes, len);
    (void)SHA256_Final(ret, &context);
}

static struct hash_hex to_hex(const unsigned char sum[HASH_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    struct hash_hex hex;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        hex.text[2 * i] = digits[sum[i] >> 4];
        hex.text[2 * i + 1] = digits[sum[i] & 15];
    }
    hex.text[HASH_HEX_LEN] = '\0';
    return hex;
}

struct hash_hex hash_bytes(const void *bytes, size_t len)
{
    unsigned char sum[HASH_BYTES];
    digest(bytes, len, sum);
    return to_hex(sum);
}

bool hash_file(int fd, bool (*stop)(const void *context), const void *context, struct hash_hex *ret)
{
    unsigned char bytes[READ_BYTES], sum[HASH_BYTES];
    SHA256_CTX hash;
    ssize_t got;
    (void)SHA256_Init(&hash);
    while ((got = read(fd, bytes, sizeof bytes)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        errno = 0;
        if (stop != NULL && stop(context))
            return false;
        (void)SHA256_Update(&hash, bytes, (size_t)got);
    }
    (void)SHA256_Final(sum, &hash);
    *ret = to_hex(sum);
    return true;
}

long long hash_key(const void *bytes, size_t len)
{
    unsigned char sum[HASH_BYTES];
    unsigned long long bits = 0;
    long long key;
    digest(bytes, len, sum);
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | sum[i];
    memcpy(&key, &bits, sizeof key);
    return key;
}

bool hash_hex_valid(const char *text, size_t len)
{
    if (len != HASH_HEX_LEN)
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}
