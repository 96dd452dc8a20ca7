/* SPDX-License-Identifier: MIT
 *
 * test_hostile.c - no memory at any point, and octets that make no sense
 *
 * Every allocation of a scenario fails in turn; afterwards nothing may be lost and the host works.
 */
#include "support.h"

enum { RANDOM_FRAMES = 60000 };

static uint64_t
random_next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void
pop_all(struct host *h)
{
    struct la_frame *frame;
    for (int i = 0; i < 3; i++) {
        while ((frame = la_net_tx_pop(h->net, i)) != NULL)
            la_frame_free(frame);
    }
    while (la_net_local_next(h->net, &frame, &h->in, h->now) != LA_NET_IDLE)
        la_frame_free(frame);
}

/* Everything that takes memory, once. Results are not looked at: only that it ends well. */
static void
scenario(struct host *h)
{
    static uint8_t text[1400];
    struct pkt p;
    la_handle udp = 0;
    struct la_endpoint any = end_of("::", 0), to = end_of("192.168.1.7", 9),
                       self = end_of("10.0.0.1", 9);
    uint8_t octets[64];
    if (la_net_udp_open(h->net, &any, false, &udp) == LA_OK)
        assert_int_equal(la_net_udp_local(h->net, udp, &self), LA_OK);
    for (int i = 0; i < 3; i++) {
        (void)!la_net_udp_send(h->net, udp, NULL, &to, (struct la_bytes){text, sizeof text},
                               h->now);
        self.addr = addr_of("10.0.0.1");
        (void)!la_net_udp_send(h->net, udp, NULL, &self, (struct la_bytes){text, 600}, h->now);
    }
    uint8_t echo[1400] = {8};
    pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, echo, sizeof echo);
    struct la_frame *frame = la_frame_from_bytes(h->mem, (struct la_bytes){p.b, p.n});
    if (frame)
        la_net_input(h->net, 0, frame, &h->in, h->now);
    pkt_udp(&p, "10.0.0.2", 1, "10.0.0.1", 1, "nobody");
    frame = la_frame_from_bytes(h->mem, (struct la_bytes){p.b, p.n});
    if (frame)
        la_net_input(h->net, 0, frame, &h->in, h->now);
    frame = la_frame_take(h->mem);
    if (frame && la_chain_append_bytes(&frame->payload, h->mem,
                                       (struct la_bytes){text, sizeof text}) == sizeof text) {
        memset(la_frame_push(frame, 20), 0x50, 20);
        frame->gso_size = 100;
        struct la_net_out out = {
            .src = addr_of("10.0.0.1"), .dst = addr_of("10.0.0.2"), .protocol = 6};
        (void)!la_net_output(h->net, frame, &out, h->now);
    } else {
        la_frame_free(frame);
    }
    for (int i = 0; i < 4; i++) {
        h->now = la_instant_add_us(h->now, 1000000);
        la_net_run(h->net, h->now);
    }
    pop_all(h);
    while (la_net_udp_receive(h->net, udp, (struct la_room){octets, sizeof octets}, NULL, NULL) >=
           0) {
    }
    (void)la_net_udp_close(h->net, udp);
}

static void
test_hostile__every_allocation_fails_in_turn(void **state)
{
    struct host *h = *state;
    struct pkt p, out;
    for (uint64_t k = 1;; k++) {
        la_mem_trim(h->mem);
        uint64_t before = h->alloc.calls_n;
        h->alloc.fail_at = before + k;
        scenario(h);
        bool failed = h->alloc.calls_n >= h->alloc.fail_at;
        h->alloc.fail_at = 0;
        if (!failed)
            break;
        assert_in_range(k, 1, 1000);
        uint8_t echo[64] = {8};
        pkt_ip(&p, "10.0.0.2", "10.0.0.1", 1, echo, sizeof echo);
        assert_int_equal(host_input(h, 0, &p), LA_NET_TAKEN);
        assert_true(host_output(h, 0, &out));
        assert_int_equal(out.b[20], 0);
    }
}

static void
test_hostile__no_instance_without_memory(void **state)
{
    struct host *h = *state;
    struct la_net *net;
    struct la_net_cfg cfg = {.mem = h->mem, .reason = h->reason};
    la_mem_trim(h->mem);
    h->alloc.fail_at = h->alloc.calls_n + 1;
    assert_int_equal(la_net_new(&cfg, &net), LA_ERR_NO_MEMORY);
    h->alloc.fail_at = 0;
    cfg.reason = NULL;
    assert_int_equal(la_net_new(&cfg, &net), LA_ERR_BAD_ARGUMENT);
    la_net_free(NULL);
}

