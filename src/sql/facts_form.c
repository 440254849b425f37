/*
 * The tables of forms: the strongest that PostgreSQL 13 to 18 take, where they differ.
 * tests/test_facts.py holds every row against the server that it runs with.
 */
#include "sql/facts_form.h"

#define AT(name) [PG_QUERY__ALTER_TABLE_TYPE__AT_##name]

/* The eight modes, short. */
#define AS  LOCK_ACCESS_SHARE
#define RS  LOCK_ROW_SHARE
#define RX  LOCK_ROW_EXCLUSIVE
#define SUX LOCK_SHARE_UPDATE_EXCLUSIVE
#define S   LOCK_SHARE
#define SRX LOCK_SHARE_ROW_EXCLUSIVE
#define X   LOCK_EXCLUSIVE
#define AX  LOCK_ACCESS_EXCLUSIVE

#define CATALOG EFFECT_CATALOG, DESCENT_NONE, NULL
#define PARTS   EFFECT_CATALOG, DESCENT_PARTITIONS, NULL
#define BELOW   EFFECT_CATALOG, DESCENT_CHILDREN, NULL

/* Others, as rows of struct form_other. */
#define OTHER(object, mode)                                                                        \
    {                                                                                              \
        LOCKED_##object, mode, EFFECT_CATALOG, false, false, DESCENT_NONE                          \
    }
#define OTHER_PARTS(object, mode)                                                                  \
    {                                                                                              \
        LOCKED_##object, mode, EFFECT_CATALOG, false, false, DESCENT_PARTITIONS                    \
    }
#define OTHER_SCAN(object, mode)                                                                   \
    {                                                                                              \
        LOCKED_##object, mode, EFFECT_SCAN, false, false, DESCENT_NONE                             \
    }
#define OTHER_MAYBE(object, mode)                                                                  \
    {                                                                                              \
        LOCKED_##object, mode, EFFECT_CATALOG, true, false, DESCENT_PARTITIONS                     \
    }
#define CASCADE(object, mode)                                                                      \
    {                                                                                              \
        LOCKED_##object, mode, EFFECT_CATALOG, false, true, DESCENT_PARTITIONS                     \
    }

static const char proved[] = "a validated CHECK proves that no value is NULL";
static const char same_type[] =
    "the new type stores the values as they are and no CHECK, partial or "
    "expression index names the column";
static const char not_domain[] = "the type is not a domain with a constraint";
static const char bound_proved[] = "a validated CHECK implies the bounds and indexes match";
static const char same_tablespace[] = "the relation is in that tablespace";
static const char same_method[] = "the table has that access method";
static const char partitioned[] = "the table is partitioned";
static const char columns_not_null[] = "its columns are NOT NULL";

