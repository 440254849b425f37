/* The migrations folder that a command works on: its set, and its pawl.sum if it has one. */
#ifndef PAWL_CLI_WORKSPACE_H
#define PAWL_CLI_WORKSPACE_H

#include <pthread.h>

#include "cli/cli.h"
#include "history/set.h"

struct workspace {
    struct set_options options;
    struct set set;
    const char *sum_path;
    bool sum_exists;
    bool sum_fits; /* pawl.sum says what the set says */
};

/* Folder, scheme and dialect from the settings. The dialect "auto" is the engine of the configured
 * targets, else of the URL given for this run, else postgres; targets of both engines need an
 * explicit one. */
bool workspace_options(struct cli *cli, struct set_options *ret, struct err *err) MUST_CHECK;

/* Reads the set; findings go to cli->findings. */
bool workspace_load(struct cli *cli, struct workspace *ret, struct err *err) MUST_CHECK;

/*
 * The same in a thread of its own, so that the files are read while a server answers: start, then
 * whatever else does not need the set, then finish, then release when the set is no more needed.
 * What names cannot be read is told by the start, before anything is asked of a server.
 */
struct workspace_loading {
    struct workspace workspace; /* after the finish */
    struct findings findings;   /* likewise */
    struct arena arena;         /* of both */
    struct err err;
    pthread_t thread;
    bool started, ok;
};
bool workspace_start(struct cli *cli, struct workspace_loading *loading,
                     struct err *err) MUST_CHECK;
bool workspace_finish(struct workspace_loading *loading, struct err *err) MUST_CHECK;
void workspace_loading_release(struct workspace_loading *loading);

/* The highest version but that of the entry named, NULL when there is none. */
const char *workspace_newest(const struct workspace *workspace, const char *but_entry);

/* Refuses when cli->findings holds errors about names, also in the future: "cannot ..." says what
 * was not done. Other findings are removed: they are for `pawl check`. */
bool workspace_check_names(struct cli *cli, const struct workspace *workspace, const char *purpose,
                           struct err *err) MUST_CHECK;

/* After the folder changed: brings a pawl.sum up to date that fitted before. One that did not fit
 * is left alone, with a word about it, as writing it would hide an edit. */
bool workspace_update_sum(struct cli *cli, struct workspace *workspace, struct err *err) MUST_CHECK;

/* For what is typed while an author is still at it: check and deploy tell these findings. */
void workspace_drop_unfinished(struct cli *cli);

#endif
