/*
 * How a run's outcome is printed: for people, for programs, and as continuous integration wants it.
 */
#ifndef PAWL_CLI_FORMAT_H
#define PAWL_CLI_FORMAT_H

#include "base/hash.h"
#include "cli/cli.h"

struct format {
    const char *name;
    bool document;    /* stdout is kept for one document */
    bool tells_error; /* print() says what went wrong too; else it goes to stderr, for people */
    /* Prints the findings and the outcome. What cannot be printed sets output.failed. */
    void (*print)(struct cli *cli, bool ok, const struct err *err, int exit_code);
};

extern const struct format formats[];
extern const size_t format_count;

/* NULL when there is no such format. */
const struct format *format_find(const char *name);

/* A finding as others name it. */
struct marked_finding {
    const struct finding *finding;
    const char *path;            /* from the repository's root; "." when it is about no file */
    struct hash_hex fingerprint; /* of the rule, the path and what the finding is about: no two
                                    are equal, and none changes when lines move */
};

/* One for each of cli->findings, in their order; NULL when memory is out. */
const struct marked_finding *format_mark(struct cli *cli) MUST_CHECK;

/* For people, on stderr: stdout is a document. */
void format_tell(struct cli *cli);

void format_sarif(struct cli *cli, bool ok, const struct err *err, int exit_code);
void format_github(struct cli *cli, bool ok, const struct err *err, int exit_code);
void format_gitlab(struct cli *cli, bool ok, const struct err *err, int exit_code);

#endif
