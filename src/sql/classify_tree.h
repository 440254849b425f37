/* What a statement makes or removes, from the parser's tree. For classify.c alone. */
#ifndef PAWL_SQL_CLASSIFY_TREE_H
#define PAWL_SQL_CLASSIFY_TREE_H

#include "sql/classify.h"
#include "sql/parser.h"

/* Appends the object's name to name, its table's to relation and the new label to label, each only
 * where there is one. False, with nothing appended, for a kind of statement that it does not
 * know. */
struct tree_names {
    struct str name, relation, label;
    bool if_exists;
};
bool tree_names(const struct tree *tree, struct tree_names *ret);

#endif
