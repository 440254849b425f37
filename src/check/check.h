/*
 * The review of a checkout's migrations that needs no database: what `pawl check` does.
 */
#ifndef PAWL_CHECK_CHECK_H
#define PAWL_CHECK_CHECK_H

#include "check/base.h"

struct check_options {
    const struct set_options *files;
    const char *sum_path; /* where pawl.sum would be */
    int64_t now_epoch_s;
    const char *base; /* a git ref to compare with; NULL: none */
    bool out_of_order_applies;
};

/*
 * findings holds what set_load() found in the set; everything else that can be found without a
 * database is added: versions in the future, pawl.sum, statements that cannot be split, unknown and
 * unused allows, and the comparison with the base. Then what a file allows with a reason, and names
 * that were on the base already, become notes, and all are sorted by file, line and column.
 *
 * *ret_base is filled when options->base is given. Errors: pawl.sum cannot be read, and those of
 * base_load(); findings then holds what was found so far.
 */
bool check_run(struct arena *arena, const struct set *set, const struct check_options *options,
               struct base *ret_base, struct findings *findings, struct err *err) MUST_CHECK;

#endif