/* clang-format off */
static const struct form alter_forms[] = {
    AT(AddColumn) = {"ALTER TABLE ADD COLUMN", AX, BELOW, {}, 0},
    AT(ColumnDefault) = {"ALTER TABLE ALTER COLUMN SET DEFAULT", AX, BELOW, {}, 0},
    AT(DropNotNull) = {"ALTER TABLE ALTER COLUMN DROP NOT NULL", AX, BELOW, {}, 0},
    AT(SetNotNull) = {"ALTER TABLE ALTER COLUMN SET NOT NULL", AX,
                      EFFECT_SCAN, DESCENT_CHILDREN, proved, {}, 0},
    AT(DropExpression) = {"ALTER TABLE ALTER COLUMN DROP EXPRESSION", AX, BELOW, {}, 0},
    AT(SetStatistics) = {"ALTER TABLE ALTER COLUMN SET STATISTICS", SUX, BELOW, {}, 0},
    AT(SetOptions) = {"ALTER TABLE ALTER COLUMN SET (option)", SUX, CATALOG, {}, 0},
    AT(ResetOptions) = {"ALTER TABLE ALTER COLUMN RESET (option)", SUX, CATALOG, {}, 0},
    AT(SetStorage) = {"ALTER TABLE ALTER COLUMN SET STORAGE", AX, BELOW, {}, 0},
    AT(SetCompression) = {"ALTER TABLE ALTER COLUMN SET COMPRESSION", AX, CATALOG, {}, 14},
    AT(DropColumn) = {"ALTER TABLE DROP COLUMN", AX, BELOW,
                      {OTHER_PARTS(REFERENCED, AX), OTHER(SEQUENCES, AX), CASCADE(REFERENCING, AX),
                       CASCADE(VIEWS, AX)}, 0},
    AT(AlterConstraint) = {"ALTER TABLE ALTER CONSTRAINT", AX, PARTS, {}, 0},
    AT(ValidateConstraint) = {"ALTER TABLE VALIDATE CONSTRAINT", SUX,
                              EFFECT_SCAN, DESCENT_CHILDREN, NULL,
                              {OTHER_SCAN(CONSTRAINT_TARGET, RS)}, 0},
    AT(DropConstraint) = {"ALTER TABLE DROP CONSTRAINT", AX, BELOW,
                          {OTHER_PARTS(CONSTRAINT_TARGET, AX), CASCADE(CONSTRAINT_USERS, AX)}, 0},
    AT(AlterColumnType) = {"ALTER TABLE ALTER COLUMN TYPE", AX,
                           EFFECT_REWRITE, DESCENT_CHILDREN, same_type,
                           {OTHER_PARTS(REFERENCED, AX), OTHER_PARTS(REFERENCING, AX),
                            OTHER_MAYBE(SEQUENCES, SRX)}, 0},
    AT(AlterColumnGenericOptions) = {"ALTER FOREIGN TABLE ALTER COLUMN OPTIONS", AX, CATALOG, {}, 0},
    AT(ChangeOwner) = {"ALTER TABLE OWNER TO", AX, CATALOG, {OTHER(SEQUENCES, AX)}, 0},
    AT(ClusterOn) = {"ALTER TABLE CLUSTER ON", SUX, CATALOG, {}, 0},
    AT(DropCluster) = {"ALTER TABLE SET WITHOUT CLUSTER", SUX, CATALOG, {}, 0},
    AT(SetLogged) = {"ALTER TABLE SET LOGGED", AX,
                     EFFECT_REWRITE, DESCENT_NONE, NULL, {OTHER_MAYBE(SEQUENCES, AX)}, 0},
    AT(SetUnLogged) = {"ALTER TABLE SET UNLOGGED", AX,
                       EFFECT_REWRITE, DESCENT_NONE, NULL, {OTHER_MAYBE(SEQUENCES, AX)}, 0},
    AT(DropOids) = {"ALTER TABLE SET WITHOUT OIDS", AX, CATALOG, {}, 0},
    AT(SetAccessMethod) = {"ALTER TABLE SET ACCESS METHOD", AX,
                           EFFECT_REWRITE, DESCENT_NONE, same_method, {}, 15},
    AT(SetTableSpace) = {"ALTER TABLE SET TABLESPACE", AX,
                         EFFECT_REWRITE, DESCENT_NONE, same_tablespace, {}, 0},
    AT(SetRelOptions) = {"ALTER TABLE SET (option)", SUX, CATALOG, {}, 0},
    AT(ResetRelOptions) = {"ALTER TABLE RESET (option)", SUX, CATALOG, {}, 0},
    AT(EnableTrig) = {"ALTER TABLE ENABLE TRIGGER", SRX, PARTS, {}, 0},
    AT(EnableAlwaysTrig) = {"ALTER TABLE ENABLE ALWAYS TRIGGER", SRX, PARTS, {}, 0},
    AT(EnableReplicaTrig) = {"ALTER TABLE ENABLE REPLICA TRIGGER", SRX, PARTS, {}, 0},
    AT(DisableTrig) = {"ALTER TABLE DISABLE TRIGGER", SRX, PARTS, {}, 0},
    AT(EnableTrigAll) = {"ALTER TABLE ENABLE TRIGGER ALL", SRX, PARTS, {}, 0},
    AT(DisableTrigAll) = {"ALTER TABLE DISABLE TRIGGER ALL", SRX, PARTS, {}, 0},
    AT(EnableTrigUser) = {"ALTER TABLE ENABLE TRIGGER USER", SRX, PARTS, {}, 0},
    AT(DisableTrigUser) = {"ALTER TABLE DISABLE TRIGGER USER", SRX, PARTS, {}, 0},
    AT(EnableRule) = {"ALTER TABLE ENABLE RULE", AX, CATALOG, {}, 0},
    AT(EnableAlwaysRule) = {"ALTER TABLE ENABLE ALWAYS RULE", AX, CATALOG, {}, 0},
    AT(EnableReplicaRule) = {"ALTER TABLE ENABLE REPLICA RULE", AX, CATALOG, {}, 0},
    AT(DisableRule) = {"ALTER TABLE DISABLE RULE", AX, CATALOG, {}, 0},
    AT(AddInherit) = {"ALTER TABLE INHERIT", AX, CATALOG, {}, 0},
    AT(DropInherit) = {"ALTER TABLE NO INHERIT", AX, CATALOG, {}, 0},
    AT(AddOf) = {"ALTER TABLE OF", AX, CATALOG, {}, 0},
    AT(DropOf) = {"ALTER TABLE NOT OF", AX, CATALOG, {}, 0},
    AT(ReplicaIdentity) = {"ALTER TABLE REPLICA IDENTITY", AX, CATALOG, {}, 0},
    AT(EnableRowSecurity) = {"ALTER TABLE ENABLE ROW LEVEL SECURITY", AX, CATALOG, {}, 0},
    AT(DisableRowSecurity) = {"ALTER TABLE DISABLE ROW LEVEL SECURITY", AX, CATALOG, {}, 0},
    AT(ForceRowSecurity) = {"ALTER TABLE FORCE ROW LEVEL SECURITY", AX, CATALOG, {}, 0},
    AT(NoForceRowSecurity) = {"ALTER TABLE NO FORCE ROW LEVEL SECURITY", AX, CATALOG, {}, 0},
    AT(GenericOptions) = {"ALTER FOREIGN TABLE OPTIONS", AX, CATALOG, {}, 0},
    AT(AttachPartition) = {"ALTER TABLE ATTACH PARTITION", SUX, CATALOG,
                           {{LOCKED_DEFAULT_PARTITION, AX, EFFECT_SCAN, false, false, DESCENT_PARTITIONS},
                            OTHER_PARTS(REFERENCED, SRX), OTHER_PARTS(REFERENCING, SRX)}, 0},
    AT(DetachPartition) = {"ALTER TABLE DETACH PARTITION", AX, CATALOG,
                           {OTHER(DEFAULT_PARTITION, AX)}, 0},
    AT(DetachPartitionFinalize) = {"ALTER TABLE DETACH PARTITION FINALIZE", SUX, CATALOG, {}, 14},
    AT(AddIdentity) = {"ALTER TABLE ALTER COLUMN ADD GENERATED AS IDENTITY", AX, PARTS, {}, 0},
    AT(SetIdentity) = {"ALTER TABLE ALTER COLUMN SET GENERATED", AX, PARTS, {OTHER(SEQUENCES, SRX)}, 0},
    AT(DropIdentity) = {"ALTER TABLE ALTER COLUMN DROP IDENTITY", AX, PARTS, {OTHER(SEQUENCES, AX)}, 0},
};

