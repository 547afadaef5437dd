/* The command line: one table of commands, each with its function, its help and its exit code.
 *
 * A command gets the arguments behind its name and returns an exit code; it prints results to
 * standard output and what is wrong to standard error. A new command is a row in commands.c and a
 * file of its own. Thread: main. */
#ifndef KB_CLI_CLI_H
#define KB_CLI_CLI_H

#include "base/compiler.h"

#include <stdbool.h>

enum kb_exit { KB_EXIT_DONE, KB_EXIT_FAILED, KB_EXIT_USAGE };

struct kb_command {
    const char *name, *arguments;
    const char *help; /* one line */
    /* The rest of `kably help NAME`; with its head at most 24 lines of 80 columns. */
    const char *details;
    int (*run)(int argc, char **argv);
};

extern const struct kb_command kb_commands[];
extern const int kb_n_commands;

const struct kb_command *kb_command_find(const char *name); /* NULL = there is none */

void kb_cli_print_commands(FILE *to);
int kb_cli_version(void);
int kb_cli_unknown(const char *name);
bool kb_cli_asks_help(int argc, char **argv);

/* "kably NAME: what is wrong" and where to read on; returns KB_EXIT_USAGE. */
int kb_cli_usage(const char *command, const char *fmt, ...) KB_PRINTF(2, 3);
/* The same of an option that the command does not know, with the nearest of those it does. */
int kb_cli_unknown_option(
    const char *command, const char *given, const char *const *known, size_t n_known);

/* The configuration file where none is named: $KABLY_CONFIG, else /etc/kably/kably.lua, and a hint
 * on standard error where that is not there. */
const char *kb_cli_file(const char *argument);

/* The commands. */
int kb_cli_help(int argc, char **argv);
int kb_cli_run(int argc, char **argv);
int kb_cli_check(int argc, char **argv);
int kb_cli_test(int argc, char **argv);
int kb_cli_preview(int argc, char **argv);
int kb_cli_options(int argc, char **argv);
int kb_cli_status(int argc, char **argv);
int kb_cli_reload(int argc, char **argv);
int kb_cli_demo(int argc, char **argv);
int kb_cli_sandbox(int argc, char **argv);

#endif
