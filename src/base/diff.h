/* The lines in which two texts differ, as people and patch(1) read them. */
#ifndef PAWL_BASE_DIFF_H
#define PAWL_BASE_DIFF_H

#include "base/str.h"

/*
 * Appends "-" lines of the old text and "+" lines of the new one, each change with up to three
 * lines around it and a head "@@ -LINE,COUNT +LINE,COUNT @@". Nothing where they are equal. Texts
 * of very many lines that differ throughout are shown as one change. Memory failure stays in
 * out->failed.
 */
void diff_lines(const char *old_text, const char *new_text, struct str *out);

#endif
