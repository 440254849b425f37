/* From a command's end to a signed file. */
#include "cli/attesting.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "ledger/actor.h"

enum { KEY_MAX_BYTES = 64 << 10, NAME_BYTES = 40, DIGEST_SHOWN = 12 };

/* ---- what it is about ---- */

/* As secrets come in CI: the key itself. Never shown. */
static bool is_pem(const char *text)
{
    return strncmp(text, "-----BEGIN ", strlen("-----BEGIN ")) == 0;
}

bool attesting_start(struct cli *cli, enum attested_kind kind, struct attesting *ret,
                     struct err *err)
{
    static const char variable[] = "PAWL_ATTEST_KEY";
    const char *const option = cli_option(cli, "attest");
    const char *const given = option != NULL ? option : getenv(variable);
    const char *name = given;
    char *pem;
    size_t len;
    *ret = (struct attesting){.attestation = {.kind = kind}};
    if (option != NULL && option[0] == '\0')
        return err_set(err, ERR_USAGE, "--attest names no key");
    if (given == NULL || given[0] == '\0')
        return true;
    if (option == NULL && is_pem(given)) {
        name = variable;
        pem = arena_strdup(&cli->arena, given);
        len = strlen(given);
        if (pem == NULL)
            return err_nomem(err);
    } else if (!fs_read(&cli->arena, given, KEY_MAX_BYTES, &pem, &len, err)) {
        return false;
    }
    const bool ok = signing_key_read(name, pem, len, &ret->key, err);
    explicit_bzero(pem, len);
    return ok;
}

void attesting_release(struct attesting *attesting)
{
    signing_key_release(&attesting->key);
    json_decref(attesting->about);
    attesting->about = NULL;
}

bool attesting_set(struct cli *cli, struct attesting *attesting, const struct set *set,
                   struct err *err)
{
    struct attestation *const attestation = &attesting->attestation;
    if (attesting->key.key == NULL)
        return true;
    const struct hash_hex digest = attested_set(&cli->arena, set);
    attestation->set = digest.text[0] != '\0' ? arena_strdup(&cli->arena, digest.text) : NULL;
    if (attestation->set == NULL)
        return err_nomem(err);
    attesting->bound = attested_files_read(&cli->arena, set, &attestation->files, err);
    return attesting->bound;
}

static bool add_name(struct cli *cli, struct attested_names *names, const char *name,
                     struct err *err)
{
    size_t bad;
    if (!utf8_valid(name, strlen(name), &bad)) {
        const char *const shown = fs_printable(&cli->arena, name);
        return err_set(err, ERR_USAGE, "\"%s\" is not UTF-8: an attestation cannot name it",
                       shown != NULL ? shown : "?");
    }
    const char **const slot = arena_push(&cli->arena, names);
    if (slot == NULL)
        return err_nomem(err);
    *slot = name;
    return true;
}

bool attesting_plan(struct cli *cli, struct attesting *attesting,
                    const struct deploy_result *result, struct err *err)
{
    const struct plan *const plan = &result->plan;
    attesting->attestation.applied = result->start;
    for (size_t i = 0; attesting->key.key != NULL && i < plan->items.count; i++)
        if (!plan->items.items[i].recognised && !add_name(cli, &attesting->attestation.pending,
                                                          plan->items.items[i].migration->id, err))
            return false;
    return true;
}

bool attesting_add_release(struct cli *cli, struct attesting *attesting, const char *release,
                           struct err *err)
{
    const struct attested_names *const names = &attesting->attestation.releases;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], release) == 0)
            return true;
    return attesting->key.key == NULL ||
           add_name(cli, &attesting->attestation.releases, release, err);
}

void attesting_about(struct attesting *attesting, const char *name, json_t *value)
{
    if (attesting->about == NULL)
        attesting->about = json_object();
    (void)json_object_set_new(attesting->about, name, value); /* for people: one less */
}

/* ---- writing ---- */

