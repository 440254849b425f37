/* The set that a readiness question is about: from pawl.sum where there is one, else from the
 * files. */
#ifndef PAWL_LIVE_SOURCE_H
#define PAWL_LIVE_SOURCE_H

#include "history/sum.h"
#include "live/ready.h"

struct source {
    struct ready_source ready;
    struct arena *arena;
    struct set_options options;
    const char *sum_path;
    bool from_sum;
    bool loaded;
    struct set set; /* once loaded */
};

/* Reads the first lines of pawl.sum, or all files. dialect of options is what files are read by; a
 * pawl.sum knows its own. The source is used in place: it must not move. */
bool source_open(struct arena *arena, const struct set_options *options, struct source *ret,
                 struct err *err) MUST_CHECK;

#endif
