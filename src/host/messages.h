/* SPDX-License-Identifier: MIT
 *
 * messages.h - what a send or receive call says: buffers and addresses in the program's memory
 */
#ifndef LA_HOST_MESSAGES_H
#define LA_HOST_MESSAGES_H

#include "host/notify.h"

#include <stddef.h>
#include <sys/uio.h>

enum { LA_MESSAGE_PIECES_N = 1024 }; /* UIO_MAXIOV */

/* One message of one of the six calls. All addresses are the program's. */
struct la_message {
    struct iovec pieces[LA_MESSAGE_PIECES_N];
    size_t pieces_n;
    size_t room_n;       /* octets in all pieces */
    uint64_t name;       /* 0: no address */
    uint64_t name_len;   /* its length (sending) */
    uint64_t hdr;        /* its struct msghdr; 0: sendto or recvfrom */
    uint64_t len_addr;   /* recvfrom: where the address's length stands */
    uint64_t control;    /* room for ancillary data, 0: none */
    size_t control_n;    /* … and its length */
    int flags;
};

#endif
