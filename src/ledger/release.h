/* Rows about releases, folded into the state; included by src/ledger/ only. */
#ifndef PAWL_LEDGER_RELEASE_H
#define PAWL_LEDGER_RELEASE_H

#include <jansson.h>

#include "ledger/state.h"

/* Rows release, begin (which may name one), retired, held, closing and override. False when memory
 * is out. */
bool release_fold(struct arena *arena, struct state *state, const struct journal_row *row,
                  const json_t *detail) MUST_CHECK;

/* Any row: a closing ends when its migration has run, or did not run, or its deploy is over. */
void release_end_closing(struct state *state, const struct journal_row *row, const json_t *detail);

#endif
