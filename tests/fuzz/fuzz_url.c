/* conf/url: what is shown of a URL has no password in it, by the judgement of libpq itself. */
#include <libpq-fe.h>
#include <string.h>

#include "conf/url.h"
#include "fuzz.h"

/* What a password holds in the seeds, and nothing else should. */
static const char secret[] = "Zq7";

static bool holds_secret(const char *text)
{
    return text != NULL && strstr(text, secret) != NULL;
}

/* A text that holds the secret once, and where libpq takes that place for a secret, shows none. A
 * later parameter may stand in for an earlier one, so that what libpq has in the end is not all. */
static void check_secret(const struct url *url)
{
    const char *const first = strstr(url->location, secret);
    bool hidden = false;
    if (first == NULL || strstr(first + 1, secret) != NULL)
        return;
    PQconninfoOption *const options = PQconninfoParse(url->location, NULL);
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++)
        if (strcmp(option->keyword, "password") == 0 || strcmp(option->keyword, "sslpassword") == 0)
            hidden = hidden || holds_secret(option->val);
    if (hidden)
        HOLDS(url->secret && !holds_secret(url->display));
    PQconninfoFree(options);
}

/* What is shown, where it is a URL again, is one of the same kind, holds no secret and shows the
 * same. */
static void check_display(struct fuzz *fuzz, const struct url *url)
{
    struct url again;
    const size_t len = strlen(url->display);
    if (len == 0 || ascii_space(url->display[len - 1]))
        return; /* nothing is left to show, or what was left out kept a blank within */
    if (!url_parse(&fuzz->arena, url->display, ".", &again, &fuzz->err))
        return; /* a parameter that was left out had kept a later "@" from standing before a "/" */
    HOLDS(again.engine == url->engine && !again.secret);
    HOLDS(strcmp(again.display, url->display) == 0);
}

/* What stands behind a ":" or "=" may be a password, unless it is the path of a SQLite file. */
static void check_refusal(const char *text, const struct err *err)
{
    const size_t before = strcspn(text, ":=");
    const char *const first = strstr(text, secret);
    HOLDS(err->code == ERR_USAGE && err->message != NULL);
    if (first != NULL && first > text + before && strstr(text, "sqlite") == NULL)
        HOLDS(!holds_secret(err->message) && !holds_secret(err->hint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = {0};
    struct url url;
    const char *const text = fuzz_text(&fuzz, data, size);
    if (strstr(text, "env:") != NULL || strstr(text, "file:") != NULL) {
        fuzz_end(&fuzz); /* what they point to is the machine's */
        return 0;
    }
    if (url_parse(&fuzz.arena, text, ".", &url, &fuzz.err)) {
        HOLDS(url.location != NULL && url.display != NULL);
        check_display(&fuzz, &url);
        if (url.engine == ENGINE_POSTGRES)
            check_secret(&url);
    } else {
        check_refusal(text, &fuzz.err);
    }
    fuzz_end(&fuzz);
    return 0;
}
