/* SPDX-License-Identifier: MIT
 *
 * datagrams.c - UDP sockets by handle: net/ serves them
 */
#include "net/udp.h"
#include "stack/instance.h"

#define UDP_TAG ((uint64_t)LA_HANDLE_UDP << 60)

/* 0, which no socket has, for a handle of another kind. */
static la_handle
inner(la_handle udp)
{
    return udp >> 60 == LA_HANDLE_UDP ? udp & ~(UINT64_C(15) << 60) : 0;
}

la_err
la_udp_open(struct la_stack *s, const struct la_endpoint *local, bool any_port, la_handle *out)
{
    la_err err = la_net_udp_open(s->net, local, any_port, out);
    if (err == LA_OK)
        *out |= UDP_TAG;
    return err;
}

la_err
la_udp_connect(struct la_stack *s, la_handle udp, const struct la_endpoint *remote)
{
    return la_net_udp_connect(s->net, inner(udp), remote);
}

la_ssize
la_udp_send(struct la_stack *s, la_handle udp, const struct la_endpoint *local,
            const struct la_endpoint *remote, struct la_bytes bytes, la_instant now)
{
    return la_net_udp_send(s->net, inner(udp), local, remote, bytes, la_stack_clock(s, now));
}

la_ssize
la_udp_receive(struct la_stack *s, la_handle udp, struct la_room room, size_t *full_n,
               struct la_udp_from *from)
{
    return la_net_udp_receive(s->net, inner(udp), room, full_n, from);
}

la_err
la_udp_refuse(struct la_stack *s, la_handle udp, const struct la_udp_from *to, la_instant now)
{
    return la_net_udp_refuse(s->net, inner(udp), to, la_stack_clock(s, now));
}

la_err
la_udp_option_set(struct la_stack *s, la_handle udp, enum la_udp_option opt, int64_t value)
{
    return la_net_udp_option_set(s->net, inner(udp), opt, value);
}

bool
la_udp_readable(const struct la_stack *s, la_handle udp)
{
    return la_net_udp_readable(s->net, inner(udp));
}

la_err
la_udp_local(const struct la_stack *s, la_handle udp, struct la_endpoint *out)
{
    return la_net_udp_local(s->net, inner(udp), out);
}

la_err
la_udp_user_set(struct la_stack *s, la_handle udp, uint64_t user)
{
    return la_net_udp_user_set(s->net, inner(udp), user);
}

la_err
la_udp_status(const struct la_stack *s, la_handle udp, struct la_udp_status *out)
{
    return la_net_udp_status(s->net, inner(udp), out);
}

bool
la_udp_next(const struct la_stack *s, uint32_t *cursor, la_handle *out)
{
    bool more = la_net_udp_next(s->net, cursor, out);
    if (*out != 0)
        *out |= UDP_TAG;
    return more;
}

la_err
la_udp_close(struct la_stack *s, la_handle udp)
{
    return la_net_udp_close(s->net, inner(udp));
}
