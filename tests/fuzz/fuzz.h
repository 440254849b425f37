/*
 * What the fuzz targets share. A target is one file: it reads any bytes with one part of pawl and
 * says what must hold for whatever came out. libFuzzer runs it with bytes of its own making,
 * replay.c with the seeds and a fixed number of their mutations.
 */
#ifndef PAWL_TESTS_FUZZ_H
#define PAWL_TESTS_FUZZ_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/finding.h"
#include "base/str.h"
#include "sql/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process when the condition does not hold: the input is then a finding. */
#define HOLDS(condition) ((condition) ? (void)0 : fuzz_fail(#condition, __FILE__, __LINE__))
void fuzz_fail(const char *condition, const char *file, int line) __attribute__((noreturn));

/* What one input uses; fuzz_end() releases it. */
struct fuzz {
    struct arena arena;
    struct err err;
    struct findings findings;
};

void fuzz_end(struct fuzz *fuzz);

/* A copy that ends with a NUL; NULs within it become blanks. */
char *fuzz_text(struct fuzz *fuzz, const uint8_t *data, size_t size);

/* A copy of exactly this size on the heap, so that a byte read behind it is seen; free() it. */
char *fuzz_bytes(const void *data, size_t size);

/* The path of a file in memory that holds these bytes until the next call. */
const char *fuzz_file(const void *data, size_t size);

/* Every finding names a rule and a place within the text. */
void fuzz_check_findings(const struct findings *findings, const char *text, size_t len);

/* The dialect that a byte stands for. */
enum dialect fuzz_dialect(uint8_t byte);

#endif
