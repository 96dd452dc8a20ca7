/* SPDX-License-Identifier: MIT
 *
 * cli.h - the commands of the program
 *
 * One file per command: src/cli/NAME.c defines la_cli_NAME(). It gets the arguments behind
 * `lastack`, argv[0] being the command's own name, and returns the exit status. A mistake of the
 * user's is one line on standard error that says what is wrong and what to do, and status 2.
 */
#ifndef LA_CLI_CLI_H
#define LA_CLI_CLI_H

#include <stdbool.h>

enum la_cli_exit {
    LA_CLI_OK = 0,
    LA_CLI_FAILED = 1, /* the work was tried and did not succeed */
    LA_CLI_USAGE = 2   /* an unknown option or command, a missing argument */
};

/* One line of the table in command.c. */
struct la_cli_command {
    const char *name;
    const char *summary;
    int (*main)(int argc, char **argv); /* need not see whether standard output is written */
    int failed; /* exit status when that could not be written; 0: LA_CLI_FAILED */
};

/* The command of that name, NULL when there is none. */
const struct la_cli_command *la_cli_command_find(const char *name);
/* The table in the order of the help text; ends with a NULL name. */
const struct la_cli_command *la_cli_commands(void);

/* Says what is wrong in the command line, with the word that it is about in quotes (NULL: none),
 * and which --help to read; dashes at the end of `what` are the word's. command: "ss", "bench
 * path". Returns LA_CLI_USAGE. */
int la_cli_usage(const char *command, const char *what, const char *word);
/* The name of a file as it stands at the beginning of a line: '' when it is empty. */
const char *la_cli_shown(const char *name);
/* Says that a file could not be written, and why: an errno value. Returns LA_CLI_FAILED. */
int la_cli_unwritten(const char *command, const char *name, int error);
/* Says so. Returns LA_CLI_FAILED. */
int la_cli_out_of_memory(const char *command);
/* --help or -h */
bool la_cli_is_help(const char *word);

int la_cli_run(int argc, char **argv);
int la_cli_lab(int argc, char **argv);
int la_cli_drill(int argc, char **argv);
int la_cli_explain(int argc, char **argv);
int la_cli_annotate(int argc, char **argv);
int la_cli_sim(int argc, char **argv);
int la_cli_ss(int argc, char **argv);
int la_cli_bench(int argc, char **argv);

#endif
