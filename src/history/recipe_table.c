/* The recipes. */
#include "history/recipe.h"

#define BIT RECIPE_BIT

/* clang-format off */

/* ---- parts of several ---- */

/* Both columns, or sets of columns, are written whichever of them a release knows. The trigger edits
 * NEW alone, so that it never starts itself; its name sorts last, so that it sees what other triggers
 * have done. What the new columns hold already is not written back: a conversion may lose something. */
#define TWO_WAY_TRIGGER                                                                            \
    "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql\n"                              \
    "SET search_path = pg_catalog AS $pawl$\n"                                                     \
    "#variable_conflict use_column\n"                                                              \
    "BEGIN\n"                                                                                      \
    "  IF TG_OP = 'INSERT' THEN\n"                                                                 \
    "    IF {given} THEN\n"                                                                        \
    "      NEW.{column} := {back_new};\n"                                                          \
    "    ELSE\n"                                                                                   \
    "      {fill}\n"                                                                               \
    "    END IF;\n"                                                                                \
    "  ELSIF ROW({new}) IS DISTINCT FROM ROW({old}) THEN\n"                                        \
    "    IF ROW({new}) IS DISTINCT FROM ROW({expressions_new}) THEN\n"                             \
    "      NEW.{column} := {back_new};\n"                                                          \
    "    END IF;\n"                                                                                \
    "  ELSIF NEW.{column} IS DISTINCT FROM OLD.{column} THEN\n"                                    \
    "    {fill}\n"                                                                                 \
    "  END IF;\n"                                                                                  \
    "  RETURN NEW;\n"                                                                              \
    "END $pawl$;\n"                                                                                \
    MAKE_TRIGGER

#define ONE_WAY_TRIGGER                                                                            \
    "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql\n"                              \
    "SET search_path = pg_catalog AS $pawl$\n"                                                     \
    "#variable_conflict use_column\n"                                                              \
    "BEGIN\n"                                                                                      \
    "  {fill}\n"                                                                                   \
    "  RETURN NEW;\n"                                                                              \
    "END $pawl$;\n"                                                                                \
    MAKE_TRIGGER

#define MAKE_TRIGGER                                                                               \
    "CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table}\n"                                \
    "  FOR EACH ROW EXECUTE FUNCTION {function}();\n"

#define DROP_TRIGGER                                                                               \
    "DROP TRIGGER {trigger} ON {table};\n"                                                         \
    "DROP FUNCTION {function}();\n"

/* {to} proved to hold no NULL, so that SET NOT NULL need not read the table under its lock. */
#define NOT_NULL_FILES(condition)                                                                  \
    {.slug = "check not null", .only_with = (condition),                                           \
     .text = "-- New rows are held to it from here on; those that are there are not read.\n"       \
             "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({to} IS NOT NULL) NOT VALID;\n"},  \
    {.slug = "validate not null", .only_with = (condition),                                        \
     .text = "-- Reads the table beside reads and writes.\n"                                       \
             "ALTER TABLE {table} VALIDATE CONSTRAINT {check};\n"},                                \
    {.slug = "set not null", .only_with = (condition),                                             \
     .text = "-- The constraint proves it: the table is not read.\n"                               \
             "ALTER TABLE {table} ALTER COLUMN {to} SET NOT NULL;\n"                               \
             "ALTER TABLE {table} DROP CONSTRAINT {check};\n"}

/* ---- the recipes ---- */

static const struct recipe_file rename_column[] = {
    {.slug = "add column",
     .text = "-- The new column beside the old one, and a trigger that keeps them alike, whichever\n"
             "-- of them a release writes.\n"
             "ALTER TABLE {table} {add};\n\n" TWO_WAY_TRIGGER},
    {.slug = "fill", .verify = "SELECT {column}, {tos} FROM {table} WHERE {to} IS DISTINCT FROM {column}",
     .text = "-- Rows from before the trigger.\n"
             "UPDATE {table} SET {set} WHERE {to} IS DISTINCT FROM {column};\n"},
    NOT_NULL_FILES(BIT(RECIPE_NOT_NULL)),
    {.slug = "drop old column", .contract = true,
     .text = "-- When no release reads or writes {column} any more. Indexes and constraints of it go\n"
             "-- with it: make those of the new column first.\n"
             DROP_TRIGGER
             "ALTER TABLE {table} DROP COLUMN {column};\n"},
};

