/* The forms by their side, and migrations read for it. */
#include "check/contract.h"

#include <string.h>

#include "check/lint.h"
#include "check/lite_parts.h"
#include "check/place.h"
#include "sql/facts_form.h"

#define AT(name) PG_QUERY__ALTER_TABLE_TYPE__AT_##name

/* ---- forms ---- */

static const enum form_id adds[] = {
    FORM_ADD_ATTRIBUTE,
    FORM_ADD_COLUMN_NOT_NULL,
    FORM_ADD_COLUMN_DEFAULT,
    FORM_ADD_COLUMN_NOT_NULL_DEFAULT,
    FORM_ADD_COLUMN_VOLATILE,
    FORM_ADD_COLUMN_SERIAL,
    FORM_ADD_COLUMN_GENERATED,
    FORM_ADD_COLUMN_DOMAIN,
    FORM_ADD_COLUMN_CHECK,
    FORM_ADD_COLUMN_UNIQUE,
    FORM_ADD_COLUMN_PRIMARY,
    FORM_ADD_COLUMN_REFERENCES,
    FORM_ADD_COLUMN_REFERENCES_SCAN,
    FORM_CREATE_TABLE,
    FORM_CREATE_TABLE_AS,
    FORM_CREATE_VIEW,
    FORM_CREATE_TYPE,
    FORM_CREATE_FUNCTION,
    FORM_CREATE_SEQUENCE,
    FORM_ADD_ENUM_VALUE,
};

static const enum form_id takes[] = {
    FORM_DROP_DEFAULT,
    FORM_ADD_CHECK,
    FORM_ADD_CHECK_NOT_VALID,
    FORM_ADD_FOREIGN_KEY,
    FORM_ADD_FOREIGN_KEY_NOT_VALID,
    FORM_REFERENCED_TABLE,
    FORM_DROP_TABLE,
    FORM_DROP_TABLE_CASCADE,
    FORM_DROP_VIEW,
    FORM_DROP_SEQUENCE,
    FORM_DROP_INDEX,
    FORM_DROP_INDEX_CONCURRENTLY,
    FORM_DROP_TRIGGER,
    FORM_DROP_RULE,
    FORM_DROP_POLICY,
    FORM_DROP_STATISTICS,
    FORM_DROP_TYPE,
    FORM_DROP_FUNCTION,
    FORM_DROP_SCHEMA,
    FORM_DROP_EXTENSION,
    FORM_TRUNCATE,
    FORM_TRUNCATE_RESTART,
    FORM_COMMENT_RELATION,
    FORM_COMMENT_INDEX,
    FORM_COMMENT_PART,
    FORM_REVOKE,
    FORM_REVOKE_OTHER,
    FORM_REINDEX_INDEX,
    FORM_REINDEX_INDEX_CONCURRENTLY,
    FORM_REINDEX_TABLE,
    FORM_REINDEX_TABLE_CONCURRENTLY,
    FORM_CLUSTER,
    FORM_VACUUM,
    FORM_VACUUM_FULL,
    FORM_ANALYZE,
    FORM_LOCK,
    FORM_SELECT,
    FORM_SELECT_FOR_UPDATE,
    FORM_DELETE,
    FORM_DELETE_ALL,
};

static const PgQuery__AlterTableType alters_that_take[] = {
    AT(DropNotNull),
    AT(SetNotNull),
    AT(DropExpression),
    AT(ValidateConstraint),
    AT(DropColumn),
    AT(DropConstraint),
    AT(DropIdentity),
    AT(SetStatistics),
    AT(SetStorage),
    AT(SetCompression),
    AT(SetRelOptions),
    AT(ResetRelOptions),
    AT(DropOf),
    AT(DisableTrig),
    AT(DisableTrigAll),
    AT(DisableTrigUser),
    AT(DisableRowSecurity),
};

static bool is_one_of(const struct form *form, const enum form_id *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (form == form_of(ids[i]))
            return true;
    return false;
}

static bool is_alter_that_takes(const struct form *form)
{
    for (size_t i = 0; i < COUNT_OF(alters_that_take); i++)
        if (form == form_of_alter(alters_that_take[i]))
            return true;
    return false;
}

enum contract_side contract_side(const struct form *form)
{
    if (form == form_of_alter(AT(AddColumn)) || is_one_of(form, adds, COUNT_OF(adds)))
        return SIDE_ADDS;
    return is_alter_that_takes(form) || is_one_of(form, takes, COUNT_OF(takes)) ? SIDE_TAKES
                                                                                : SIDE_UNSURE;
}

/* ---- two acts of one migration ---- */

/* A table that is built anew gets the name of the old one. */
static bool goes(const struct act *act)
{
    static const enum form_id drops[] = {
        FORM_DROP_TABLE, FORM_DROP_TABLE_CASCADE, FORM_DROP_VIEW,       FORM_DROP_SEQUENCE,
        FORM_DROP_TYPE,  FORM_DROP_FUNCTION,      FORM_RENAME_RELATION,
    };
    return act->form == form_of_alter(AT(DropColumn)) ||
           is_one_of(act->form, drops, COUNT_OF(drops));
}