/* A packet that is right but for a few octets, at a random length, on a random interface. */
static void
random_packet(struct pkt *p, uint64_t *s)
{
    uint8_t l4[120];
    for (size_t i = 0; i < sizeof l4; i++)
        l4[i] = (uint8_t)(random_next(s) >> 40);
    static const char *const src[] = {"10.0.0.2", "192.168.1.7", "2001:db8::2", "fe80::7"};
    static const char *const dst[] = {"10.0.0.1", "192.168.1.1", "2001:db8::1", "fe80::1"};
    static const uint8_t protos[] = {1, 6, 17, 58, 0, 43, 44, 60};
    size_t family = random_next(s) % 4;
    uint8_t proto = protos[random_next(s) % 8];
    l4[0] = (const uint8_t[]){1, 2, 3, 4, 8, 11, 128, 133, 135, 136, 6, 58}[random_next(s) % 12];
    pkt_ip(p, src[family], dst[family], proto, l4, random_next(s) % sizeof l4);
    if (family < 2 && random_next(s) % 4 == 0)
        p->b[0] = (uint8_t)(0x45 + random_next(s) % 11);
    if (random_next(s) % 2 && proto == 1 && p->n > 60) { /* an error that quotes one of ours */
        memcpy(p->b + 28, p->b, 20);
        memcpy(p->b + 40, p->b + 16, 4);
        memcpy(p->b + 44, p->b + 12, 4);
        p->b[37] = random_next(s) % 2 ? 6 : 17;
    }
    for (unsigned n = (unsigned)(random_next(s) % 4); n > 0; n--)
        p->b[random_next(s) % p->n] = (uint8_t)random_next(s);
    if (p->b[0] >> 4 == 4 && p->n >= (size_t)(p->b[0] & 15) * 4 && p->n >= 20)
        pkt_ip4_checksum(p);
}

static void
test_hostile__random_frames(void **state)
{
    struct host *h = *state;
    uint64_t s = 88172645463325252u;
    struct la_endpoint any = end_of("::", 0);
    la_handle udp;
    struct pkt p;
    uint8_t octets[64];
    assert_int_equal(la_net_udp_open(h->net, &any, true, &udp), LA_OK);
    uint64_t verdicts[4] = {0};
    for (int i = 0; i < RANDOM_FRAMES; i++) {
        int iface = (int)(random_next(&s) % 3);
        random_packet(&p, &s);
        if (iface == 1)
            pkt_eth(&p, random_next(&s) % 8 ? MAC_US : MAC_ALL, MAC_PEER,
                    p.b[0] >> 4 == 6      ? 0x86dd
                    : random_next(&s) % 8 ? 0x0800
                                          : 0x0806);
        struct la_frame *frame = la_frame_take(h->mem);
        if (random_next(&s) % 2 == 0) { /* half of it in the head, half in blocks */
            size_t n = random_next(&s) % (p.n < 100 ? p.n : 100);
            struct la_bytes rest = {p.b + n, p.n - n};
            memcpy(la_frame_push(frame, n), p.b, n);
            assert_int_equal(la_chain_append_bytes(&frame->payload, h->mem, rest), rest.n);
        } else {
            la_frame_free(frame);
            frame = la_frame_from_bytes(h->mem, (struct la_bytes){p.b, p.n});
        }
        frame->csum = random_next(&s) % 2 ? LA_CSUM_VALID : LA_CSUM_UNKNOWN;
        enum la_net_verdict verdict = la_net_input(h->net, iface, frame, &h->in, h->now);
        verdicts[verdict]++;
        if (verdict == LA_NET_TCP)
            la_frame_free(frame);
        h->now = la_instant_add_us(h->now, 1000);
        la_net_run(h->net, h->now);
        pop_all(h);
        (void)!la_net_udp_receive(h->net, udp, (struct la_room){octets, 64}, NULL, NULL);
    }
    assert_true(verdicts[LA_NET_TAKEN] > 1000 && verdicts[LA_NET_TCP] > 1000);
    assert_true(verdicts[LA_NET_ICMP_ERROR] > 10);
}

#define T(name) cmocka_unit_test_setup_teardown(test_hostile__##name, host_setup, host_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_allocation_fails_in_turn),
        T(no_instance_without_memory),
        T(random_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
