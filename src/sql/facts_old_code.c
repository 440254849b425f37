/*
 * What each form does to code of the release before, at its worst where the text says no more.
 * tests/test_old_code.py runs statements of such code before and after every one of them.
 */
#include "sql/facts_form.h"

#define AT(name) [PG_QUERY__ALTER_TABLE_TYPE__AT_##name]

/* Shared by what looks alike to code. */
enum {
    NOTHING = 0,
    GONE = OLD_READERS | OLD_WRITERS,
    ROWS_CHANGE =
        OLD_VALUES | OLD_CHECKS, /* a row that is there already, one that is referred to */
    UNIQUE_GONE = OLD_VALUES | OLD_WRITERS, /* ON CONFLICT needs it */
    RUNS_CODE = OLD_VALUES | OLD_CHECKS,    /* a trigger may refuse the write */
    NEW_COLUMN = OLD_RESULTS,
};

/* clang-format off */
static const unsigned short alter_codes[] = {
    AT(AddColumn) = NEW_COLUMN,
    AT(ColumnDefault) = OLD_VALUES,
    AT(DropNotNull) = OLD_VALUES,                 /* readers meet NULL */
    AT(SetNotNull) = OLD_CHECKS,
    AT(DropExpression) = OLD_VALUES,
    AT(SetStatistics) = NOTHING,
    AT(SetOptions) = NOTHING,
    AT(ResetOptions) = NOTHING,
    AT(SetStorage) = NOTHING,
    AT(SetCompression) = NOTHING,
    AT(DropColumn) = GONE | OLD_VALUES | OLD_RESULTS, /* INSERT without a list: values move */
    AT(AlterConstraint) = OLD_VALUES,
    AT(ValidateConstraint) = NOTHING,
    AT(DropConstraint) = UNIQUE_GONE,
    AT(AlterColumnType) = GONE | OLD_VALUES | OLD_RESULTS | OLD_CHECKS,
    AT(AlterColumnGenericOptions) = OLD_VALUES | GONE,
    AT(ChangeOwner) = GONE,                       /* what code did as the owner */
    AT(ClusterOn) = NOTHING,
    AT(DropCluster) = NOTHING,
    AT(SetLogged) = NOTHING,
    AT(SetUnLogged) = OLD_READERS,                /* on replicas; and empty after a crash */
    AT(DropOids) = NOTHING,
    AT(SetAccessMethod) = NOTHING,
    AT(SetTableSpace) = NOTHING,
    AT(SetRelOptions) = NOTHING,
    AT(ResetRelOptions) = NOTHING,
    AT(EnableTrig) = RUNS_CODE,
    AT(EnableAlwaysTrig) = RUNS_CODE,
    AT(EnableReplicaTrig) = RUNS_CODE,
    AT(DisableTrig) = OLD_VALUES | OLD_CHECKS,    /* a later trigger meets what it would have mended */
    AT(EnableTrigAll) = RUNS_CODE,
    AT(DisableTrigAll) = OLD_VALUES | OLD_CHECKS,
    AT(EnableTrigUser) = RUNS_CODE,
    AT(DisableTrigUser) = OLD_VALUES | OLD_CHECKS,
    AT(EnableRule) = OLD_VALUES | OLD_WRITERS,
    AT(EnableAlwaysRule) = OLD_VALUES | OLD_WRITERS,
    AT(EnableReplicaRule) = OLD_VALUES | OLD_CHECKS,
    AT(DisableRule) = OLD_VALUES | OLD_CHECKS,    /* what it kept out */
    AT(AddInherit) = OLD_VALUES,
    AT(DropInherit) = OLD_VALUES,
    AT(AddOf) = NOTHING,
    AT(DropOf) = NOTHING,
    AT(ReplicaIdentity) = OLD_WRITERS,            /* of a published table */
    AT(EnableRowSecurity) = OLD_VALUES | OLD_WRITERS,
    AT(DisableRowSecurity) = OLD_VALUES,
    AT(ForceRowSecurity) = OLD_VALUES | OLD_WRITERS,
    AT(NoForceRowSecurity) = OLD_VALUES,
    AT(GenericOptions) = OLD_VALUES | GONE,
    AT(AttachPartition) = OLD_VALUES,
    AT(DetachPartition) = OLD_VALUES | OLD_WRITERS,
    AT(DetachPartitionFinalize) = OLD_VALUES | OLD_WRITERS,
    AT(AddIdentity) = OLD_VALUES | OLD_WRITERS,   /* GENERATED ALWAYS takes no values */
    AT(SetIdentity) = OLD_VALUES | OLD_WRITERS,
    AT(DropIdentity) = OLD_WRITERS,
};

