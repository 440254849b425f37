/*
 * Command-line options as tables, and the one routine that reads them: --name=value, --name value,
 * -C DIR, -CDIR, -qv, and -- which ends them. No abbreviations: a script that uses one breaks when
 * a second option starts with the same letters.
 */
#ifndef PAWL_CLI_OPTION_H
#define PAWL_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/config.h"

/* What a shell may complete a word with. */
enum offer {
    OFFER_NOTHING,
    OFFER_FILES,
    OFFER_FOLDERS,
    OFFER_TARGETS,    /* of pawl.conf */
    OFFER_MIGRATIONS, /* ids of the migrations folder */
    OFFER_RULES,
    OFFER_TOPICS, /* of `pawl help` */
};

struct option {
    const char *name;     /* "migrations", typed --migrations */
    char letter;          /* 'C', typed -C; 0 when there is none */
    const char *argument; /* "DIR"; NULL for a flag */
    const char *text;     /* for help: lower case, no full stop */
    const char *choices;  /* "auto|always|never": words that the value may be; may be NULL */
    enum offer offers;    /* what it may be besides */
    bool sets;            /* its value is that of a setting, checked and ranked as such */
    enum setting_id setting;
};

/* Appends the text for help, with the choices: "what to colour: auto, always, never". */
void option_describe(const struct option *option, struct str *out);

struct option_table {
    const struct option *items;
    size_t count;
};

enum { OPTION_TABLES = 2 };

struct option_reader {
    const char *const *words; /* the command line, the program's name first */
    size_t count, next;
    struct option_table tables[OPTION_TABLES]; /* the later one wins */
    const char *cluster;                       /* what is left of -qv */
    bool ended;                                /* after -- */
};

enum option_result { OPTION_END, OPTION_WORD, OPTION_GIVEN, OPTION_BAD };

/*
 * Reads on: OPTION_WORD with the word in *ret_text, OPTION_GIVEN with the option and its value (""
 * for a flag), OPTION_BAD with err (ERR_USAGE); reading can go on after it.
 */
enum option_result option_next(struct arena *arena, struct option_reader *reader,
                               const struct option **ret_option, const char **ret_text,
                               struct err *err) MUST_CHECK;

#endif