/* A definition: nothing is in it. */
static bool may_come_again(const struct act *act)
{
    static const enum form_id drops[] = {
        FORM_DROP_VIEW,
        FORM_DROP_SEQUENCE,
        FORM_DROP_TYPE,
        FORM_DROP_FUNCTION,
    };
    return is_one_of(act->form, drops, COUNT_OF(drops));
}

bool contract_cancels(const struct act *one, const struct act *later)
{
    if (goes(one) == goes(later))
        return false;
    return goes(one) ? may_come_again(one) && lint_makes_again(later, one)
                     : lint_makes_again(one, later);
}

/* ---- a migration ---- */

struct acts_read {
    struct functions functions;
    struct {
        struct act *items;
        size_t count, capacity;
    } acts;
    struct {
        int *items;
        size_t count, capacity;
    } lines; /* one for each act */
};

static void note(struct contract_reading *ret, enum contract_side side, int line)
{
    if (side > ret->side)
        *ret = (struct contract_reading){side, line};
}

static int line_of(const struct migration *migration, const struct statement *statement)
{
    int line = 0, column = 0;
    place_of_byte(migration, statement, 0, &line, &column);
    return line;
}

/* What adds nothing, whatever else is not known of it. */
static bool is_plain(const struct statement *statement, const struct facts *facts)
{
    return facts->info.class == STATEMENT_BEGIN || facts->info.class == STATEMENT_COMMIT ||
           facts->info.class == STATEMENT_MODES ||
           sql_starts_with(DIALECT_POSTGRES, statement->text, "DROP|SET|RESET|COMMENT");
}

static bool read_facts(struct arena *arena, const struct migration *migration,
                       const struct statement *statement, struct acts_read *read,
                       struct contract_reading *ret, struct err *err)
{
    struct facts facts;
    const int line = line_of(migration, statement);
    if (!facts_read(arena, &read->functions, statement->text, &facts, err))
        return false;
    if ((facts.unknown != NULL || facts.acts.count == 0) && !is_plain(statement, &facts))
        note(ret, SIDE_UNSURE, line);
    for (size_t i = 0; i < facts.acts.count; i++) {
        struct act *const act = arena_push(arena, &read->acts);
        int *const at = arena_push(arena, &read->lines);
        if (act == NULL || at == NULL)
            return err_nomem(err);
        *act = facts.acts.items[i];
        *at = line;
    }
    return true;
}

static bool is_cancelled(const struct acts_read *read, size_t index)
{
    for (size_t i = 0; i < read->acts.count; i++)
        if (i < index ? contract_cancels(&read->acts.items[i], &read->acts.items[index])
                      : contract_cancels(&read->acts.items[index], &read->acts.items[i]))
            return true;
    return false;
}

static bool read_postgres(struct arena *arena, const struct migration *migration,
                          const struct statements *statements, struct contract_reading *ret,
                          struct err *err)
{
    struct acts_read read = {.functions = {.arena = arena}};
    for (size_t i = 0; i < statements->count; i++)
        if (!read_facts(arena, migration, &statements->items[i], &read, ret, err))
            return false;
    for (size_t i = 0; i < read.acts.count; i++) {
        const enum contract_side side = contract_side(read.acts.items[i].form);
        if (side != SIDE_ADDS || !is_cancelled(&read, i))
            note(ret, side, read.lines.items[i]);
    }
    return true;
}

static enum contract_side side_of_lite(const struct statement *statement,
                                       const struct lite_act *act)
{
    if (act != NULL && (act->kind == LITE_CREATE_TABLE || act->kind == LITE_ADD_COLUMN))
        return SIDE_ADDS;
    return (act != NULL && act->kind == LITE_DROP_COLUMN) ||
                   sql_starts_with(DIALECT_SQLITE, statement->text, "DROP|DELETE|PRAGMA")
               ? SIDE_TAKES
               : SIDE_UNSURE;
}

static bool read_sqlite(struct arena *arena, const struct migration *migration,
                        const struct statements *statements, struct contract_reading *ret,
                        struct err *err)
{
    for (size_t i = 0; i < statements->count; i++) {
        const struct statement *const statement = &statements->items[i];
        const struct lint_spot spot = {migration, *statement, 0};
        struct lite lite = {.arena = arena};
        if (!lite_read_acts(&lite, &spot, i, err))
            return false;
        note(ret, side_of_lite(statement, lite.acts.count > 0 ? &lite.acts.items[0] : NULL),
             line_of(migration, statement));
    }
    return true;
}

bool contract_read(struct arena *arena, enum dialect dialect, const struct migration *migration,
                   struct contract_reading *ret, struct err *err)
{
    CLEANUP(err_release) struct err refusal = {0};
    struct statements statements = {0};
    *ret = (struct contract_reading){SIDE_TAKES, 1};
    if (!sql_split(arena, dialect, migration->text + migration->forward_offset,
                   migration->forward_len, &statements, &refusal)) {
        *ret = (struct contract_reading){SIDE_UNSURE, refusal.line > 0 ? refusal.line : 1};
        return refusal.code == ERR_REFUSED || err_nomem(err);
    }
    return dialect == DIALECT_SQLITE ? read_sqlite(arena, migration, &statements, ret, err)
                                     : read_postgres(arena, migration, &statements, ret, err);
}
