/* The rules about making and removing indexes. */
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

/* ---- one after another ---- */

static bool is_index_made_again(const struct lint *lint, const struct act *act)
{
    for (size_t i = 0; i < lint->facts.locks.count; i++) {
        const struct locked *const index = &lint->facts.locks.items[i];
        if (index->object == LOCKED_INDEX && index->fate == FATE_CREATED &&
            lint_same_name(index->name, act->name))
            return true;
    }
    return false;
}

/* In one transaction nobody sees the time between, and IF EXISTS clears away what a failed build
 * left. */
static void look_for_dropped_index(struct lint *lint, const struct rule *rule)
{
    for (size_t i = 0; i < lint->done.count; i++) {
        const struct lint_done *const done = &lint->done.items[i];
        const bool drops = done->act.form == form_of(FORM_DROP_INDEX) ||
                           done->act.form == form_of(FORM_DROP_INDEX_CONCURRENTLY);
        if (drops && !done->if_exists && done->unit != lint->unit &&
            is_index_made_again(lint, &done->act))
            lint_report(lint, rule, 0, "there is no index %s until it is built anew",
                        done->act.name);
    }
}

/* ---- by form ---- */

static bool skips_by_name(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return act->object == LOCKED_RELATION && act->node != NULL &&
           act->node->node_case == PG_QUERY__NODE__NODE_INDEX_STMT &&
           act->node->index_stmt->if_not_exists;
}

static bool is_unique_index(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return act->object == LOCKED_RELATION && act->node != NULL &&
           act->node->node_case == PG_QUERY__NODE__NODE_INDEX_STMT && act->node->index_stmt->unique;
}

static bool is_relation(const struct lint *lint, const struct act *act)
{
    (void)lint;
    return act->object == LOCKED_RELATION;
}

static const struct rule rules[] = {
    {.id = "create-index-blocking",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "an index is built while writes wait",
     .why = "CREATE INDEX holds a lock that every INSERT, UPDATE and DELETE waits for until the "
            "index is built, minutes on a large table.",
     .fix = "Write CREATE INDEX CONCURRENTLY, in a migration of its own. On a partitioned table: "
            "CREATE INDEX ON ONLY the table, CONCURRENTLY on each partition, then ALTER INDEX ... "
            "ATTACH PARTITION.",
     .example_bad = "create index users_email on users (email);",
     .example_good = "create index concurrently users_email on users (email);",
     .forms = FORMS("CREATE INDEX"),
     .applies = is_relation,
     .what = "writes to {} wait until the index is built",
     .mend = mend_concurrently},
    {.id = "index-if-not-exists",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "IF NOT EXISTS takes a broken index for a good one",
     .why = "A CREATE INDEX CONCURRENTLY that fails leaves an INVALID index of that name behind, "
            "which no query uses. With IF NOT EXISTS the next attempt sees the name, does nothing "
            "and succeeds. pawl itself finds what a failed build left and removes it.",
     .fix = "Leave out IF NOT EXISTS. Where the index may be there already, write DROP INDEX "
            "CONCURRENTLY IF EXISTS before it.",
     .example_bad = "create index concurrently if not exists users_email on users (email);",
     .example_good = "create index concurrently users_email on users (email);",
     .forms = FORMS("CREATE INDEX CONCURRENTLY"),
     .applies = skips_by_name,
     .what = "an INVALID index of that name on {} would be kept, and the statement succeeds"},
    {.id = "drop-index-blocking",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "an index is dropped while its table is locked",
     .why = "DROP INDEX waits for every query on the table that is under way, and all queries that "
            "come after it wait behind it. A single long report is enough.",
     .fix = "Write DROP INDEX CONCURRENTLY; not for an index of a partitioned table.",
     .example_bad = "drop index users_email;",
     .example_good = "drop index concurrently users_email;",
     .forms = FORMS("DROP INDEX"),
     .what = "reads and writes of the table of {} wait",
     .mend = mend_concurrently},
    {.id = "drop-index-first",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "an index is dropped before the one that takes its place is there",
     .why = "Until the new index is built, queries that need it read the whole table, many at a "
            "time.",
     .fix = "Create the new index under another name, then drop the old one, then rename: ALTER "
            "INDEX ... RENAME TO waits for nobody who reads or writes.",
     .example_bad = "drop index concurrently users_email;\n"
                    "create index concurrently users_email on users (lower(email));",
     .example_good = "create index concurrently users_email_lower on users (lower(email));\n"
                     "drop index concurrently users_email;",
     .look = look_for_dropped_index},
    {.id = "reindex-blocking",
     .grows = true,
     .severity = SEVERITY_ERROR,
     .engines = RULE_POSTGRES,
     .fixer = FIXER_STATEMENT,
     .title = "an index is built anew while others wait",
     .why = "REINDEX stops the writes to the table, and the reads too: to plan any query the "
            "server opens each index of its tables, and one of them is locked.",
     .fix = "Write REINDEX ... CONCURRENTLY.",
     .example_bad = "reindex table users;",
     .example_good = "reindex table concurrently users;",
     .forms = FORMS("REINDEX INDEX", "REINDEX TABLE"),
     .what = "queries wait until {} is built anew",
     .mend = mend_concurrently},
    {.id = "unique-on-rows",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "rows that are there may be equal where a unique index is built",
     .why =
         "Two rows with the same key fail it. Built CONCURRENTLY, it is left behind INVALID, and "
         "slows down writes until it is dropped; pawl does that.",
     .fix =
         "Ask beforehand: SELECT columns, count(*) FROM table GROUP BY columns HAVING count(*) > "
         "1.",
     .example_bad = "create unique index concurrently users_email on users (email);",
     .example_good = "create index concurrently users_email on users (email);",
     .forms = FORMS("CREATE INDEX", "CREATE INDEX CONCURRENTLY"),
     .applies = is_unique_index,
     .what = "it fails where two rows of {} are equal in it"},
};

const struct rule_table rules_of_indexes = {rules, COUNT_OF(rules)};
