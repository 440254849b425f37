/* What each engine does for ledger.c; included by src/ledger/ only. */
#ifndef PAWL_LEDGER_LEDGER_ENGINE_H
#define PAWL_LEDGER_LEDGER_ENGINE_H

#include "ledger/ledger.h"

/* Rows of twelve columns: 0 for the head or 1 for a row, then the journal's columns in order, at in
 * microseconds; the head's at is the current time. */
bool ledger_read_rows(struct arena *arena, const struct rows *rows, struct journal *ret,
                      struct err *err) MUST_CHECK;

bool ledger_pg_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                    struct err *err) MUST_CHECK;
bool ledger_pg_foreign_objects(struct ledger *ledger, struct arena *arena, const char *schema,
                               const char **ret_example, struct err *err) MUST_CHECK;
/* *ret_meanwhile: another pawl has created it, nothing was written. */
bool ledger_pg_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                      size_t count, bool *ret_meanwhile, struct err *err) MUST_CHECK;
bool ledger_pg_append(struct ledger *ledger, struct arena *arena, const struct ledger_write *writes,
                      size_t write_count, const struct entry *entry, int64_t expected_change,
                      struct receipt *ret, struct err *err) MUST_CHECK;

bool ledger_sqlite_read(struct ledger *ledger, struct arena *arena, struct journal *ret,
                        struct err *err) MUST_CHECK;
bool ledger_sqlite_foreign_objects(struct ledger *ledger, struct arena *arena,
                                   const char **ret_example, struct err *err) MUST_CHECK;
/* *ret_meanwhile: another pawl has created it, nothing was written. */
bool ledger_sqlite_create(struct ledger *ledger, struct arena *arena, const struct entry *entries,
                          size_t count, bool *ret_meanwhile, struct err *err) MUST_CHECK;

#endif
