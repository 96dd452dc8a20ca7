/* SPDX-License-Identifier: MIT
 *
 * filter.h - which system calls of the program are announced to the supervisor
 */
#ifndef LA_HOST_FILTER_H
#define LA_HOST_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

enum { LA_FILTER_INS_N_MAX = 128 };

struct la_filter {
    struct sock_filter ins[LA_FILTER_INS_N_MAX];
    unsigned short n;
};

/* udp: datagram sockets are ours too, which makes every sendmsg() and recvmsg() of the program
 * (and their mmsg forms) a notified call. */
void la_filter_build(struct la_filter *filter, bool udp);

#endif
