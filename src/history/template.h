/*
 * What `pawl new` puts into an empty migration. Nobody means to deploy it: as long as the comment
 * stands and no statement does, check and deploy refuse the file.
 */
#ifndef PAWL_HISTORY_TEMPLATE_H
#define PAWL_HISTORY_TEMPLATE_H

#include "history/migration.h"

struct template
{
    const char *directives; /* of the first line; NULL */
    const char *comment;    /* what to write here, without a line feed at the end */
};

const struct template *template_of(enum migration_kind kind);

/* True when one of the comments is still there. */
bool template_stands(const char *text, size_t len);

#endif
