/* The rules about who may do what: grants, roles, passwords, extensions. */
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "check/lint.h"
#include "check/rules/tables.h"

#define NODE(name)   PG_QUERY__NODE__NODE_##name
#define OBJECT(name) PG_QUERY__OBJECT_TYPE__OBJECT_##name

/* ---- grants ---- */

static bool is_grant(const struct lint *lint)
{
    return lint->tree != NULL && lint->tree->node_case == NODE(GRANT_STMT) &&
           lint->tree->grant_stmt->is_grant;
}

/* What holds data, or may be filled with what others then run. */
static bool is_sensitive(const PgQuery__GrantStmt *grant)
{
    if (grant->objtype == OBJECT(TABLE) || grant->objtype == OBJECT(SEQUENCE) ||
        grant->objtype == OBJECT(FOREIGN_SERVER))
        return true;
    if (grant->objtype != OBJECT(SCHEMA))
        return false;
    for (size_t i = 0; i < grant->n_privileges; i++)
        if (grant->privileges[i]->node_case == NODE(ACCESS_PRIV) &&
            strcmp(grant->privileges[i]->access_priv->priv_name, "create") == 0)
            return true;
    return grant->n_privileges == 0; /* ALL */
}

static void look_at_public(struct lint *lint, const struct rule *rule)
{
    if (!is_grant(lint) || !is_sensitive(lint->tree->grant_stmt))
        return;
    const PgQuery__GrantStmt *const grant = lint->tree->grant_stmt;
    for (size_t i = 0; i < grant->n_grantees; i++)
        if (grant->grantees[i]->node_case == NODE(ROLE_SPEC) &&
            grant->grantees[i]->role_spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
            lint_report(lint, rule, grant->grantees[i]->role_spec->location,
                        "every role that can connect gets this right, also those to come");
}

static void look_at_grant_option(struct lint *lint, const struct rule *rule)
{
    if (is_grant(lint) && lint->tree->grant_stmt->grant_option)
        lint_report(lint, rule, 0, "who gets this right may give it to anybody");
}

/* ---- roles ---- */

static void look_at_role(struct lint *lint, const struct rule *rule)
{
    if (lint->tree == NULL)
        return;
    if (lint->tree->node_case == NODE(CREATE_ROLE_STMT))
        lint_report_name(lint, rule, 0, "made");
    else if (lint->tree->node_case == NODE(DROP_ROLE_STMT))
        lint_report_name(lint, rule, 0, "dropped");
}

/* A hash tells nobody the password. */
static bool is_password(const PgQuery__Node *option)
{
    if (option->node_case != NODE(DEF_ELEM) || strcmp(option->def_elem->defname, "password") != 0 ||
        option->def_elem->arg == NULL || option->def_elem->arg->node_case != NODE(STRING))
        return false;
    const char *const value = option->def_elem->arg->string->sval;
    const bool is_scram = strncmp(value, "SCRAM-SHA-256$", strlen("SCRAM-SHA-256$")) == 0;
    const bool is_md5 = strncmp(value, "md5", 3) == 0 && strlen(value) == 3 + 32;
    return value[0] != '\0' && !is_scram && !is_md5;
}

static void look_at_options(struct lint *lint, const struct rule *rule,
                            PgQuery__Node *const *options, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is_password(options[i]))
            lint_report(lint, rule, options[i]->def_elem->location,
                        "whoever reads this file knows the password");
}

static void look_at_connection(struct lint *lint, const struct rule *rule, const char *text)
{
    const char *const password = strstr(text, "password=");
    if (password != NULL && strcspn(password + strlen("password="), " ") > 0)
        lint_report(lint, rule, 0, "whoever reads this file knows the password");
}

