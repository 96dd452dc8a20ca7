/* SPDX-License-Identifier: MIT
 *
 * path_mtu.c - what routers said about the MTU of paths
 *
 * Read first: RFC 1191 6.2, 6.3; RFC 8201 5.2, 5.3.
 *
 * By destination, a bounded number, each for ten minutes: then larger packets are tried again. What
 * a router says is told here only after a connection has found it believable (tcp/mtu.h). The table
 * is taken when there is something to remember; a full set of places gives up its oldest. Keyed, so
 * that nobody can choose which.
 */
#include "net/internal.h"

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/time.h"

enum { SETS_N = 64, WAYS_N = 4, LIFE_S = 600 };

struct la_net_paths {
    struct {
        struct la_addr addr;
        la_instant until;
        uint32_t mtu_bytes;
    } path[SETS_N][WAYS_N];
};

void
la_net_paths_fini(struct la_net *net)
{
    la_mem_give(net->mem, net->paths, sizeof(*net->paths));
    net->paths = NULL;
}

static uint32_t
set_of(const struct la_net *net, const struct la_addr *addr)
{
    uint64_t a, b;
    memcpy(&a, addr->b, sizeof(a));
    memcpy(&b, addr->b + 8, sizeof(b));
    return (uint32_t)(la_hash2(&net->key, a, b) % SETS_N);
}

uint32_t
la_net_path_mtu(const struct la_net *net, const struct la_addr *dst, la_instant now)
{
    if (net->paths == NULL)
        return 0;
    uint32_t set = set_of(net, dst);
    for (unsigned way = 0; way < WAYS_N; way++)
        if (la_addr_equal(&net->paths->path[set][way].addr, dst) &&
            la_instant_lt(now, net->paths->path[set][way].until))
            return net->paths->path[set][way].mtu_bytes;
    return 0;
}

void
la_net_path_mtu_learn(struct la_net *net, const struct la_addr *dst, uint32_t mtu_bytes,
                      la_instant now)
{
    if (net->paths == NULL)
        net->paths = la_mem_take(net->mem, sizeof(*net->paths));
    if (net->paths == NULL)
        return; /* each connection learns it by itself */
    uint32_t set = set_of(net, dst);
    unsigned place = 0;
    for (unsigned way = 0; way < WAYS_N; way++) {
        if (la_addr_equal(&net->paths->path[set][way].addr, dst)) {
            place = way;
            break;
        }
        if (la_instant_lt(net->paths->path[set][way].until, net->paths->path[set][place].until))
            place = way;
    }
    net->paths->path[set][place].addr = *dst;
    net->paths->path[set][place].mtu_bytes = mtu_bytes;
    net->paths->path[set][place].until = la_instant_add_us(now, LIFE_S * LA_US_PER_S);
}