static const struct form forms[] = {
    [FORM_DROP_DEFAULT] = {"ALTER TABLE ALTER COLUMN DROP DEFAULT", AX, BELOW, {}, 0},
    [FORM_ADD_ATTRIBUTE] = {"ALTER TYPE ADD ATTRIBUTE", AX, BELOW, {}, 0},
    [FORM_SET_STRONG_OPTION] = {"ALTER TABLE SET (user_catalog_table), ALTER VIEW SET", AX, CATALOG, {}, 0},
    [FORM_DETACH_CONCURRENTLY] = {"ALTER TABLE DETACH PARTITION CONCURRENTLY", SUX, CATALOG, {}, 14},
    [FORM_ADD_COLUMN_NOT_NULL] = {"ALTER TABLE ADD COLUMN NOT NULL without default", AX, BELOW, {}, 0}, /* fails on rows */
    [FORM_ADD_COLUMN_DEFAULT] = {"ALTER TABLE ADD COLUMN with a default", AX, BELOW, {}, 0},
    [FORM_ADD_COLUMN_NOT_NULL_DEFAULT] = {"ALTER TABLE ADD COLUMN NOT NULL with a default", AX, BELOW, {}, 0},
    [FORM_ADD_COLUMN_VOLATILE] = {"ALTER TABLE ADD COLUMN with volatile default", AX,
                                  EFFECT_REWRITE, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_SERIAL] = {"ALTER TABLE ADD COLUMN with serial or identity", AX,
                                EFFECT_REWRITE, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_GENERATED] = {"ALTER TABLE ADD COLUMN GENERATED STORED", AX,
                                   EFFECT_REWRITE, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_DOMAIN] = {"ALTER TABLE ADD COLUMN of another type than PostgreSQL's own", AX,
                                EFFECT_REWRITE, DESCENT_CHILDREN, not_domain, {}, 0},
    [FORM_ADD_COLUMN_CHECK] = {"ALTER TABLE ADD COLUMN CHECK", AX,
                               EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_UNIQUE] = {"ALTER TABLE ADD COLUMN UNIQUE", AX,
                                EFFECT_BUILD, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_PRIMARY] = {"ALTER TABLE ADD COLUMN PRIMARY KEY", AX,
                                 EFFECT_BUILD, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_COLUMN_REFERENCES] = {"ALTER TABLE ADD COLUMN REFERENCES", AX, BELOW, {}, 0},
    [FORM_ADD_COLUMN_REFERENCES_SCAN] = {"ALTER TABLE ADD COLUMN DEFAULT REFERENCES", AX,
                                         EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_CHECK] = {"ALTER TABLE ADD CHECK", AX, EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_CHECK_NOT_VALID] = {"ALTER TABLE ADD CHECK NOT VALID", AX, BELOW, {}, 0},
    [FORM_ADD_FOREIGN_KEY] = {"ALTER TABLE ADD FOREIGN KEY", SRX,
                              EFFECT_SCAN, DESCENT_PARTITIONS, NULL, {}, 0},
    [FORM_ADD_FOREIGN_KEY_NOT_VALID] = {"ALTER TABLE ADD FOREIGN KEY NOT VALID", SRX, PARTS, {}, 0},
    [FORM_ADD_UNIQUE] = {"ALTER TABLE ADD UNIQUE", AX, EFFECT_BUILD, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_PRIMARY] = {"ALTER TABLE ADD PRIMARY KEY", AX, EFFECT_BUILD, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_EXCLUDE] = {"ALTER TABLE ADD EXCLUDE", AX, EFFECT_BUILD, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_ADD_UNIQUE_USING_INDEX] = {"ALTER TABLE ADD UNIQUE USING INDEX", AX, CATALOG, {}, 0},
    [FORM_ADD_PRIMARY_USING_INDEX] = {"ALTER TABLE ADD PRIMARY KEY USING INDEX", AX,
                                      EFFECT_SCAN, DESCENT_NONE, columns_not_null, {}, 0},
    [FORM_REFERENCED_TABLE] = {"FOREIGN KEY: the referenced table", SRX, PARTS, {}, 0},
    [FORM_ATTACHED_TABLE] = {"ATTACH PARTITION: the partition", AX,
                             EFFECT_SCAN, DESCENT_PARTITIONS, bound_proved, {}, 0},
    [FORM_DETACHED_TABLE] = {"DETACH PARTITION: the partition", AX, CATALOG,
                             {OTHER_PARTS(REFERENCED, SRX),
                              {LOCKED_REFERENCING, AX, EFFECT_SCAN, false, false, DESCENT_PARTITIONS}}, 0},
    [FORM_INHERIT_PARENT] = {"INHERIT: the parent", SUX, CATALOG, {}, 0},
    [FORM_NO_INHERIT_PARENT] = {"NO INHERIT: the parent", AS, CATALOG, {}, 0},
    [FORM_CREATE_TABLE] = {"CREATE TABLE", AX, CATALOG, {}, 0},
    [FORM_TABLE_TYPE] = {"CREATE or ALTER TABLE OF: the type", AS, CATALOG, {}, 0},
    [FORM_LIKE_SOURCE] = {"CREATE TABLE LIKE: the source", AS, CATALOG, {}, 0},
    [FORM_INHERITED_TABLE] = {"CREATE TABLE INHERITS: the parent", SUX, CATALOG, {}, 0},
    [FORM_PARTITION_OF] = {"CREATE TABLE PARTITION OF: the parent", AX, CATALOG,
                           {{LOCKED_DEFAULT_PARTITION, AX, EFFECT_SCAN, false, false, DESCENT_PARTITIONS},
                            OTHER_PARTS(REFERENCED, SRX), OTHER_PARTS(REFERENCING, SRX)}, 0},
    [FORM_CREATE_TABLE_AS] = {"CREATE TABLE AS, CREATE MATERIALIZED VIEW", AX,
                              EFFECT_ROWS, DESCENT_NONE, NULL, {}, 0},
    [FORM_CREATE_INDEX] = {"CREATE INDEX", S, EFFECT_BUILD, DESCENT_PARTITIONS, NULL, {}, 0},
    [FORM_CREATE_INDEX_ONLY] = {"CREATE INDEX ON ONLY", S,
                                EFFECT_BUILD, DESCENT_NONE, partitioned, {}, 0},
    [FORM_CREATE_INDEX_CONCURRENTLY] = {"CREATE INDEX CONCURRENTLY", SUX,
                                        EFFECT_BUILD, DESCENT_NONE, NULL, {}, 0},
    [FORM_CREATE_TRIGGER] = {"CREATE TRIGGER", SRX, PARTS, {}, 0},
    [FORM_CONSTRAINT_TRIGGER_FROM] = {"CREATE CONSTRAINT TRIGGER FROM: that table", AS, CATALOG, {}, 0},
    [FORM_CREATE_RULE] = {"CREATE RULE", AX, CATALOG, {}, 0},
    [FORM_CREATE_POLICY] = {"CREATE POLICY", AX, CATALOG, {}, 0},
    [FORM_ALTER_POLICY] = {"ALTER POLICY", AX, CATALOG, {}, 0},
    [FORM_CREATE_VIEW] = {"CREATE VIEW", AX, CATALOG, {}, 0},
    [FORM_CREATE_OR_REPLACE_VIEW] = {"CREATE OR REPLACE VIEW", AX, CATALOG, {}, 0},
    [FORM_CREATE_TYPE] = {"CREATE TYPE, CREATE DOMAIN", LOCK_NONE, CATALOG, {}, 0},
    [FORM_CREATE_FUNCTION] = {"CREATE FUNCTION or PROCEDURE", LOCK_NONE, CATALOG, {}, 0},
    [FORM_REPLACE_FUNCTION] = {"CREATE OR REPLACE FUNCTION or PROCEDURE", LOCK_NONE, CATALOG, {}, 0},
    [FORM_CREATE_SEQUENCE] = {"CREATE SEQUENCE", AX, CATALOG, {}, 0},
    [FORM_ALTER_SEQUENCE] = {"ALTER SEQUENCE", SRX, CATALOG, {}, 0},
    [FORM_SEQUENCE_OWNER] = {"SEQUENCE OWNED BY: the table", AS, CATALOG, {}, 0},
    [FORM_CREATE_STATISTICS] = {"CREATE STATISTICS", SUX, CATALOG, {}, 0},
    [FORM_PUBLISHED_TABLE] = {"CREATE or ALTER PUBLICATION: its table", SUX, CATALOG, {}, 0},

    [FORM_DROP_TABLE] = {"DROP TABLE", AX, PARTS,
                         {OTHER_PARTS(REFERENCED, AX), OTHER(PARENT, AX), OTHER(DEFAULT_SIBLING, AX),
                          OTHER(SEQUENCES, AX)}, 0},
    [FORM_DROP_TABLE_CASCADE] = {"DROP TABLE CASCADE", AX, PARTS,
                                 {OTHER_PARTS(REFERENCING, AX), OTHER(VIEWS, AX)}, 0},
    [FORM_DROP_VIEW] = {"DROP VIEW, DROP MATERIALIZED VIEW", AX, CATALOG, {CASCADE(VIEWS, AX)}, 0},
    [FORM_DROP_SEQUENCE] = {"DROP SEQUENCE", AX, CATALOG, {}, 0},
    [FORM_DROP_INDEX] = {"DROP INDEX", AX, PARTS, {OTHER_PARTS(TABLE_OF_INDEX, AX)}, 0},
    [FORM_DROP_INDEX_CONCURRENTLY] = {"DROP INDEX CONCURRENTLY", AX, CATALOG, {OTHER(TABLE_OF_INDEX, SUX)}, 0},
    [FORM_DROP_TRIGGER] = {"DROP TRIGGER", AX, PARTS, {}, 0},
    [FORM_DROP_RULE] = {"DROP RULE", AX, CATALOG, {}, 0},
    [FORM_DROP_POLICY] = {"DROP POLICY", AX, CATALOG, {}, 0},
    [FORM_DROP_STATISTICS] = {"DROP STATISTICS", SUX, CATALOG, {}, 0},
    [FORM_DROP_TYPE] = {"DROP TYPE", AX, CATALOG, {}, 0},
    [FORM_DROP_FUNCTION] = {"DROP FUNCTION, PROCEDURE, AGGREGATE, OPERATOR or CAST", LOCK_NONE, CATALOG, {}, 0},
    [FORM_DROP_SCHEMA] = {"DROP SCHEMA", LOCK_NONE, CATALOG, {}, 0},
    [FORM_DROP_EXTENSION] = {"DROP EXTENSION", AX, CATALOG, {}, 0},
    [FORM_TRUNCATE] = {"TRUNCATE", AX, BELOW,
                       {CASCADE(REFERENCING_CHAIN, AX), {LOCKED_PARENT, AS, EFFECT_CATALOG, true, false, DESCENT_NONE}}, 0},
    [FORM_TRUNCATE_RESTART] = {"TRUNCATE RESTART IDENTITY", AX, BELOW,
                               {CASCADE(REFERENCING_CHAIN, AX), {LOCKED_PARENT, AS, EFFECT_CATALOG, true, false, DESCENT_NONE},
                                OTHER(SEQUENCES, AX)}, 0},

    [FORM_RENAME_RELATION] = {"ALTER TABLE RENAME TO", AX, CATALOG, {}, 0},
    [FORM_RENAME_INDEX] = {"ALTER INDEX RENAME TO", SUX, CATALOG, {}, 0},
    [FORM_RENAME_COLUMN] = {"ALTER TABLE RENAME COLUMN", AX, BELOW, {}, 0},
    [FORM_RENAME_CONSTRAINT] = {"ALTER TABLE RENAME CONSTRAINT", AX, BELOW, {}, 0},
    [FORM_RENAME_TRIGGER] = {"ALTER TRIGGER RENAME TO", AX, PARTS, {}, 0},
    [FORM_RENAME_RULE] = {"ALTER RULE RENAME TO", AX, CATALOG, {}, 0},
    [FORM_RENAME_POLICY] = {"ALTER POLICY RENAME TO", AX, CATALOG, {}, 0},
    [FORM_RENAME_ATTRIBUTE] = {"ALTER TYPE RENAME ATTRIBUTE", AX, CATALOG, {}, 0},
    [FORM_RENAME_TYPE] = {"ALTER TYPE RENAME TO", AX, CATALOG, {}, 0},
    [FORM_RENAME_OTHER] = {"ALTER FUNCTION, SCHEMA or DOMAIN RENAME TO; ALTER TYPE or FUNCTION SET SCHEMA", LOCK_NONE, CATALOG, {}, 0},
    [FORM_SET_SCHEMA] = {"ALTER TABLE SET SCHEMA", AX, CATALOG, {OTHER(SEQUENCES, AX)}, 0},
    [FORM_TYPE_OWNER] = {"ALTER TYPE OWNER TO", AX, CATALOG, {}, 0},
    [FORM_COMMENT_RELATION] = {"COMMENT ON TABLE or COLUMN", SUX, CATALOG, {}, 0},
    [FORM_COMMENT_INDEX] = {"COMMENT ON INDEX", SUX, CATALOG, {}, 0},
    [FORM_COMMENT_PART] = {"COMMENT ON CONSTRAINT, TRIGGER, POLICY or RULE", AS, CATALOG, {}, 0},
    [FORM_GRANT] = {"GRANT on a table", AS, CATALOG, {}, 0}, /* from 18; before, none */
    [FORM_REVOKE] = {"REVOKE on a table", AS, CATALOG, {}, 0},
    [FORM_REVOKE_OTHER] = {"REVOKE of a role, or on anything else", LOCK_NONE, CATALOG, {}, 0},
    [FORM_ALTER_FUNCTION] = {"ALTER FUNCTION or PROCEDURE", LOCK_NONE, CATALOG, {}, 0},
    [FORM_ADD_ENUM_VALUE] = {"ALTER TYPE ADD VALUE", LOCK_NONE, CATALOG, {}, 0},
    [FORM_RENAME_ENUM_VALUE] = {"ALTER TYPE RENAME VALUE", LOCK_NONE, CATALOG, {}, 0},
    [FORM_ALTER_DOMAIN] = {"ALTER DOMAIN", LOCK_NONE, CATALOG, {}, 0},
    [FORM_ALTER_DOMAIN_CHECKED] = {"ALTER DOMAIN ADD or VALIDATE CONSTRAINT, SET NOT NULL", S,
                                   EFFECT_SCAN, DESCENT_NONE, NULL, {}, 0},
    [FORM_ATTACH_INDEX] = {"ALTER INDEX ATTACH PARTITION", SUX, CATALOG, {OTHER(TABLE_OF_INDEX, AS)}, 0},
    [FORM_ATTACHED_INDEX] = {"ALTER INDEX ATTACH PARTITION: the index attached", AX, CATALOG,
                             {OTHER(TABLE_OF_INDEX, AS)}, 0},

    [FORM_REINDEX_INDEX] = {"REINDEX INDEX", AX, EFFECT_BUILD, DESCENT_NONE, NULL,
                            {OTHER_SCAN(TABLE_OF_INDEX, S)}, 0},
    [FORM_REINDEX_INDEX_CONCURRENTLY] = {"REINDEX INDEX CONCURRENTLY", SUX,
                                         EFFECT_BUILD, DESCENT_NONE, NULL,
                                         {OTHER_SCAN(TABLE_OF_INDEX, SUX)}, 0},
    [FORM_REINDEX_TABLE] = {"REINDEX TABLE", S, EFFECT_BUILD, DESCENT_NONE, NULL,
                            {OTHER(INDEXES, AX)}, 0},
    [FORM_REINDEX_TABLE_CONCURRENTLY] = {"REINDEX TABLE CONCURRENTLY", SUX,
                                         EFFECT_BUILD, DESCENT_NONE, NULL, {}, 0},
    [FORM_REFRESH] = {"REFRESH MATERIALIZED VIEW", AX, EFFECT_ROWS, DESCENT_NONE, NULL,
                      {OTHER_SCAN(BENEATH, AS)}, 0},
    [FORM_REFRESH_NO_DATA] = {"REFRESH MATERIALIZED VIEW WITH NO DATA", AX, CATALOG, {}, 0},
    [FORM_REFRESH_CONCURRENTLY] = {"REFRESH MATERIALIZED VIEW CONCURRENTLY", X,
                                   EFFECT_ROWS, DESCENT_NONE, NULL,
                                   {OTHER_SCAN(BENEATH, AS)}, 0},
    [FORM_CLUSTER] = {"CLUSTER", AX, EFFECT_REWRITE, DESCENT_NONE, NULL, {}, 0},
    [FORM_VACUUM] = {"VACUUM", SUX, EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_VACUUM_FULL] = {"VACUUM FULL", AX, EFFECT_REWRITE, DESCENT_PARTITIONS, NULL, {}, 0},
    [FORM_ANALYZE] = {"ANALYZE", SUX, EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0}, /* what only inherits: AS */
    [FORM_LOCK] = {"LOCK TABLE", AX, BELOW, {}, 0}, /* in its mode */

    [FORM_SELECT] = {"SELECT", AS, EFFECT_SCAN, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_SELECT_FOR_UPDATE] = {"SELECT FOR UPDATE or SHARE", RS,
                                EFFECT_ROWS, DESCENT_CHILDREN, NULL, {}, 0},
    [FORM_INSERT] = {"INSERT", RX, EFFECT_ROWS, DESCENT_PARTITIONS, NULL,
                     {OTHER_MAYBE(REFERENCED, RS), OTHER_MAYBE(SEQUENCES, RX)}, 0},
    [FORM_UPDATE] = {"UPDATE", RX, EFFECT_ROWS, DESCENT_CHILDREN, NULL,
                     {OTHER_MAYBE(REFERENCED, RS), OTHER_MAYBE(REFERENCING, RX)}, 0},
    [FORM_UPDATE_ALL] = {"UPDATE without WHERE", RX, EFFECT_ROWS, DESCENT_CHILDREN, NULL,
                         {OTHER_MAYBE(REFERENCED, RS), OTHER_MAYBE(REFERENCING, RX)}, 0},
    [FORM_DELETE_ALL] = {"DELETE without WHERE", RX, EFFECT_ROWS, DESCENT_CHILDREN, NULL,
                         {OTHER_MAYBE(REFERENCING, RX)}, 0},
    [FORM_DELETE] = {"DELETE", RX, EFFECT_ROWS, DESCENT_CHILDREN, NULL,
                     {OTHER_MAYBE(REFERENCING, RX)}, 0},
    [FORM_MERGE] = {"MERGE", RX, EFFECT_ROWS, DESCENT_CHILDREN, NULL,
                    {OTHER_MAYBE(REFERENCED, RS), OTHER_MAYBE(REFERENCING, RX),
                     OTHER_MAYBE(SEQUENCES, RX)}, 15},
    [FORM_COPY_FROM] = {"COPY FROM", RX, EFFECT_ROWS, DESCENT_PARTITIONS, NULL,
                        {OTHER_MAYBE(REFERENCED, RS), OTHER_MAYBE(SEQUENCES, RX)}, 0},
    [FORM_COPY_TO] = {"COPY TO", AS, EFFECT_SCAN, DESCENT_NONE, NULL, {}, 0},
    [FORM_SEQUENCE_VALUE] = {"nextval(), setval()", RX, CATALOG, {}, 0},
};
/* clang-format on */

_Static_assert(COUNT_OF(forms) == FORM_COUNT, "a row for each form");

const struct form *form_of_alter(PgQuery__AlterTableType subtype)
{
    const size_t index = (size_t)subtype;
    return index < COUNT_OF(alter_forms) && alter_forms[index].name != NULL ? &alter_forms[index]
                                                                            : NULL;
}

const struct form *form_of(enum form_id id)
{
    return &forms[id];
}

const struct form *form_at(size_t index)
{
    for (size_t i = 0; i < COUNT_OF(alter_forms); i++)
        if (alter_forms[i].name != NULL && index-- == 0)
            return &alter_forms[i];
    return index < COUNT_OF(forms) ? &forms[index] : NULL;
}