static void look_at_password(struct lint *lint, const struct rule *rule)
{
    const PgQuery__Node *const tree = lint->tree;
    if (tree == NULL)
        return;
    switch (tree->node_case) {
    case NODE(CREATE_ROLE_STMT):
        look_at_options(lint, rule, tree->create_role_stmt->options,
                        tree->create_role_stmt->n_options);
        return;
    case NODE(ALTER_ROLE_STMT):
        look_at_options(lint, rule, tree->alter_role_stmt->options,
                        tree->alter_role_stmt->n_options);
        return;
    case NODE(CREATE_USER_MAPPING_STMT):
        look_at_options(lint, rule, tree->create_user_mapping_stmt->options,
                        tree->create_user_mapping_stmt->n_options);
        return;
    case NODE(ALTER_USER_MAPPING_STMT):
        look_at_options(lint, rule, tree->alter_user_mapping_stmt->options,
                        tree->alter_user_mapping_stmt->n_options);
        return;
    case NODE(CREATE_SUBSCRIPTION_STMT):
        look_at_connection(lint, rule, tree->create_subscription_stmt->conninfo);
        return;
    case NODE(ALTER_SUBSCRIPTION_STMT):
        look_at_connection(lint, rule, tree->alter_subscription_stmt->conninfo);
        return;
    default:
        return;
    }
}

/* ---- extensions ---- */

/* Those of PostgreSQL 13 and later that whoever may create in a database may install. */
static bool is_trusted(const char *name)
{
    static const char *const names[] = {
        "btree_gin",       "btree_gist", "citext",    "cube",      "dict_int", "fuzzystrmatch",
        "hstore",          "intarray",   "isn",       "lo",        "ltree",    "pg_trgm",
        "pgcrypto",        "plpgsql",    "seg",       "tablefunc", "tcn",      "tsm_system_rows",
        "tsm_system_time", "unaccent",   "uuid-ossp",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static void look_at_extension(struct lint *lint, const struct rule *rule)
{
    if (lint->tree != NULL && lint->tree->node_case == NODE(CREATE_EXTENSION_STMT) &&
        !is_trusted(lint->tree->create_extension_stmt->extname))
        lint_report_name(lint, rule, 0, lint->tree->create_extension_stmt->extname);
}

static const struct rule rules[] = {
    {.id = "grant-to-public",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a right on data is granted to everybody",
     .why = "PUBLIC is every role that can connect, also those that are made later: reporting "
            "tools, other services, a leaked account of any of them.",
     .fix = "Grant it to the role that needs it.",
     .example_bad = "grant select on users to public;",
     .example_good = "grant select on users to reporting;",
     .each = look_at_public},
    {.id = "grant-option",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a right may be passed on",
     .why =
         "Whoever has a right WITH GRANT OPTION gives it to others, and a later REVOKE fails or, "
         "with CASCADE, takes it from all of those too.",
     .fix = "Leave WITH GRANT OPTION out and grant the right to each role that needs it.",
     .example_bad = "grant select on users to reporting with grant option;",
     .example_good = "grant select on users to reporting;",
     .each = look_at_grant_option},
    {.id = "role-in-migration",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "a migration makes or drops a role",
     .why = "A role belongs to the whole server. Where a second database of the server gets the "
            "same migration the role is there already and the deploy fails; dropping it fails "
            "while it owns anything in another database.",
     .fix = "Make roles where servers are set up, and only grant in migrations.",
     .example_bad = "create role reporting;",
     .example_good = "grant select on users to reporting;",
     .what = "a role of the whole server is {}",
     .each = look_at_role},
    {.id = "password-in-file",
     .severity = SEVERITY_WARNING,
     .engines = RULE_POSTGRES,
     .title = "a password stands in the file",
     .why = "Whoever reads the repository, now or in years, knows it; the server may log the "
            "statement too, and every database that runs the migration has the same password.",
     .fix =
         "Make the role without one and set it outside of migrations, as with psql's \\password; "
         "change the one that was published.",
     .example_bad = "create role reporting login password 'secret';",
     .example_good = "create role reporting login;",
     .each = look_at_password},
    {.id = "extension-needs-rights",
     .severity = SEVERITY_NOTE,
     .engines = RULE_POSTGRES,
     .title = "an extension is made that needs a superuser",
     .why = "Unless the extension is a trusted one, the deploy fails with a role that is no "
            "superuser, and on a server where its files are not installed.",
     .fix = "Have it installed where servers are set up, or see that the deploying role may do it.",
     .example_bad = "create extension postgis;",
     .example_good = "create extension pg_trgm;",
     .what = "\"{}\" needs a superuser, or a server that lets others install it",
     .each = look_at_extension},
};

const struct rule_table rules_of_rights = {rules, COUNT_OF(rules)};
