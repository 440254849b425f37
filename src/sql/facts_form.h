/* The forms of statements and what each of them locks: the tables behind sql/facts.h. */
#ifndef PAWL_SQL_FACTS_FORM_H
#define PAWL_SQL_FACTS_FORM_H

#include <pg_query/pg_query.pb-c.h>

#include "sql/facts.h"

enum { FORM_OTHERS = 4 };

struct form {
    const char *name; /* NULL: no such row */
    enum lock_mode mode;
    enum lock_effect effect;
    enum lock_descent descent;
    const char *unless;
    struct form_other {
        enum lock_object object;
        enum lock_mode mode; /* NONE ends the list */
        enum lock_effect effect;
        bool maybe, cascade; /* cascade: only with CASCADE */
        enum lock_descent descent;
    } others[FORM_OTHERS];
    int since; /* the major version of the server that has it; 0: every one supported */
};

/* ALTER TABLE by sub-command; NULL for one that the grammar does not make. */
const struct form *form_of_alter(PgQuery__AlterTableType subtype);

/* What has a row of its own. */
enum form_id {
    FORM_DROP_DEFAULT,
    FORM_ADD_ATTRIBUTE,
    FORM_SET_STRONG_OPTION,
    FORM_DETACH_CONCURRENTLY,
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
    FORM_ADD_CHECK,
    FORM_ADD_CHECK_NOT_VALID,
    FORM_ADD_FOREIGN_KEY,
    FORM_ADD_FOREIGN_KEY_NOT_VALID,
    FORM_ADD_UNIQUE,
    FORM_ADD_PRIMARY,
    FORM_ADD_EXCLUDE,
    FORM_ADD_UNIQUE_USING_INDEX,
    FORM_ADD_PRIMARY_USING_INDEX,
    FORM_REFERENCED_TABLE,
    FORM_ATTACHED_TABLE,
    FORM_DETACHED_TABLE,
    FORM_INHERIT_PARENT,
    FORM_NO_INHERIT_PARENT,
    FORM_CREATE_TABLE,
    FORM_TABLE_TYPE,
    FORM_LIKE_SOURCE,
    FORM_INHERITED_TABLE,
    FORM_PARTITION_OF,
    FORM_CREATE_TABLE_AS,
    FORM_CREATE_INDEX,
    FORM_CREATE_INDEX_ONLY,
    FORM_CREATE_INDEX_CONCURRENTLY,
    FORM_CREATE_TRIGGER,
    FORM_CONSTRAINT_TRIGGER_FROM,
    FORM_CREATE_RULE,
    FORM_CREATE_POLICY,
    FORM_ALTER_POLICY,
    FORM_CREATE_VIEW,
    FORM_CREATE_OR_REPLACE_VIEW,
    FORM_CREATE_TYPE,
    FORM_CREATE_FUNCTION,
    FORM_REPLACE_FUNCTION,
    FORM_CREATE_SEQUENCE,
    FORM_ALTER_SEQUENCE,
    FORM_SEQUENCE_OWNER,
    FORM_CREATE_STATISTICS,
    FORM_PUBLISHED_TABLE,
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
    FORM_RENAME_RELATION,
    FORM_RENAME_INDEX,
    FORM_RENAME_COLUMN,
    FORM_RENAME_CONSTRAINT,
    FORM_RENAME_TRIGGER,
    FORM_RENAME_RULE,
    FORM_RENAME_POLICY,
    FORM_RENAME_ATTRIBUTE,
    FORM_RENAME_TYPE,
    FORM_RENAME_OTHER,
    FORM_SET_SCHEMA,
    FORM_TYPE_OWNER,
    FORM_COMMENT_RELATION,
    FORM_COMMENT_INDEX,
    FORM_COMMENT_PART,
    FORM_GRANT,
    FORM_REVOKE,
    FORM_REVOKE_OTHER,
    FORM_ALTER_FUNCTION,
    FORM_ADD_ENUM_VALUE,
    FORM_RENAME_ENUM_VALUE,
    FORM_ALTER_DOMAIN,
    FORM_ALTER_DOMAIN_CHECKED,
    FORM_ATTACH_INDEX,
    FORM_ATTACHED_INDEX,
    FORM_REINDEX_INDEX,
    FORM_REINDEX_INDEX_CONCURRENTLY,
    FORM_REINDEX_TABLE,
    FORM_REINDEX_TABLE_CONCURRENTLY,
    FORM_REFRESH,
    FORM_REFRESH_NO_DATA,
    FORM_REFRESH_CONCURRENTLY,
    FORM_CLUSTER,
    FORM_VACUUM,
    FORM_VACUUM_FULL,
    FORM_ANALYZE,
    FORM_LOCK,
    FORM_SELECT,
    FORM_SELECT_FOR_UPDATE,
    FORM_INSERT,
    FORM_UPDATE,
    FORM_UPDATE_ALL,
    FORM_DELETE,
    FORM_DELETE_ALL,
    FORM_MERGE,
    FORM_COPY_FROM,
    FORM_COPY_TO,
    FORM_SEQUENCE_VALUE,
    FORM_COUNT,
};
const struct form *form_of(enum form_id id);

/* What code of the release before meets: a set of OLD_CODE, from sql/facts_old_code.c. */
unsigned form_old_code(const struct form *form);

/* Every row in turn, from 0, for the docs; NULL after the last. */
const struct form *form_at(size_t index);

#endif
