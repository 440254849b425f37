/* The rules about what others wait for while a statement works. */
#include "check/lint.h"
#include "check/rules/tables.h"

static const struct rule rules[] = {
    {.id = "create-index-blocking",
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .title = "an index is built while writes wait",
     .why = "CREATE INDEX holds a lock that every INSERT, UPDATE and DELETE waits for until the "
            "index is built, minutes on a large table.",
     .fix = "Write CREATE INDEX CONCURRENTLY, in a migration of its own.",
     .example_bad = "create index users_email on users (email);",
     .example_good = "create index concurrently users_email on users (email);",
     .forms = FORMS("CREATE INDEX", "CREATE INDEX ON ONLY"),
     .what = "writes to {} wait until the index is built"},
};

const struct rule_table rules_of_locks = {rules, COUNT_OF(rules)};
