/* SPDX-License-Identifier: MIT
 *
 * test_doubt.c - what a connection that gets no answer makes the IP layer do
 *
 * Read first: RFC 9293 3.8.3 (b). A stack on Ethernet sends to a neighbour that answers ARP once
 * and then nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>
#include <lastack/stack.h>

#include "base/addr.h"
#include "base/time.h"

enum { ETH_TYPE = 12, ETH_BYTES = 14, ARP_BYTES = 28, RETRANSMISSIONS = 5, R1 = 3 };

static const uint8_t ours[6] = {2, 0, 0, 0, 0, 1}, theirs[6] = {2, 0, 0, 0, 0, 2};

struct sent {
    unsigned arp_all_n, arp_one_n, ip_n;
};

struct wired {
    struct la_mem *mem;
    struct la_stack *stack;
    int iface;
    la_instant now;
};

static void
wired_new(struct wired *w)
{
    struct la_stack_cfg cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_ETHERNET, .mtu_bytes = 1500}};
    struct la_addr addr = la_addr_v4(10, 0, 0, 1);
    memcpy(iface.mac, ours, 6);
    w->now = la_instant_of_ns(INT64_C(1000) * LA_NS_PER_S);
    w->mem = la_mem_new(la_host_alloc(), 0);
    la_stack_cfg_init(&cfg);
    cfg.mem = w->mem;
    assert_int_equal(la_stack_new(&cfg, w->now, &w->stack), LA_OK);
    assert_int_equal(la_stack_iface_add(w->stack, &iface, &w->iface), LA_OK);
    assert_int_equal(la_stack_addr_add(w->stack, w->iface, &addr, 24), LA_OK);
}

static struct sent
collect(struct wired *w)
{
    struct sent sent = {0, 0, 0};
    struct la_frame *f;
    while (la_stack_output(w->stack, w->iface, &f, 1, w->now) == 1) {
        uint8_t octets[ETH_BYTES];
        assert_int_equal(la_frame_copy_out(f, 0, octets, sizeof(octets)), ETH_BYTES);
        la_frame_free(f);
        bool arp = octets[ETH_TYPE + 1] == 6;
        sent.ip_n += !arp;
        sent.arp_all_n += arp && (octets[0] & 1) != 0;
        sent.arp_one_n += arp && memcmp(octets, theirs, 6) == 0;
    }
    return sent;
}

static void
answer_arp(struct wired *w)
{
    uint8_t frame[ETH_BYTES + ARP_BYTES] = {[ETH_TYPE] = 8, 6, 0, 1, 8, 0, 6, 4, 0, 2};
    memcpy(frame, ours, 6);
    memcpy(frame + 6, theirs, 6);
    memcpy(frame + 22, theirs, 6);
    memcpy(frame + 28, (const uint8_t[]){10, 0, 0, 2}, 4);
    memcpy(frame + 32, ours, 6);
    memcpy(frame + 38, (const uint8_t[]){10, 0, 0, 1}, 4);
    struct la_frame *f = la_frame_from_bytes(w->mem, (struct la_bytes){frame, sizeof(frame)});
    assert_non_null(f);
    la_stack_input(w->stack, w->iface, &f, 1, w->now);
}

/* The SYN is sent, and again after 1, 3, 7, 15 and 31 s; at the third of them R1 is reached. */
/* LEDGER: MUST-20a, RFC1122-R4 */
static void
test_doubt__from_r1_on(void **state)
{
    (void)state;
    struct wired w;
    struct la_endpoint any = {{{0}}, 0}, remote = {la_addr_v4(10, 0, 0, 2), 80};
    la_handle conn;
    wired_new(&w);
    assert_int_equal(la_conn_open(w.stack, &any, &remote, NULL, &conn, w.now), LA_OK);
    assert_int_equal(collect(&w).arp_all_n, 1);
    answer_arp(&w);
    assert_int_equal(collect(&w).ip_n, 1);
    for (unsigned n = 1; n < RETRANSMISSIONS;) {
        w.now = la_stack_deadline(w.stack);
        while (la_stack_run(w.stack, w.now, 64)) {
        }
        struct sent sent = collect(&w);
        if (sent.ip_n == 0)
            continue; /* ARP's own timer, or the wheel's tick */
        assert_int_equal(sent.ip_n, 1);
        assert_int_equal(sent.arp_all_n, 0);
        assert_int_equal(sent.arp_one_n, n == R1); /* later it is REACHABLE again */
        if (sent.arp_one_n > 0)
            answer_arp(&w);
        n++;
    }
    assert_int_equal(la_conn_abort(w.stack, conn, w.now), LA_OK);
    la_stack_free(w.stack);
    la_mem_unref(w.mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_doubt__from_r1_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