static const unsigned short codes[] = {
    [FORM_DROP_DEFAULT] = OLD_VALUES | OLD_WRITERS,
    [FORM_ADD_ATTRIBUTE] = GONE | OLD_RESULTS | OLD_VALUES, /* a value written as text has too few parts */
    [FORM_SET_STRONG_OPTION] = OLD_CHECKS | GONE, /* check_option, security_invoker */
    [FORM_DETACH_CONCURRENTLY] = OLD_VALUES | OLD_WRITERS,
    [FORM_ADD_COLUMN_NOT_NULL] = OLD_RESULTS | OLD_WRITERS,
    [FORM_ADD_COLUMN_DEFAULT] = NEW_COLUMN,
    [FORM_ADD_COLUMN_NOT_NULL_DEFAULT] = NEW_COLUMN,
    [FORM_ADD_COLUMN_VOLATILE] = NEW_COLUMN,
    [FORM_ADD_COLUMN_SERIAL] = NEW_COLUMN | OLD_WRITERS, /* who may not use the new sequence */
    [FORM_ADD_COLUMN_GENERATED] = NEW_COLUMN | OLD_CHECKS, /* its expression may fail */
    [FORM_ADD_COLUMN_DOMAIN] = NEW_COLUMN | OLD_CHECKS,
    [FORM_ADD_COLUMN_CHECK] = NEW_COLUMN | OLD_CHECKS,
    [FORM_ADD_COLUMN_UNIQUE] = NEW_COLUMN | OLD_CHECKS, /* with a default: one row has it */
    [FORM_ADD_COLUMN_PRIMARY] = NEW_COLUMN | OLD_WRITERS,
    [FORM_ADD_COLUMN_REFERENCES] = NEW_COLUMN,
    [FORM_ADD_COLUMN_REFERENCES_SCAN] = NEW_COLUMN | OLD_CHECKS,
    [FORM_ADD_CHECK] = OLD_CHECKS,
    [FORM_ADD_CHECK_NOT_VALID] = OLD_CHECKS,
    [FORM_ADD_FOREIGN_KEY] = OLD_CHECKS,
    [FORM_ADD_FOREIGN_KEY_NOT_VALID] = OLD_CHECKS,
    [FORM_ADD_UNIQUE] = OLD_CHECKS,
    [FORM_ADD_PRIMARY] = OLD_CHECKS,
    [FORM_ADD_EXCLUDE] = OLD_CHECKS,
    [FORM_ADD_UNIQUE_USING_INDEX] = NOTHING,      /* the index asked for it already */
    [FORM_ADD_PRIMARY_USING_INDEX] = OLD_CHECKS,
    [FORM_REFERENCED_TABLE] = OLD_CHECKS,         /* TRUNCATE, and DELETE of what is referred to */
    [FORM_ATTACHED_TABLE] = OLD_CHECKS,
    [FORM_DETACHED_TABLE] = NOTHING,
    [FORM_INHERIT_PARENT] = OLD_VALUES,
    [FORM_NO_INHERIT_PARENT] = OLD_VALUES,
    [FORM_CREATE_TABLE] = NOTHING,
    [FORM_TABLE_TYPE] = NOTHING,
    [FORM_LIKE_SOURCE] = NOTHING,
    [FORM_INHERITED_TABLE] = OLD_VALUES,
    [FORM_PARTITION_OF] = OLD_VALUES,
    [FORM_CREATE_TABLE_AS] = NOTHING,
    [FORM_CREATE_INDEX] = OLD_CHECKS,             /* also values that are too long for an index */
    [FORM_CREATE_INDEX_ONLY] = OLD_CHECKS,
    [FORM_CREATE_INDEX_CONCURRENTLY] = OLD_CHECKS,
    [FORM_CREATE_TRIGGER] = RUNS_CODE,
    [FORM_CONSTRAINT_TRIGGER_FROM] = NOTHING,
    [FORM_CREATE_RULE] = OLD_VALUES | OLD_WRITERS, /* refuses ON CONFLICT, for one */
    [FORM_CREATE_POLICY] = OLD_VALUES | OLD_CHECKS,
    [FORM_ALTER_POLICY] = OLD_VALUES | OLD_CHECKS,
    [FORM_CREATE_VIEW] = NOTHING,
    [FORM_CREATE_OR_REPLACE_VIEW] = OLD_VALUES | OLD_RESULTS | OLD_WRITERS, /* it may take no rows now */
    [FORM_CREATE_TYPE] = NOTHING,
    [FORM_CREATE_FUNCTION] = OLD_VALUES | OLD_RESULTS | OLD_READERS, /* another of that name: a call fits both */
    [FORM_REPLACE_FUNCTION] = OLD_VALUES | GONE,
    [FORM_CREATE_SEQUENCE] = NOTHING,
    [FORM_ALTER_SEQUENCE] = OLD_VALUES | OLD_WRITERS,
    [FORM_SEQUENCE_OWNER] = NOTHING,
    [FORM_CREATE_STATISTICS] = NOTHING,
    [FORM_PUBLISHED_TABLE] = OLD_WRITERS,         /* UPDATE and DELETE without a key */

    [FORM_DROP_TABLE] = GONE | OLD_VALUES,        /* a partition; what its foreign keys asked for */
    [FORM_DROP_TABLE_CASCADE] = OLD_READERS | OLD_VALUES, /* views and foreign keys go too */
    [FORM_DROP_VIEW] = GONE,
    [FORM_DROP_SEQUENCE] = GONE | OLD_VALUES,
    [FORM_DROP_INDEX] = UNIQUE_GONE,
    [FORM_DROP_INDEX_CONCURRENTLY] = UNIQUE_GONE,
    [FORM_DROP_TRIGGER] = OLD_VALUES | OLD_WRITERS, /* of a view that it made writable */
    [FORM_DROP_RULE] = OLD_VALUES | OLD_WRITERS,
    [FORM_DROP_POLICY] = OLD_VALUES | OLD_CHECKS,
    [FORM_DROP_STATISTICS] = NOTHING,
    [FORM_DROP_TYPE] = GONE | OLD_VALUES | OLD_RESULTS, /* with CASCADE columns and defaults */
    [FORM_DROP_FUNCTION] = GONE | OLD_VALUES,
    [FORM_DROP_SCHEMA] = GONE | OLD_VALUES | OLD_RESULTS,
    [FORM_DROP_EXTENSION] = GONE | OLD_VALUES | OLD_RESULTS,
    [FORM_TRUNCATE] = ROWS_CHANGE,
    [FORM_TRUNCATE_RESTART] = ROWS_CHANGE,

    [FORM_RENAME_RELATION] = GONE,
    [FORM_RENAME_INDEX] = OLD_WRITERS,            /* its constraint has another name too */
    [FORM_RENAME_COLUMN] = GONE | OLD_RESULTS,
    [FORM_RENAME_CONSTRAINT] = OLD_WRITERS,       /* ON CONFLICT ON CONSTRAINT */
    [FORM_RENAME_TRIGGER] = OLD_VALUES,           /* they fire by name */
    [FORM_RENAME_RULE] = OLD_VALUES,
    [FORM_RENAME_POLICY] = NOTHING,
    [FORM_RENAME_ATTRIBUTE] = GONE | OLD_RESULTS,
    [FORM_RENAME_TYPE] = GONE,
    [FORM_RENAME_OTHER] = GONE,
    [FORM_SET_SCHEMA] = GONE,
    [FORM_TYPE_OWNER] = NOTHING,
    [FORM_COMMENT_RELATION] = NOTHING,
    [FORM_COMMENT_INDEX] = NOTHING,
    [FORM_COMMENT_PART] = NOTHING,
    [FORM_GRANT] = NOTHING,
    [FORM_REVOKE] = GONE,
    [FORM_REVOKE_OTHER] = GONE,
    [FORM_ALTER_FUNCTION] = OLD_VALUES | GONE,
    [FORM_ADD_ENUM_VALUE] = OLD_VALUES,           /* readers meet a label that they do not know */
    [FORM_RENAME_ENUM_VALUE] = GONE | OLD_VALUES,
    [FORM_ALTER_DOMAIN] = OLD_VALUES | OLD_CHECKS,
    [FORM_ALTER_DOMAIN_CHECKED] = OLD_CHECKS,
    [FORM_ATTACH_INDEX] = NOTHING,
    [FORM_ATTACHED_INDEX] = NOTHING,

    [FORM_REINDEX_INDEX] = NOTHING,
    [FORM_REINDEX_INDEX_CONCURRENTLY] = NOTHING,
    [FORM_REINDEX_TABLE] = NOTHING,
    [FORM_REINDEX_TABLE_CONCURRENTLY] = NOTHING,
    [FORM_REFRESH] = OLD_VALUES,
    [FORM_REFRESH_NO_DATA] = OLD_READERS,
    [FORM_REFRESH_CONCURRENTLY] = OLD_VALUES,
    [FORM_CLUSTER] = NOTHING,
    [FORM_VACUUM] = NOTHING,
    [FORM_VACUUM_FULL] = NOTHING,
    [FORM_ANALYZE] = NOTHING,
    [FORM_LOCK] = NOTHING,

    [FORM_SELECT] = NOTHING,
    [FORM_SELECT_FOR_UPDATE] = NOTHING,
    [FORM_INSERT] = ROWS_CHANGE,
    [FORM_UPDATE] = ROWS_CHANGE,
    [FORM_UPDATE_ALL] = ROWS_CHANGE,
    [FORM_DELETE] = ROWS_CHANGE,
    [FORM_DELETE_ALL] = ROWS_CHANGE,
    [FORM_MERGE] = ROWS_CHANGE,
    [FORM_COPY_FROM] = ROWS_CHANGE,
    [FORM_COPY_TO] = NOTHING,
    [FORM_SEQUENCE_VALUE] = OLD_VALUES,
};
/* clang-format on */

_Static_assert(COUNT_OF(codes) == FORM_COUNT, "a row for each form");

unsigned form_old_code(const struct form *form)
{
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (form == form_of((enum form_id)i))
            return codes[i];
    for (size_t i = 0; i < COUNT_OF(alter_codes); i++)
        if (form == form_of_alter((PgQuery__AlterTableType)i))
            return alter_codes[i];
    return 0;
}
