/* SPDX-License-Identifier: MIT
 *
 * main.c - `lastack COMMAND`: finds the command and hands over; looks whether its output was
 * written
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
print_help(FILE *out)
{
    fputs("lastack - TCP in user space that you can run, see, stress and embed\n"
          "\n"
          "usage: lastack COMMAND [ARGUMENT...]\n"
          "       lastack COMMAND --help\n"
          "       lastack --help | --version\n",
          out);
    const struct la_cli_command *c = la_cli_commands();
    if (c->name != NULL)
        fputs("\ncommands:\n", out);
    for (; c->name != NULL; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
}

/* What was written must have arrived: a full disk behind `> file` is a failure, of every command.
 */
static int
finish(const char *command, int status, int failed)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    (void)fprintf(stderr, "lastack%s%s: cannot write to standard output%s%s\n",
                  command[0] != '\0' ? " " : "", command, errno != 0 ? ": " : "",
                  errno != 0 ? strerror(errno) : "");
    return status == LA_CLI_OK ? failed : status;
}

static int
run_command(const struct la_cli_command *c, int argc, char **argv)
{
    return finish(c->name, c->main(argc, argv), c->failed != 0 ? c->failed : LA_CLI_FAILED);
}

/* `help COMMAND` is `COMMAND --help`, as people type both. */
static int
help_on(const char *name)
{
    const struct la_cli_command *c = la_cli_command_find(name);
    if (c == NULL) {
        fprintf(stderr, "lastack: no command '%s'; 'lastack --help' lists them\n", name);
        return LA_CLI_USAGE;
    }
    char command[32];
    char option[] = "--help";
    snprintf(command, sizeof(command), "%s", c->name);
    char *argv[] = {command, option, NULL};
    return run_command(c, 2, argv);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return LA_CLI_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        puts("lastack " LA_VERSION);
        return finish("", LA_CLI_OK, LA_CLI_FAILED);
    }
    bool is_help = la_cli_is_help(word) || strcmp(word, "help") == 0;
    if (is_help && argc > 2)
        return help_on(argv[2]);
    if (is_help) {
        print_help(stdout);
        return finish("", LA_CLI_OK, LA_CLI_FAILED);
    }
    const struct la_cli_command *c = la_cli_command_find(word);
    if (c == NULL) {
        fprintf(stderr, "lastack: no %s '%s'; 'lastack --help' lists the commands\n",
                word[0] == '-' ? "option" : "command", word);
        return LA_CLI_USAGE;
    }
    return run_command(c, argc - 1, argv + 1);
}
