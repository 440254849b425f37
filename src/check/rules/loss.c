/* The rules about what takes away data, or what code relies on. */
#include "check/lint.h"
#include "check/rules/tables.h"

/* A contract step comes when no code is left that would miss what it takes away. */
static bool before_contract(const struct lint *lint, const struct act *act)
{
    (void)act;
    return lint->migration->phase != PHASE_CONTRACT;
}

static const struct rule rules[] = {
    {.id = "drop-column",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "a column is dropped",
     .why = "Code that still names the column fails from that moment on, and so does an INSERT "
            "without a column list; what was in it is gone.",
     .fix = "First deploy code that neither reads nor writes it; then drop it in a migration with "
            "phase=contract.",
     .example_bad = "alter table users drop column nickname;",
     .example_good = "-- pawl: phase=contract\nalter table users drop column nickname;",
     .forms = FORMS("ALTER TABLE DROP COLUMN"),
     .applies = before_contract,
     .what = "code that names a column of {} that is dropped fails"},
};

const struct rule_table rules_of_loss = {rules, COUNT_OF(rules)};