static const struct recipe_file split_column[] = {
    {.slug = "add columns",
     .text = "-- The new columns beside the old one, and a trigger that keeps them alike, whichever\n"
             "-- of them a release writes.\n"
             "ALTER TABLE {table} {add};\n\n" TWO_WAY_TRIGGER},
    {.slug = "fill", .verify = "SELECT {column}, {tos} FROM {table} WHERE {back} IS DISTINCT FROM {column}",
     .text = "-- Rows from before the trigger. Rows that the way there and back would change are found\n"
             "-- by verify: mend them, or the expressions.\n"
             "UPDATE {table} SET {set}\n"
             "WHERE {back} IS DISTINCT FROM {column};\n"},
    {.slug = "drop old column", .contract = true,
     .text = "-- When no release reads or writes {column} any more.\n"
             DROP_TRIGGER
             "ALTER TABLE {table} DROP COLUMN {column};\n"},
};

static const struct recipe_file change_type[] = {
    {.slug = "add column",
     .text = "-- A column of the new type, which a trigger keeps up with the old one. Indexes and\n"
             "-- constraints that it needs are made on it before the swap, each in a migration of\n"
             "-- its own.\n"
             "ALTER TABLE {table} {add};\n\n" ONE_WAY_TRIGGER},
    {.slug = "fill",
     .verify = "SELECT {column}, {to} FROM {table} WHERE {to} IS DISTINCT FROM ({expression})",
     .text = "-- Rows from before the trigger.\n"
             "UPDATE {table} SET {set} WHERE {to} IS DISTINCT FROM ({expression});\n"},
    NOT_NULL_FILES(BIT(RECIPE_NOT_NULL)),
    {.slug = "swap", .contract = true,
     .text = "-- When every release takes both types: from here on {column} is the new one. Views,\n"
             "-- policies and triggers that name it stay with the old one: make them anew here.\n"
             "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n"
             DROP_TRIGGER
             "ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL, ALTER COLUMN {column} DROP DEFAULT;\n"
             "ALTER TABLE {table} RENAME COLUMN {column} TO {column_old};\n"
             "ALTER TABLE {table} RENAME COLUMN {to} TO {column};\n"
             "?default|ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default};\n"},
    {.slug = "drop old column", .contract = true,
     .text = "-- Nothing writes it since the swap.\n"
             "ALTER TABLE {table} DROP COLUMN {column_old};\n"},
};

static const struct recipe_file int_to_bigint[] = {
    {.slug = "add column",
     .text = "-- A bigint column, which a trigger keeps up with the key. The sequence gives more than\n"
             "-- an integer holds from here on. The first statement changes nothing; it is refused\n"
             "-- where the key is an identity column, which this recipe does not do.\n"
             "ALTER SEQUENCE {sequence} OWNED BY {table}.{column};\n"
             "ALTER SEQUENCE {sequence} AS bigint;\n"
             "ALTER TABLE {table} {add};\n\n" ONE_WAY_TRIGGER},
    {.slug = "fill", .verify = "SELECT {column}, {to} FROM {table} WHERE {to} IS DISTINCT FROM {column}",
     .text = "-- Rows from before the trigger.\n"
             "UPDATE {table} SET {set} WHERE {to} IS DISTINCT FROM {column};\n"},
    {.slug = "index", .no_transaction = true,
     .text = "-- The index of the new key, built beside reads and writes.\n"
             "CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({to});\n"},
    NOT_NULL_FILES(0),
    {.slug = "refer to it", .only_with = BIT(RECIPE_CHILD),
     .text = "-- Rows that come are held to it; those that are there are not read.\n"
             "ALTER TABLE {child} ADD CONSTRAINT {child_new_key} FOREIGN KEY ({child_column})\n"
             "  REFERENCES {table} ({to}){child_actions} NOT VALID;\n"},
    {.slug = "validate the reference", .only_with = BIT(RECIPE_CHILD),
     .text = "-- Reads both tables beside reads and writes.\n"
             "ALTER TABLE {child} VALIDATE CONSTRAINT {child_new_key};\n"},
    {.slug = "swap", .contract = true,
     .text = "-- When every release takes a bigint: from here on {column} is the new one.\n"
             "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;\n"
             "?child|LOCK TABLE {child} IN ACCESS EXCLUSIVE MODE;\n"
             DROP_TRIGGER
             "?child|ALTER TABLE {child} DROP CONSTRAINT {child_key};\n"
             "ALTER TABLE {table} DROP CONSTRAINT {primary_key};\n"
             "ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT, ALTER COLUMN {column} DROP NOT NULL;\n"
             "ALTER SEQUENCE {sequence} OWNED BY {table}.{to};\n"
             "ALTER TABLE {table} RENAME COLUMN {column} TO {column_old};\n"
             "ALTER TABLE {table} RENAME COLUMN {to} TO {column};\n"
             "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT nextval({sequence_text});\n"
             "ALTER TABLE {table} ADD CONSTRAINT {primary_key} PRIMARY KEY USING INDEX {index};\n"
             "?child|ALTER TABLE {child} RENAME CONSTRAINT {child_new_key} TO {child_key};\n"},
    {.slug = "drop old column", .contract = true,
     .text = "-- Nothing writes it since the swap.\n"
             "ALTER TABLE {table} DROP COLUMN {column_old};\n"},
};