static bool describe(struct cli *cli, struct attesting *attesting, struct err *err)
{
    const char *const user = actor_user(&cli->arena), *const host = actor_host(&cli->arena);
    if (user == NULL || host == NULL)
        return err_nomem(err);
    attesting_about(attesting, "pawl", json_string(PAWL_VERSION));
    attesting_about(attesting, "user", cli_json_text(user));
    attesting_about(attesting, "host", cli_json_text(host));
    attesting_about(attesting, "errors",
                    json_integer((json_int_t)findings_count(&cli->findings, SEVERITY_ERROR)));
    attesting_about(attesting, "warnings",
                    json_integer((json_int_t)findings_count(&cli->findings, SEVERITY_WARNING)));
    attesting->attestation.about = attesting->about;
    return true;
}

/* What could not be asked is no verdict. */
static bool judge(struct cli *cli, struct attesting *attesting, bool ok, const struct err *why,
                  struct err *err)
{
    struct attestation *const attestation = &attesting->attestation;
    const bool failed =
        !ok && attesting->asked && (why->code == ERR_REFUSED || why->code == ERR_FAILED);
    const char *const reason = ok ? attesting->skipped : why->message;
    attestation->verdict = failed           ? ATTESTED_FAILED
                           : reason != NULL ? ATTESTED_SKIPPED
                                            : ATTESTED_PASSED;
    attestation->why = reason != NULL ? fs_printable(&cli->arena, reason) : NULL;
    attestation->made_at_us = clock_utc_us();
    return reason == NULL || attestation->why != NULL || err_nomem(err);
}

/* What of a release's name may stand in a file's. */
static void put_plain(struct str *out, const char *name)
{
    for (size_t i = 0; name[i] != '\0' && i < NAME_BYTES; i++)
        str_putc(out,
                 ascii_letter(name[i]) || ascii_digit(name[i]) || name[i] == '.' ? name[i] : '_');
}

/* A file of its own for each run: a later one that passes does not hide one that failed. */
static const char *name_file(struct cli *cli, const struct attestation *a)
{
    CLEANUP(str_release) struct str text = {0};
    char at[CLOCK_ISO_BYTES];
    clock_format_compact(a->made_at_us, at);
    str_puts(&text, attested_kind_name(a->kind));
    if (a->releases.count == 1) {
        str_putc(&text, '-');
        put_plain(&text, a->releases.items[0]);
    }
    str_printf(&text, "-%.*s-%.*s%06d.json", DIGEST_SHOWN, a->set, (int)strcspn(at, "Z"), at,
               (int)(a->made_at_us % 1000000));
    return text.failed ? NULL : arena_strndup(&cli->arena, str_text(&text), text.len);
}

static bool write(struct cli *cli, struct attesting *attesting, struct err *err)
{
    const struct value *const setting = &cli->config.values[SETTING_ATTESTATIONS];
    CLEANUP(str_release) struct str text = {0};
    const char *const folder =
        fs_join(&cli->arena, config_folder_of(&cli->config, setting), setting->text);
    const char *const name = name_file(cli, &attesting->attestation);
    const char *const path =
        folder != NULL && name != NULL ? fs_join(&cli->arena, folder, name) : NULL;
    if (path == NULL)
        return err_nomem(err);
    if (!attestation_write(&attesting->attestation, &attesting->key, &text, err) ||
        !fs_make_folder(folder, err) || !fs_create(path, str_text(&text), text.len, err))
        return false;
    output_chat(&cli->output, "attested: %s, in %s",
                attested_verdict_name(attesting->attestation.verdict), path);
    cli_result(cli, "attestation", cli_json_text(path));
    return true;
}

bool attesting_end(struct cli *cli, struct attesting *attesting, bool ok, struct err *err)
{
    CLEANUP(err_release) struct err failed = {0};
    const bool over = !ok && (err->code == ERR_SIGNAL || err->code == ERR_NOMEM);
    if (attesting->key.key == NULL || !attesting->bound || over)
        return ok;
    if (describe(cli, attesting, &failed) && judge(cli, attesting, ok, err, &failed) &&
        write(cli, attesting, &failed))
        return ok;
    if (!ok) { /* what went wrong first counts */
        output_chat(&cli->output, "nothing is attested: %s", failed.message);
        return false;
    }
    *err = failed;
    failed = (struct err){0};
    return false;
}
