/* SPDX-License-Identifier: MIT
 *
 * control_dir.h - where the control sockets of running instances stand
 *
 * One socket per instance, PID.sock, in $XDG_RUNTIME_DIR/lastack, or lastack-UID below $TMPDIR or
 * /tmp: a directory of this user's that nobody else may enter.
 */
#ifndef LA_HOST_CONTROL_DIR_H
#define LA_HOST_CONTROL_DIR_H

#include <stdbool.h>
#include <stdint.h>

enum { LA_CONTROL_DIRS_N = 2, LA_CONTROL_NAME_BYTES = 32 };

/* A descriptor of the place number `place` (0 is tried first), made when it is missing and `create`
 * says so. Negative errno: ENOENT (no such place), EPERM (it is not ours alone). */
int la_control_dir_open(unsigned place, bool create);
/* Removes the directory when it is empty. */
void la_control_dir_tidy(unsigned place);
/* Binds the unix socket `fd` there, listens, and shows it as PID.sock (PID.1.sock when a living
 * process of another PID namespace has that name). 0, or an errno value. */
int la_control_dir_publish(int dir_fd, int fd, char name[LA_CONTROL_NAME_BYTES]);
/* A non-blocking socket that is connected to the one of that name. Negative errno: ECONNREFUSED (it
 * was a dead process's and is removed now), EAGAIN (too many wait there). */
int la_control_dir_connect(int dir_fd, const char *name);
/* The PID in a name. False: it is no name of a control socket. */
bool la_control_name_pid(const char *name, uint32_t *out_pid);
/* Removes the sockets of processes that are dead. */
void la_control_dir_sweep(int dir_fd);

#endif
