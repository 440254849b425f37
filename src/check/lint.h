/*
 * What statements do, held against the rules: what `pawl lint` and `pawl check` do with the text of
 * migrations.
 *
 * The migrations given to lint_run() are one deploy, unless each is alone: a table that an earlier
 * one of them creates is empty, and nobody else waits for it. Statements are read one after another
 * and not kept, so that a file of a hundred megabytes takes little more memory than its text.
 */
#ifndef PAWL_CHECK_LINT_H
#define PAWL_CHECK_LINT_H

#include "check/constraints.h"
#include "check/lint_rules.h"
#include "check/lite.h"
#include "check/made.h"
#include "check/mend.h"
#include "check/rules.h"
#include "check/sync.h"
#include "history/migration.h"
#include "sql/classify.h"
#include "sql/facts.h"
#include "sql/facts_form.h"
#include "sql/split.h"

struct lint_options {
    enum dialect dialect;
    bool alone;          /* each migration is a deploy of its own */
    struct mends *mends; /* takes in what rules would have written instead; may be NULL */
};

/* Adds the findings; those of a statement that cannot be split are the "statement" rule's. Errors
 * are ERR_NOMEM and a thread that cannot be made. */
bool lint_run(struct arena *arena, const struct lint_options *options,
              const struct migration *const *migrations, size_t count, struct findings *findings,
              struct err *err) MUST_CHECK;

/* ---- for the rules (check/rules/) ---- */

/* What an earlier statement of the same migration did; of queries and row changes only the first
 * for each relation. */
struct lint_done {
    struct act act;   /* without its node */
    size_t statement; /* its number in the migration, from 0 */
    size_t unit;
    bool existing;  /* lint_is_existing(), as it was done */
    bool if_exists; /* of DROP */
    size_t offset;  /* of the act in the forward part */
};

struct lint {
    struct arena *arena;   /* lives as long as the findings */
    struct arena *scratch; /* lives as long as the statement at hand */
    const struct lint_options *options;
    struct lint_rules rules; /* of the dialect */
    const struct migration *migration;
    size_t index; /* of the migration in the review, from 0 */
    struct findings *findings;
    size_t findings_before; /* those that are not of the migration at hand */
    struct facts_walk walk;
    struct {
        struct lint_done *items;
        size_t count, capacity;
    } done;
    bool unread; /* a statement of the migration, so far, did what facts do not know */
    struct constraints constraints;      /* that earlier statements of all migrations add */
    struct syncs syncs;                  /* the same of triggers that keep columns alike */
    const struct statements *statements; /* of the migration */
    struct made made;            /* by the migrations that are one deploy, up to the one at hand */
    struct lite lite;            /* SQLite only */
    bool is_last;                /* of the migrations that are one deploy */
    struct lint_spot began;      /* the BEGIN of the migration that is open */
    enum statement_class before; /* of the statement before this one */
    /* The statement at hand. */
    size_t number;  /* in the migration, from 0 */
    size_t unit;    /* what has the same number is committed together */
    bool unit_over; /* the next statement begins another one */
    bool in_block;  /* between BEGIN and COMMIT of the file itself; for both not yet, or no more */
    const struct statement *statement;
    const struct PgQuery__Node *tree; /* NULL: not PostgreSQL, or the parser cannot read it */
    struct statement_info info;       /* how it must be run */
    struct facts facts;               /* PostgreSQL only */
    const struct inner_place *inside; /* tree and facts are those of a statement in the body of the
                                         DO at hand, or of a function that it calls; else NULL */
    const struct function_place *by;  /* the function that does what is reported; may be NULL */
};

/* A byte of the statement at hand. */
struct lint_spot lint_spot_at(const struct lint *lint, int at);

/* A finding at this byte of the statement at hand, of the rule's usual severity and with its fix.
 * The sentence: lower case, no full stop. */
void lint_report(struct lint *lint, const struct rule *rule, int at, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The same of an act, which a function may do. */
void lint_report_act(struct lint *lint, const struct rule *rule, const struct act *act,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* The same with the rule's own sentence, in which the name stands for "{}". */
void lint_report_name(struct lint *lint, const struct rule *rule, int at, const char *name);

/* The same of an act that the rule names a form of, with the recipe that does it otherwise. */
void lint_report_form(struct lint *lint, const struct rule *rule, const struct act *act);

/* The same of what was read before. */
void lint_report_spot(struct lint *lint, const struct rule *rule, const struct lint_spot *spot,
                      const char *format, ...) PRINTF_LIKE(4, 5);

/* The same for a place that was kept. */
struct place lint_place(struct lint *lint, int at);
void lint_report_place(struct lint *lint, const struct rule *rule, const struct place *place,
                       const char *format, ...) PRINTF_LIKE(4, 5);

/* For `behind`: makes what was done the statement at hand, for lint_report() at its act. */
void lint_turn_to(struct lint *lint, const struct lint_done *done);

/* False where one of them has no name. */
bool lint_same_name(const char *a, const char *b);

/* True when what was made is what had gone, by its name. */
bool lint_makes_again(const struct act *made, const struct act *gone);

/* What ALTER TABLE ADD adds, at an act of the statement at hand; NULL where it is no constraint. */
const struct PgQuery__Constraint *lint_added_constraint(const struct act *act);

/* True where it would break code of the release before: not made by the set, not a contract step.
 */
bool lint_can_break(const struct lint *lint, const struct act *act);

/* True for what was there before the transaction of the statement at hand, and may have rows. */
bool lint_is_existing(const struct lint *lint, const struct act *act);

/* True for a table of the server's own: it is small, and names that begin so are the server's. */
bool lint_is_catalog(const struct act *act);

#endif