static const struct recipe_file set_not_null[] = {
    {.slug = "replace nulls",
     .text = "-- Code of older releases may go on writing NULL: a trigger puts a value in its place.\n"
             "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql\n"
             "SET search_path = pg_catalog AS $pawl$\n"
             "#variable_conflict use_column\n"
             "BEGIN\n"
             "  IF NEW.{column} IS NULL THEN\n"
             "    {fill}\n"
             "  END IF;\n"
             "  RETURN NEW;\n"
             "END $pawl$;\n"
             MAKE_TRIGGER},
    {.slug = "fill", .verify = "SELECT * FROM {table} WHERE {column} IS NULL",
     .text = "-- Rows from before the trigger.\n"
             "UPDATE {table} SET {set} WHERE {column} IS NULL;\n"},
    NOT_NULL_FILES(0),
    {.slug = "drop trigger", .contract = true,
     .text = "-- When no release writes NULL any more.\n"
             DROP_TRIGGER},
};

static const struct recipe_file add_foreign_key[] = {
    {.slug = "index", .no_transaction = true,
     .text = "-- Without it each DELETE from the other table reads this one whole. One that is there\n"
             "-- already and begins with the column does as well: then this file can go.\n"
             "CREATE INDEX CONCURRENTLY {index} ON {table} ({column});\n"},
    {.slug = "add constraint",
     .text = "-- Rows that come are held to it; those that are there are not read.\n"
             "ALTER TABLE {table} ADD CONSTRAINT {foreign_key} FOREIGN KEY ({column})\n"
             "  REFERENCES {references} NOT VALID;\n"},
    {.slug = "validate",
     .text = "-- Reads the table beside reads and writes. `pawl probe` finds rows that refer to\n"
             "-- nothing.\n"
             "ALTER TABLE {table} VALIDATE CONSTRAINT {foreign_key};\n"},
};

static const struct recipe_file add_unique[] = {
    {.slug = "index", .no_transaction = true,
     .text = "-- Built beside reads and writes; new rows are held to it before it is done.\n"
             "CREATE UNIQUE INDEX CONCURRENTLY {unique} ON {table} ({columns});\n"},
    {.slug = "add constraint",
     .text = "-- The index becomes the constraint's: the table is not read.\n"
             "ALTER TABLE {table} ADD CONSTRAINT {unique} UNIQUE USING INDEX {unique};\n"},
};

static const struct recipe_file drop_column[] = {
    {.slug = "make it optional",
     .text = "-- Code that no longer knows the column leaves it out.\n"
             "ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL;\n"},
    {.slug = "drop", .contract = true,
     .text = "-- When no release reads or writes it any more.\n"
             "ALTER TABLE {table} DROP COLUMN {column};\n"},
};

static const struct recipe_file drop_table[] = {
    {.slug = "put away", .contract = true,
     .text = "-- When no release uses it any more. Under another name it is quickly brought back.\n"
             "ALTER TABLE {table} RENAME TO {dropped_name};\n"},
    {.slug = "drop", .contract = true,
     .text = "-- When nobody has missed it for long enough.\n"
             "DROP TABLE {dropped};\n"},
};

