/* Attestations as text: payload, signature, envelope. */
#include "history/attestation.h"

#include <string.h>

#include "base/clock.h"

enum { FORMAT = 1, SIGNATURES_MAX = 16 };

#define PAYLOAD_TYPE "application/vnd.pawl.verdict+json"

static const char *const kind_names[] = {
#define X(name, text) [ATTESTED_##name] = text,
    ATTESTED_KINDS(X)
#undef X
};

static const char *const verdict_names[] = {
    [ATTESTED_PASSED] = "passed", [ATTESTED_FAILED] = "failed", [ATTESTED_SKIPPED] = "skipped"};

const char *attested_kind_name(enum attested_kind kind)
{
    return kind_names[kind];
}

const char *attested_verdict_name(enum attested_verdict verdict)
{
    return verdict_names[verdict];
}

bool attested_kind_parse(struct span word, enum attested_kind *ret)
{
    for (size_t i = 0; i < COUNT_OF(kind_names); i++)
        if (span_is(word, kind_names[i])) {
            *ret = (enum attested_kind)i;
            return true;
        }
    return false;
}

/* ---- writing ---- */

static json_t *json_names(const struct attested_names *names)
{
    json_t *const array = json_array();
    for (size_t i = 0; array != NULL && i < names->count; i++)
        if (json_array_append_new(array, json_string(names->items[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *json_files(const struct attested_files *files)
{
    json_t *const object = json_object();
    for (size_t i = 0; object != NULL && i < files->count; i++)
        if (json_object_set_new(object, files->items[i].path,
                                json_string(files->items[i].hash.text)) != 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static char *payload_text(const struct attestation *a)
{
    char made_at[CLOCK_ISO_BYTES];
    clock_format_us(a->made_at_us, made_at);
    CLEANUP(json_release)
    json_t *payload = json_pack("{si ss ss ss* ss so ss ss* so so sO*}", "format", FORMAT, "kind",
                                kind_names[a->kind], "verdict", verdict_names[a->verdict], "why",
                                a->why, "made_at", made_at, "files", json_files(&a->files), "set",
                                a->set, "applied", a->applied, "pending", json_names(&a->pending),
                                "releases", json_names(&a->releases), "about", a->about);
    return payload != NULL ? json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
}

/* What is signed: DSSE's encoding, so that a signature is good for this type of payload alone. */
static void put_signed(struct span payload, struct str *out)
{
    str_printf(out, "DSSEv1 %zu %s %zu ", strlen(PAYLOAD_TYPE), PAYLOAD_TYPE, payload.len);
    str_append(out, payload.at, payload.len);
}

static bool sign(struct span payload, const struct signing_key *key, struct str *ret,
                 struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    unsigned char bytes[SIGNATURE_BYTES];
    put_signed(payload, &text);
    if (text.failed)
        return err_nomem(err);
    return signature_make(key, (struct span){str_text(&text), text.len}, bytes, err) &&
           base64_encode((struct span){(const char *)bytes, sizeof bytes}, ret, err);
}

bool attestation_write(const struct attestation *attestation, const struct signing_key *key,
                       struct str *out, struct err *err)
{
    CLEANUP(free_pointer) char *text = payload_text(attestation);
    CLEANUP(str_release) struct str payload = {0}, signature = {0};
    if (text == NULL)
        return err_nomem(err);
    const struct span span = {text, strlen(text)};
    if (!base64_encode(span, &payload, err) || !sign(span, key, &signature, err))
        return false;
    CLEANUP(json_release)
    json_t *envelope =
        json_pack("{ss ss s[{ss ss}]}", "payload", str_text(&payload), "payloadType", PAYLOAD_TYPE,
                  "signatures", "keyid", key->public_key.id.text, "sig", str_text(&signature));
    CLEANUP(free_pointer)
    char *whole = envelope != NULL ? json_dumps(envelope, JSON_INDENT(1)) : NULL;
    if (whole == NULL || payload.failed || signature.failed)
        return err_nomem(err);
    str_printf(out, "%s\n", whole);
    return !out->failed || err_nomem(err);
}

/* ---- reading ---- */

static bool is_none(struct err *err, const char *why)
{
    return err_set(err, ERR_REFUSED, "it is no attestation: %s", why);
}

static const char *copy(struct arena *arena, const json_t *object, const char *name)
{
    const char *const text = json_string_value(json_object_get(object, name));
    return text != NULL ? arena_strdup(arena, text) : NULL;
}

static bool read_names(struct arena *arena, const json_t *array, struct attested_names *ret,
                       struct err *err)
{
    if (!json_is_array(array))
        return is_none(err, "a list is missing");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *const text = json_string_value(json_array_get(array, i));
        if (text == NULL)
            return is_none(err, "a list holds something that is no text");
        const char **const slot = arena_push(arena, ret);
        if (slot == NULL || (*slot = arena_strdup(arena, text)) == NULL)
            return err_nomem(err);
    }
    return true;
}

static int compare_files(const void *a, const void *b)
{
    const struct attested_file *const left = a, *const right = b;
    return strcmp(left->path, right->path);
}

static bool read_files(struct arena *arena, json_t *object, struct attested_files *ret,
                       struct err *err)
{
    const char *path;
    json_t *value;
    if (!json_is_object(object))
        return is_none(err, "it names no files");
    json_object_foreach(object, path, value)
    {
        const char *const hash = json_string_value(value);
        if (hash == NULL || !hash_hex_valid(hash, strlen(hash)))
            return is_none(err, "a file has no SHA-256");
        struct attested_file *const file = arena_push(arena, ret);
        if (file == NULL || (file->path = arena_strdup(arena, path)) == NULL)
            return err_nomem(err);
        memcpy(file->hash.text, hash, sizeof file->hash.text);
    }
    if (ret->count > 0)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_files);
    return true;
}

static bool read_verdict(const json_t *payload, enum attested_verdict *ret)
{
    const char *const word = json_string_value(json_object_get(payload, "verdict"));
    for (size_t i = 0; word != NULL && i < COUNT_OF(verdict_names); i++)
        if (strcmp(word, verdict_names[i]) == 0) {
            *ret = (enum attested_verdict)i;
            return true;
        }
    return false;
}

static bool read_payload(struct arena *arena, const json_t *payload, struct attestation *ret,
                         struct err *err)
{
    const char *const kind = json_string_value(json_object_get(payload, "kind"));
    const char *const made_at = json_string_value(json_object_get(payload, "made_at"));
    if (json_integer_value(json_object_get(payload, "format")) != FORMAT)
        return is_none(err, "its format is not 1");
    if (kind == NULL || !attested_kind_parse((struct span){kind, strlen(kind)}, &ret->kind) ||
        !read_verdict(payload, &ret->verdict))
        return is_none(err, "its kind or verdict is not known");
    if (made_at == NULL || !clock_parse_iso_us(made_at, &ret->made_at_us))
        return is_none(err, "it does not say when it was made");
    if (!read_files(arena, json_object_get(payload, "files"), &ret->files, err) ||
        !read_names(arena, json_object_get(payload, "pending"), &ret->pending, err) ||
        !read_names(arena, json_object_get(payload, "releases"), &ret->releases, err))
        return false;
    ret->why = copy(arena, payload, "why");
    ret->applied = copy(arena, payload, "applied");
    ret->set = copy(arena, payload, "set");
    return ret->set != NULL || is_none(err, "it does not say which set it is about");
}

/* In the one form that it is written in: what was read is what stands there. */
static bool is_exact(const json_t *payload, struct span bytes, struct err *err)
{
    CLEANUP(free_pointer) char *text = json_dumps(payload, JSON_COMPACT | JSON_SORT_KEYS);
    if (text == NULL)
        return err_nomem(err);
    return span_is(bytes, text) || is_none(err, "its payload is not in the one form for it");
}

static bool load_json(const char *text, size_t len, json_t **ret, struct err *err)
{
    json_error_t error;
    *ret = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    return *ret != NULL || err_set(err, ERR_REFUSED, "it is no attestation: %s", error.text);
}

static const struct public_key *find_key(const struct public_keys *keys, const char *id)
{
    for (size_t i = 0; id != NULL && i < keys->count; i++)
        if (strcmp(keys->items[i].id.text, id) == 0)
            return &keys->items[i];
    return NULL;
}

/* One signature by one of the keys is enough; several are there while keys are changed. */
static bool verify(struct arena *arena, struct span payload, const json_t *signatures,
                   const struct public_keys *keys, enum attestation_trust *ret,
                   const char **ret_key, struct err *err)
{
    CLEANUP(str_release) struct str text = {0};
    put_signed(payload, &text);
    if (text.failed)
        return err_nomem(err);
    *ret = ATTESTATION_UNKNOWN;
    for (size_t i = 0; i < json_array_size(signatures) && i < SIGNATURES_MAX; i++) {
        const json_t *const item = json_array_get(signatures, i);
        const char *const sig = json_string_value(json_object_get(item, "sig"));
        const char *const id = copy(arena, item, "keyid");
        const struct public_key *const key = find_key(keys, id);
        struct span bytes = {0};
        bool fits = false;
        *ret_key = *ret_key == NULL || key != NULL ? id : *ret_key;
        if (key == NULL)
            continue;
        *ret = ATTESTATION_BROKEN;
        if (sig != NULL && !base64_decode(arena, sig, &bytes, &fits, err))
            return false;
        if (fits && bytes.len == SIGNATURE_BYTES &&
            !signature_verify(key, (struct span){str_text(&text), text.len},
                              (const unsigned char *)bytes.at, &fits, err))
            return false;
        if (fits && bytes.len == SIGNATURE_BYTES) {
            *ret = ATTESTATION_SIGNED;
            return true;
        }
    }
    return true;
}

bool attestation_read(struct arena *arena, const char *text, size_t len,
                      const struct public_keys *keys, struct attestation *ret,
                      enum attestation_trust *ret_trust, const char **ret_key, struct err *err)
{
    CLEANUP(json_release) json_t *envelope = NULL;
    CLEANUP(json_release) json_t *payload = NULL;
    struct span bytes = {0};
    bool fits = false;
    *ret = (struct attestation){0};
    *ret_key = NULL;
    if (!load_json(text, len, &envelope, err))
        return false;
    const char *const type = json_string_value(json_object_get(envelope, "payloadType"));
    const char *const encoded = json_string_value(json_object_get(envelope, "payload"));
    if (type == NULL || strcmp(type, PAYLOAD_TYPE) != 0 || encoded == NULL)
        return is_none(err, "its payload is of another type");
    if (!base64_decode(arena, encoded, &bytes, &fits, err))
        return false;
    if (!fits)
        return is_none(err, "its payload is not base64");
    return verify(arena, bytes, json_object_get(envelope, "signatures"), keys, ret_trust, ret_key,
                  err) &&
           load_json(bytes.at, bytes.len, &payload, err) && is_exact(payload, bytes, err) &&
           read_payload(arena, payload, ret, err);
}
