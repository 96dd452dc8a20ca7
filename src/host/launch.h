/* SPDX-License-Identifier: MIT
 *
 * launch.h - starts the program under the filter
 */
#ifndef LA_HOST_LAUNCH_H
#define LA_HOST_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

/* Exit codes of our own, as env(1), nice(1) and their kin have them. */
enum { LA_EXIT_OURS = 125, LA_EXIT_NOT_EXECUTABLE = 126, LA_EXIT_NOT_FOUND = 127 };

struct la_launch {
    pid_t pid;
    int notify_fd; /* the listener of the filter */
};

/* Forks and executes argv[0] (searched in PATH) under the filter. `udp` as in la_filter_build().
 * Returns 0, or the exit code after a line on standard error that says what is missing and what to
 * do: every kernel facility that a run needs is tried here, before the program starts.
 *
 * The program starts with the signal mask and limits that the caller had when la_launch_prepare()
 * was called. */
int la_launch(char *const *argv, bool udp, struct la_launch *out);

/* Sets this process up as a supervisor: SIGPIPE ignored, SIGCHLD and the terminal's signals blocked
 * (they are read from *signal_fd), as many descriptors as the hard limit allows, orphans of the
 * program become our children. 0 or an errno value. */
int la_launch_prepare(int *signal_fd);

#endif
