/* From a configured target to a connected ledger. */
#include "cli/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/stop.h"
#include "deploy/prepare.h"
#include "ledger/reservation.h"

bool session_open_target(struct cli *cli, const struct target *target, const struct url *url,
                         bool write, struct session *ret, struct err *err)
{
    *ret = (struct session){.wait = {.cancel_fd = -1}};
    if (!stop_watch(&ret->wait.cancel_fd, err))
        return false;
    prepare_target(&cli->config, target, url, write, &ret->target);
    return ledger_open(&cli->arena, &ret->target, &ret->wait, &ret->ledger, err);
}

bool session_open(struct cli *cli, bool write, struct session *ret, struct err *err)
{
    return session_open_target(cli, &cli->target, &cli->url, write, ret, err);
}

void session_close(struct session *session)
{
    ledger_close(&session->ledger);
}

bool session_check_dialect(const struct cli *cli, enum engine engine, bool sqlite_dialect,
                           struct err *err)
{
    if ((engine == ENGINE_SQLITE) == sqlite_dialect)
        return true;
    (void)err_set(err, ERR_USAGE, "the migrations are written for %s, the target \"%s\" is %s",
                  sqlite_dialect ? "sqlite" : "postgres", cli->target.name, engine_name(engine));
    err_state(err, "Nothing was changed.");
    err_hint(err, "Set dialect in [pawl] of %s, or choose another target.", CONFIG_FILE_NAME);
    return false;
}

bool session_duration(const struct cli *cli, const char *option, int64_t fallback_ms,
                      int64_t *ret_ms, struct err *err)
{
    const char *const text = cli_option(cli, option);
    *ret_ms = fallback_ms;
    if (text == NULL || clock_parse_duration_ms(text, ret_ms))
        return true;
    return err_set(err, ERR_USAGE, "--%s takes a duration such as 30s or 10m, not \"%s\"", option,
                   text);
}

bool session_reason(struct cli *cli, bool required, const char **ret, struct err *err)
{
    const char *const text = cli_option(cli, "reason");
    const size_t len = text != NULL ? strlen(text) : 0;
    size_t bad = 0;
    *ret = text;
    if (text == NULL ? !required : text[strspn(text, " \t\r\n")] != '\0') {
        if (len > RESERVATION_REASON_BYTES)
            return err_set(err, ERR_USAGE, "--reason has %zu bytes, and a row holds %d of it", len,
                           RESERVATION_REASON_BYTES);
        if (!utf8_valid(text != NULL ? text : "", len, &bad))
            return err_set(err, ERR_USAGE, "--reason is not UTF-8 from byte %zu on", bad + 1);
        return true;
    }
    return err_set(err, ERR_USAGE, "--reason TEXT is needed: it goes into the ledger");
}

const char *session_release(const struct cli *cli)
{
    const char *const given = cli_option(cli, "release");
    const char *const text = given != NULL ? given : getenv("PAWL_RELEASE");
    return text != NULL && text[0] != '\0' ? text : NULL;
}
