/*
 * Statements without the values that somebody put into them: for texts that are kept, and to tell
 * which of many are the same but for those.
 */
#ifndef PAWL_SQL_PARAMETERS_H
#define PAWL_SQL_PARAMETERS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* True for what starts as SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES or TABLE does, also
 * where no parser can read the rest. */
bool sql_starts_as_query(struct span statement);

/*
 * What the statement has but for white space, comments, case and values. IN lists, arrays and rows
 * of VALUES are the same however many they hold. libpg_query's fingerprint goes further than the
 * server may: to it f($1) and f($1, $2) are the same, and VALUES with two columns and with three.
 * Appends to out.
 */
void sql_shape(struct span statement, struct str *out);

/*
 * The statement with a parameter in place of each value, numbered behind those that it has: 'x'
 * becomes $2, 10 becomes ($3::integer). What is no value stays: places in ORDER BY, modifiers of
 * types, fields of extract(). *ret NULL: it cannot be read, or is no one statement. Called within
 * parser_run() of sql/parser.h alone. The error is ERR_NOMEM.
 */
bool sql_parameterize(struct arena *arena, struct span statement, const char **ret,
                      struct err *err) MUST_CHECK;

#endif
