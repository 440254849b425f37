/*
 * What a migration says, freed of how it is written: the text that its checksum is made of.
 *
 * The rules are in docs/checksum.md with test vectors; they never change.
 */
#ifndef PAWL_SQL_CANONICAL_H
#define PAWL_SQL_CANONICAL_H

#include "base/str.h"
#include "sql/lexer.h"

/*
 * Appends the canonical form of the text. False, with nothing appended, when the text cannot be
 * read by the dialect's lexical rules (something unterminated, invalid UTF-8, a NUL byte, a command
 * of psql): the caller then hashes the bytes as they are. Memory failure stays in out->failed.
 */
bool sql_canonical(enum dialect dialect, const char *text, size_t len, struct str *out) MUST_CHECK;

/*
 * Appends the text with the contents of every password literal replaced by '***': PASSWORD '…',
 * ENCRYPTED PASSWORD '…', password=… and user:…@host inside any string, comment or body. For texts
 * that are kept and for statements that are shown.
 */
void sql_blank_passwords(enum dialect dialect, const char *text, size_t len, struct str *out);

#endif
