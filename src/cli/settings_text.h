/* What the help page, the man page and the docs say of settings, from their table. */
#ifndef PAWL_CLI_SETTINGS_TEXT_H
#define PAWL_CLI_SETTINGS_TEXT_H

#include "base/arena.h"
#include "conf/config.h"

/* The topic of `pawl help` that is about settings. */
#define SETTINGS_TOPIC   "settings"
#define SETTINGS_SUMMARY "pawl.conf: its sections, settings and their values"

/* How the file is written and which value counts: paragraphs as in struct command's about. */
extern const char settings_intro[];

/* One row a section, in the order of the table. */
struct settings_section {
    const char *name;  /* as in struct setting */
    const char *title; /* "[target.NAME]" */
    const char *text;  /* a full sentence */
};

extern const struct settings_section settings_sections[];
extern const size_t settings_section_count;

/* "duration, 1ms to 1h", "refuse or apply", "path"; NULL when memory is out. */
const char *setting_values(struct arena *arena, const struct setting *setting) MUST_CHECK;

#endif