static const struct recipe_file rename_table[] = {
    {.slug = "keep a view",
     .text = "-- The old name becomes a view, which reads and writes the table. It takes no COPY FROM,\n"
             "-- TRUNCATE or MERGE, and shows no column that is added later.\n"
             "ALTER TABLE {table} RENAME TO {to};\n"
             "CREATE VIEW {table} AS SELECT * FROM {renamed};\n"
             "-- Who may use the table may use the view.\n"
             "DO $pawl$\n"
             "DECLARE\n"
             "  item record;\n"
             "BEGIN\n"
             "  FOR item IN\n"
             "    SELECT a.privilege_type AS privilege, a.is_grantable AS may_grant,\n"
             "      CASE a.grantee WHEN 0 THEN 'PUBLIC'\n"
             "        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END AS role\n"
             "    FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a\n"
             "    WHERE c.oid = {renamed_text}::pg_catalog.regclass\n"
             "      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')\n"
             "  LOOP\n"
             "    EXECUTE pg_catalog.format('GRANT %s ON %s TO %s%s', item.privilege,\n"
             "      {table_text}, item.role, CASE WHEN item.may_grant THEN ' WITH GRANT OPTION' ELSE '' END);\n"
             "  END LOOP;\n"
             "END $pawl$;\n"},
    {.slug = "drop view", .contract = true,
     .text = "-- When no release uses the old name any more.\n"
             "DROP VIEW {table};\n"},
};

#define FILES(table) .files = (table), .file_count = COUNT_OF(table)
#define ONE_COLUMN (BIT(RECIPE_TABLE) | BIT(RECIPE_COLUMN))

const struct recipe recipes[] = {
    {.name = "rename-column", .summary = "a column under a new name",
     .title = "rename {slug_column} to {slug_to}",
     .needs = ONE_COLUMN | BIT(RECIPE_TO) | BIT(RECIPE_TYPE), .takes = BIT(RECIPE_NOT_NULL),
     FILES(rename_column)},
    {.name = "split-column", .summary = "several columns in place of one",
     .title = "split {slug_column}",
     .needs = ONE_COLUMN | BIT(RECIPE_TO) | BIT(RECIPE_TYPE) | BIT(RECIPE_EXPRESSION) | BIT(RECIPE_BACK),
     .several = BIT(RECIPE_TO) | BIT(RECIPE_EXPRESSION),
     FILES(split_column)},
    {.name = "change-type", .summary = "a column of another type under the same name",
     .title = "change type of {slug_column}", .needs = ONE_COLUMN | BIT(RECIPE_TYPE),
     .takes = BIT(RECIPE_EXPRESSION) | BIT(RECIPE_NOT_NULL) | BIT(RECIPE_DEFAULT),
     .expression = "CAST({column} AS {type})", .to = "new", FILES(change_type)},
    {.name = "int-to-bigint", .summary = "a primary key that runs out of integers",
     .title = "{slug_table} {slug_column} to bigint", .needs = ONE_COLUMN,
     .takes = BIT(RECIPE_CHILD) | BIT(RECIPE_SEQUENCE), .to = "new", .type = "bigint",
     FILES(int_to_bigint)},
    {.name = "set-not-null", .summary = "a column that holds no NULL any more",
     .title = "{slug_column} not null", .needs = ONE_COLUMN | BIT(RECIPE_EXPRESSION),
     FILES(set_not_null)},
    {.name = "add-foreign-key", .summary = "a foreign key on a table with rows",
     .title = "{slug_table} {slug_column} refers", .needs = ONE_COLUMN | BIT(RECIPE_REFERENCES),
     FILES(add_foreign_key)},
    {.name = "add-unique", .summary = "a unique constraint on a table with rows",
     .title = "{slug_table} {slug_column} unique", .needs = ONE_COLUMN, .several = BIT(RECIPE_COLUMN),
     FILES(add_unique)},
    {.name = "drop-column", .summary = "a column that is used no more",
     .title = "drop {slug_table} {slug_column}", .needs = ONE_COLUMN, FILES(drop_column)},
    {.name = "drop-table", .summary = "a table that is used no more",
     .title = "drop {slug_table}", .needs = BIT(RECIPE_TABLE), FILES(drop_table)},
    {.name = "rename-table", .summary = "a table under a new name",
     .title = "rename {slug_table} to {slug_to}", .needs = BIT(RECIPE_TABLE) | BIT(RECIPE_TO),
     FILES(rename_table)},
};

const size_t recipe_count = COUNT_OF(recipes);
/* clang-format on */
