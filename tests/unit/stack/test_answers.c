/* SPDX-License-Identifier: MIT
 *
 * test_answers.c - quick answers are the usual answers, to the octet
 *
 * Read first: stack/cookie.c; tcp/segment.h.
 *
 * Two stacks with one seed get the same segments. To the first somebody listens, and its frames
 * come from memory that is not its own, so that it makes each answer anew in a frame of its own.
 * The other makes them in the frames that they answer, and cookies with a stencil.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lastack/host.h>
#include "base/checksum.h"
#include "base/frame.h"
#include "base/shelf.h"
#include "base/time.h"
#include "stack/instance.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum {
    PORT = 80,
    PORT_CLOSED = 81,
    PACKET_MAX = 200,
    ROUNDS_N = 6000,
    BURST_MAX = 5,
    ANSWERS_MAX = 600
};

struct side {
    struct la_mem *mem, *frames_mem;
    struct la_stack *stack;
    la_handle listener;
};

struct world {
    struct side usual, quick;
    la_instant now;
    struct la_rng rng;
};

struct packet {
    uint8_t octets[PACKET_MAX];
    size_t n;
};

static void
ignore(void *ctx, const struct la_event *event)
{
    (void)ctx;
    (void)event;
}

static void
side_open(struct side *side, bool listens, enum la_syn_cookies cookies, bool checksum_tx,
          la_instant now)
{
    struct la_stack_cfg cfg;
    la_stack_cfg_init(&cfg);
    side->mem = cfg.mem = la_mem_new(la_host_alloc(), 0);
    side->frames_mem = listens ? la_mem_new(la_host_alloc(), 0) : la_mem_ref(side->mem);
    assert_non_null(side->mem);
    assert_non_null(side->frames_mem);
    cfg.seed[0] = 7;
    cfg.syn_cookies = (uint8_t)cookies;
    cfg.tcp.ecn = LA_ECN_ACCEPT;
    if (listens)
        cfg.trace = (struct la_trace){ignore, NULL, LA_EVENT_ALL};
    struct la_iface_cfg iface = {
        .caps = {.layer = LA_LINK_IP, .mtu_bytes = 1500, .checksum_tx = checksum_tx}};
    struct la_addr v4 = la_addr_v4(10, 0, 0, 1), v6 = {{0xfd, [15] = 1}};
    int idx;
    assert_int_equal(la_stack_new(&cfg, now, &side->stack), LA_OK);
    assert_int_equal(la_stack_iface_add(side->stack, &iface, &idx), LA_OK);
    assert_int_equal(la_stack_addr_add(side->stack, idx, &v4, 8), LA_OK);
    assert_int_equal(la_stack_addr_add(side->stack, idx, &v6, 16), LA_OK);
    struct la_endpoint any = {{{0}}, PORT};
    assert_int_equal(la_listener_open(side->stack, &any, 16, NULL, &side->listener, now), LA_OK);
}

static void
side_close(struct side *side)
{
    struct la_mem_stats stats;
    la_stack_free(side->stack);
    la_mem_stats_get(side->mem, &stats);
    assert_int_equal(stats.frames_live_n, 0);
    la_mem_unref(side->frames_mem);
    la_mem_unref(side->mem);
}

static void
world_open(struct world *w, enum la_syn_cookies cookies, bool checksum_tx)
{
    const struct la_seed seed = {{99}};
    w->now = la_instant_of_ns(INT64_C(1000) * LA_NS_PER_S);
    la_rng_init(&w->rng, &seed, "answers");
    side_open(&w->usual, true, cookies, false, w->now);
    side_open(&w->quick, false, cookies, checksum_tx, w->now);
}

static void
world_close(struct world *w)
{
    side_close(&w->usual);
    side_close(&w->quick);
}

/* ---- segments --------------------------------------------------------------------------- */

