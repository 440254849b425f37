/* Completion scripts. Each asks `pawl completion --candidates -- WORD...` and shows the answer. */
#ifndef PAWL_CLI_SHELL_SCRIPTS_H
#define PAWL_CLI_SHELL_SCRIPTS_H

#include <stddef.h>

#define SHELL_CHOICES "bash|zsh|fish"

struct shell_script {
    const char *shell, *text;
};

extern const struct shell_script shell_scripts[];
extern const size_t shell_script_count;

#endif
