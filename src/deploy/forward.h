/* After a failure: what leads on from there. It is never an edit of the ledger, and never a way
 * back: what failed was rolled back, and the file that failed is not applied yet. */
#ifndef PAWL_DEPLOY_FORWARD_H
#define PAWL_DEPLOY_FORWARD_H

#include "base/err.h"

/* Gives the error a hint where it has none. part_way: earlier steps of the migration stand. */
void forward_hint(struct err *err, bool part_way);

#endif
