/* SPDX-License-Identifier: MIT
 *
 * private.h - names and pairs of unix sockets that nobody else can reach
 */
#ifndef LA_HOST_PRIVATE_H
#define LA_HOST_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

/* A listener of our own, through which an unconnected socket of the program gets its other end. */
struct la_private {
    int listener_fd;
    int path_fd;
};

/* 0 or an errno value. */
int la_private_init(struct la_private *p);
void la_private_fini(struct la_private *p);

/* Connects the program's unconnected socket `borrowed_fd`. Its inode stays the same, so copies made
 * earlier are connected too. Returns our end, non-blocking, or a negative errno value. */
int la_private_pair(const struct la_private *p, int borrowed_fd);

/* Makes `fd` a unix listener under a name that exists for a moment only. Returns an O_PATH
 * descriptor to reach it by, or a negative errno value. */
int la_private_listen(int fd, int backlog);
/* A new non-blocking socket connected to such a listener; `name` receives its autobound name,
 * which accept4() will show. Negative errno: EAGAIN (backlog full), ECONNREFUSED (it is gone). */
int la_private_connect(int path_fd, char name[8]);
/* Does such a listener still exist? Asking does not disturb it. */
bool la_private_is_listening(int path_fd);
/* The same name from what accept4() or getpeername() wrote: 5 hexadecimal digits, or "". */
void la_private_name_of(const void *sockaddr_un, size_t n, char name[8]);

/* As large a send buffer as this user may have, up to 1 MiB. */
void la_private_widen(int fd);

#endif