static void
put_packet(const struct la_tcp_seg *seg, const struct la_addr *src, const struct la_addr *dst,
           struct packet *out)
{
    size_t l4_bytes = la_tcp_seg_header_bytes(seg) + seg->text_bytes, ip_bytes;
    struct la_room room = {out->octets, PACKET_MAX};
    if (la_addr_is_v4(dst)) {
        struct la_ip4 ip = {.src = *src, .dst = *dst, .ttl_hops = 64, .protocol = LA_IP_TCP};
        ip.total_bytes = (uint16_t)(LA_IP4_HEADER_BYTES + l4_bytes);
        ip_bytes = la_ip4_emit(&ip, room);
    } else {
        struct la_ip6 ip = {.src = *src, .dst = *dst, .next_header = LA_IP_TCP, .hop_limit = 64};
        ip.payload_bytes = (uint16_t)l4_bytes;
        ip_bytes = la_ip6_emit(&ip, room);
    }
    uint8_t *tcp = out->octets + ip_bytes;
    out->n = ip_bytes + l4_bytes;
    assert_true(out->n <= PACKET_MAX);
    size_t header_bytes = la_tcp_seg_emit(seg, (struct la_room){tcp, l4_bytes});
    memset(tcp + header_bytes, 'x', seg->text_bytes);
    struct la_ip_pseudo pseudo = {*src, *dst, LA_IP_TCP, (uint32_t)l4_bytes};
    uint32_t sum = la_ip_pseudo_sum(&pseudo) + la_sum_portable(tcp, l4_bytes);
    la_put16(tcp + 16, (uint16_t)~la_sum_fold(sum));
}

/* Mostly SYNs for the listener, with whatever options; of few kinds, so that they repeat. */
static void
make_packet(struct world *w, bool ipv6, struct packet *out)
{
    static const uint8_t has[] = {
        0,
        LA_TCP_HAS_MSS,
        LA_TCP_HAS_MSS | LA_TCP_HAS_TIMESTAMPS,
        LA_TCP_HAS_MSS | LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_SACK_PERMITTED,
        LA_TCP_HAS_MSS | LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_WSCALE,
        LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_WSCALE,
    };
    uint64_t kind = la_rng_below(&w->rng, 3);
    struct la_tcp_seg seg = {
        .seq = la_seq_of((uint32_t)la_rng_next(&w->rng)),
        .ack = la_seq_of((uint32_t)la_rng_next(&w->rng)),
        .src_port = (uint16_t)(1 + la_rng_below(&w->rng, 65535)),
        .dst_port = la_rng_below(&w->rng, 8) == 0 ? PORT_CLOSED : PORT,
        .flags = kind == 0 ? LA_TCP_SYN | LA_TCP_ECE | LA_TCP_CWR : LA_TCP_SYN,
        .wnd = 1000,
        .has = has[(kind + la_rng_below(&w->rng, 2) * 3) % (sizeof(has) / sizeof(has[0]))],
        .mss = (uint16_t)la_rng_below(&w->rng, 9000),
        .wscale = (uint8_t)la_rng_below(&w->rng, 16),
        .ts_val = (uint32_t)la_rng_next(&w->rng),
    };
    if (la_rng_below(&w->rng, 16) == 0)
        seg.flags = (uint8_t)la_rng_next(&w->rng);
    if (la_rng_below(&w->rng, 16) == 0)
        seg.text_bytes = (uint32_t)la_rng_below(&w->rng, 50);
    struct la_addr dst = la_addr_v4(10, 0, 0, 1),
                   src = la_addr_v4(10, 1, (uint8_t)la_rng_below(&w->rng, 4), 7);
    if (ipv6) {
        dst = (struct la_addr){{0xfd, [15] = 1}};
        src = (struct la_addr){{0xfd, 0, 1, [15] = (uint8_t)la_rng_below(&w->rng, 4)}};
    }
    put_packet(&seg, &src, &dst, out);
}

/* ---- both ------------------------------------------------------------------------------- */

static size_t
side_take(const struct side *side, const struct packet *packets, size_t n, struct packet *answers,
          size_t max, la_instant now)
{
    struct la_frame *frames[BURST_MAX], *out[ANSWERS_MAX];
    for (size_t i = 0; i < n; i++) {
        struct la_bytes bytes = {packets[i].octets, packets[i].n};
        frames[i] = la_frame_from_bytes(side->frames_mem, bytes);
        assert_non_null(frames[i]);
    }
    la_stack_input(side->stack, 0, frames, n, now);
    la_stack_run(side->stack, now, 1000);
    size_t answers_n = la_stack_output(side->stack, 0, out, max, now);
    assert_true(answers_n < max);
    for (size_t i = 0; i < answers_n; i++) {
        struct la_frame *f = out[i];
        answers[i].n = la_frame_copy_out(f, 0, answers[i].octets, PACKET_MAX);
        assert_int_equal(answers[i].n, la_frame_len(f));
        if (f->csum == LA_CSUM_PARTIAL) { /* as the link would */
            uint8_t *from = answers[i].octets + f->csum_start;
            size_t sum_n = answers[i].n - f->csum_start;
            la_put16(from + f->csum_off, (uint16_t)~la_sum_portable(from, sum_n));
        }
        la_frame_free(f);
    }
    return answers_n;
}

