/*
 * The rules that findings belong to: one list, from which `pawl explain`, the docs and SARIF come.
 * Their tables are in check/rules/, one file a subject.
 */
#ifndef PAWL_CHECK_RULES_H
#define PAWL_CHECK_RULES_H

#include <stddef.h>

#include "base/finding.h"

/* A set of engines. */
enum { RULE_POSTGRES = 1, RULE_SQLITE = 2, RULE_ANY = RULE_POSTGRES | RULE_SQLITE };

/* What --fix, of `pawl check` or of `pawl lint`, does about a finding. */
enum fixer {
    FIXER_NONE,
    FIXER_TEXT,      /* edits the file's text */
    FIXER_PHASE,     /* makes a contract step of the file */
    FIXER_NAME,      /* renames the file to what was meant */
    FIXER_VERSION,   /* gives the file a version after the newest */
    FIXER_SUM,       /* writes pawl.sum anew */
    FIXER_STATEMENT, /* of `pawl lint --fix`: other statements that come to the same end */
};

/* What it does and when, for the docs: "mends the line ..."; NULL for FIXER_NONE. */
const char *fixer_text(enum fixer fixer);

/* The command whose --fix does it: "check", "lint"; NULL for FIXER_NONE. */
const char *fixer_command(enum fixer fixer);

struct act;
struct lint;

struct rule {
    const char *id;
    enum severity severity; /* the usual one; an applied migration's odd name is only a note */
    unsigned engines;
    enum fixer fixer;
    bool grows;        /* about time that grows with a table: no outage on a small one */
    bool rows;         /* about rows that are there, or code that uses them: no harm without */
    const char *title; /* one line, lower case, no full stop */
    const char *why, *fix;
    const char *example_bad, *example_good; /* lines of a file, or names; may be NULL */

    /*
     * How check/lint.h finds it in a statement; nothing here where another check finds it. Either
     * by what the statement does: one of these forms (their names, NULL ends the list) on what the
     * set has not just made, and `applies` where it is given. Or `look` does it all.
     */
    const char *const *forms;
    /* By form: it breaks code of the release before. Silent in a contract step, which comes when
     * there is none, and on what the set has made, whatever is in it by then. */
    bool breaks;
    const char *const *remade; /* of these, one further up or down that makes the same again */
    bool (*applies)(const struct lint *lint, const struct act *act);
    /* And by form: what `pawl new --recipe` is given to write it otherwise, behind which stand the
     * names: "rename-column --table {table} --column {column}". NULL: there is no recipe. */
    const char *recipe;
    const char *what; /* of a finding by form, or by name; "{}" stands for what it is about */
    void (*mend)(struct lint *lint, const struct rule *rule, const struct act *act);
    void (*look)(struct lint *lint, const struct rule *rule);
    /* The same, and so it sees each statement in the body of a DO, as lint.tree and lint.facts. */
    void (*each)(struct lint *lint, const struct rule *rule);
    void (*behind)(struct lint *lint,
                   const struct rule *rule); /* or, or beside it: once behind each migration */
    void (*finish)(struct lint *lint, const struct rule *rule); /* or: once, behind all of them */
};

/* In the order of the docs; NULL after the last. */
const struct rule *rule_at(size_t index);
size_t rule_count(void);

/* NULL when there is no such rule. */
const struct rule *rule_find(const char *id);

/* True for one that check/lint.h finds. */
bool rule_is_linted(const struct rule *rule);

/* True for one about what can take others down or lose data; what is only refused by the server,
 * and rolled back, hurts nobody. */
bool rule_can_hurt(const struct rule *rule);

/* rule_count() of them, in an array of the arena; NULL when memory is out. */
const char **rule_ids(struct arena *arena) MUST_CHECK;

#endif