static void
compare(struct world *w, bool ipv6)
{
    struct packet packets[BURST_MAX];
    static struct packet usual[ANSWERS_MAX], quick[ANSWERS_MAX];
    size_t n = 1 + (size_t)la_rng_below(&w->rng, BURST_MAX);
    for (size_t i = 0; i < n; i++)
        make_packet(w, ipv6, &packets[i]);
    size_t usual_n = side_take(&w->usual, packets, n, usual, ANSWERS_MAX, w->now),
           quick_n = side_take(&w->quick, packets, n, quick, ANSWERS_MAX, w->now);
    assert_int_equal(usual_n, quick_n);
    for (size_t i = 0; i < usual_n; i++) {
        assert_int_equal(usual[i].n, quick[i].n);
        assert_memory_equal(usual[i].octets, quick[i].octets, usual[i].n);
    }
    w->now.ns += (int64_t)la_rng_below(&w->rng, 3 * LA_NS_PER_MS);
}

static void
test_answers__quick_and_usual_are_the_same(void **state)
{
    (void)state;
    static const enum la_syn_cookies cookies[] = {LA_SYN_COOKIES_ALWAYS, LA_SYN_COOKIES_NEVER,
                                                  LA_SYN_COOKIES_WHEN_FULL};
    for (unsigned i = 0; i < 6; i++) {
        struct world w;
        world_open(&w, cookies[i % 3], i >= 3);
        for (unsigned round = 0; round < ROUNDS_N; round++)
            compare(&w, round / 16 % 2 != 0);
        assert_memory_equal(la_stack_stats(w.usual.stack), la_stack_stats(w.quick.stack),
                            sizeof(struct la_stack_stats));
        world_close(&w);
    }
}

/* ---- when the stencil serves ------------------------------------------------------------ */

enum { WINDOW_OFF = LA_IP4_HEADER_BYTES + 14 };

static uint16_t
window_said(struct world *w)
{
    struct la_tcp_seg syn = {.seq = la_seq_of(1),
                             .src_port = (uint16_t)(1 + la_rng_below(&w->rng, 65535)),
                             .dst_port = PORT,
                             .flags = LA_TCP_SYN,
                             .has = LA_TCP_HAS_TIMESTAMPS};
    struct la_addr dst = la_addr_v4(10, 0, 0, 1), src = la_addr_v4(10, 1, 0, 7);
    struct packet packet, answer[2];
    put_packet(&syn, &src, &dst, &packet);
    assert_int_equal(side_take(&w->quick, &packet, 1, answer, 2, w->now), 1);
    return la_get16(answer[0].octets + WINDOW_OFF);
}

static struct la_cookie_form *
form_of(const struct world *w)
{
    return &la_listener_at(w->quick.stack, (uint32_t)w->quick.listener)->cookie_form;
}

static void
test_answers__a_stencil_serves_while_nothing_else_matters(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, LA_SYN_COOKIES_ALWAYS, false);
    uint16_t usual = window_said(&w);
    assert_true(form_of(&w)->stencil.n > LA_TCP_HEADER_BYTES);
    la_put16(form_of(&w)->stencil.octets + 14, 4711); /* a mark: it is what answers are made of */
    assert_int_equal(window_said(&w), 4711);

    struct la_tcp_cfg cfg = w.quick.stack->cfg.tcp; /* another configuration: another answer */
    cfg.rcvbuf_bytes = 5000;
    assert_int_equal(la_listener_tcp_cfg_set(w.quick.stack, w.quick.listener, &cfg), LA_OK);
    assert_int_equal(window_said(&w), 5000);
    assert_int_equal(window_said(&w), 5000);
    cfg.rcvbuf_bytes = 0;
    assert_int_equal(la_listener_tcp_cfg_set(w.quick.stack, w.quick.listener, &cfg), LA_OK);
    assert_int_equal(window_said(&w), usual);

    la_put16(form_of(&w)->stencil.octets + 14, 4711);
    la_mem_trim(w.quick.mem);
    w.quick.mem->budget_bytes = w.quick.mem->used_bytes + 100000; /* memory becomes short */
    uint16_t pressed = window_said(&w);
    assert_true(pressed > 0 && pressed < usual && pressed != 4711);
    w.quick.mem->budget_bytes = 0;
    assert_int_equal(window_said(&w), 4711);
    world_close(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers__quick_and_usual_are_the_same),
        cmocka_unit_test(test_answers__a_stencil_serves_while_nothing_else_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
