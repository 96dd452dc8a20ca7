/* SPDX-License-Identifier: MIT
 *
 * flood.c - scenarios: half-open connections, a flood of them, and what stands against it
 *
 * Read first: RFC 4987. The flood comes from addresses that nobody has: nobody answers the
 * SYN,ACKs, not even with a RST. It goes onto the wire on the client's side, as if from other hosts
 * there.
 */
#include "lab/gauge.h"
#include "lab/packet.h"
#include "lab/scenario.h"

#include <stdint.h>

#include "base/addr.h"
#include "base/time.h"

enum {
    FORGED_HOST_MIN = 100,
    FORGED_HOSTS_N = 150,
    FORGED_PORT_MIN = 1024,
    FORGED_PORTS_N = 60000
};
enum { QUEUE_N = 32, LARGE_QUEUE_N = 1024, FLOOD_N = 100, FLOOD_MS = 20, LONG_FLOOD_N = 500 };
enum { RETRIES_N = 5, FEW_RETRIES_N = 2, CLIENT_RETRIES_N = 4 };
enum { SMALL_QUEUE_N = 2, CLIENTS_N = 3, FIRST_PORT = 50001 };
enum { REQUEST_BYTES = 100, ANSWER_BYTES = 20000 };
/* Each part has SYNs of its own: somebody who reads all of them as one capture gets none twice. */
enum { SECOND_FROM = 1000, THIRD_FROM = 2000 };
enum { PACKET_BYTES_MAX = 128 };

/* ---- the flood -------------------------------------------------------------------------- */

static bool
is_forged(const struct la_addr *addr)
{
    return la_addr_is_v4(addr) && addr->b[15] >= FORGED_HOST_MIN;
}

static bool
hides_forged(const struct la_lab *lab, const struct la_event *event)
{
    (void)lab;
    return is_forged(&event->local.addr) || is_forged(&event->remote.addr);
}

/* The nth SYN, from an address and a port of its own. */
static void
forge_syn(struct la_lab *lab, uint32_t n)
{
    uint8_t octets[PACKET_BYTES_MAX];
    struct la_addr from = la_addr_v4(10, 0, 0, (uint8_t)(FORGED_HOST_MIN + n % FORGED_HOSTS_N));
    uint16_t port = (uint16_t)(FORGED_PORT_MIN + n * 7919u % FORGED_PORTS_N);
    struct la_lab_packet packet = {
        .src = {from, port},
        .dst = la_lab_server(false),
        .seg = {.seq = la_seq_of(n * UINT32_C(2654435761)),
                .flags = LA_TCP_SYN,
                .wnd = 64240,
                .has = LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED,
                .mss = 1460},
    };
    size_t size = la_lab_packet_make(&packet, (struct la_room){octets, sizeof(octets)});
    la_lab_expect(lab,
                  size != 0 &&
                      la_bed_send_packet(lab->bed, LA_CLIENT, (struct la_bytes){octets, size}) != 0,
                  "no memory for a SYN");
}

/* `n` SYNs from the nth on, one every FLOOD_MS, with a reading of the gauge every `each_n`. */
static void
flood(struct la_lab *lab, struct la_lab_gauge *gauge, uint32_t from, uint32_t n, uint32_t each_n)
{
    for (uint32_t i = 0; i < n && lab->failure[0] == 0; i++) {
        forge_syn(lab, from + i);
        la_lab_run(lab, FLOOD_MS);
        if ((i + 1) % each_n == 0)
            la_lab_gauge_read(gauge, lab, NULL);
    }
}

static void
tell_gauge(const struct la_lab *lab, const struct la_story_cfg *story)
{
    const struct la_lab_gauge *gauge = lab->own;
    if (gauge->n > 0)
        la_lab_gauge_put(gauge, story);
}

/* ---- syn-queue -------------------------------------------------------------------------- */

static void
setup_retries(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_SERVER].r2_syn_n = RETRIES_N;
}

/* One SYN from an address that nobody has. */
static void
play_given_up(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_gauge_read(gauge, lab, "the listener listens");
    forge_syn(lab, 0);
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "a SYN came");
    la_lab_await_state(lab, LA_SERVER, LA_TCP_SYN_RECEIVED);
    la_lab_await_count(lab, LA_SERVER, LA_EVENT_TIMER, LA_TIMER_RETRANSMIT, RETRIES_N);
    la_lab_gauge_read(gauge, lab, "the last SYN,ACK goes out");
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSED);
    la_lab_gauge_read(gauge, lab, "given up");
    const struct la_event *first = la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *over = la_lab_find(lab, LA_SERVER, LA_EVENT_STATE, LA_TCP_CLOSED, 0);
    la_lab_expect(lab,
                  la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, RETRIES_N) != NULL &&
                      la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, RETRIES_N + 1) == NULL,
                  "the SYN,ACK was not sent again %d times", RETRIES_N);
    la_lab_expect(lab,
                  first != NULL && over != NULL &&
                      la_instant_diff_us(over->at, first->at) / LA_US_PER_S == 63,
                  "it was not given up after 63 s");
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 0, "it still stands in the SYN queue");
}

static bool
all_are_up(void *ctx)
{
    const struct la_lab *lab = ctx;
    return la_lab_count(lab, LA_SERVER, LA_EVENT_STATE, LA_TCP_ESTABLISHED) == CLIENTS_N;
}

/* Three clients whose third segments are lost; the queue has room for two. */
static void
play_queue_full(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    struct la_endpoint server = la_lab_server(false);
    la_lab_set(lab, LA_SETTING_MAX_SYN_BACKLOG, SMALL_QUEUE_N);
    la_lab_set(lab, LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_NEVER);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){
                    .flags_mask = LA_TCP_SYN | LA_TCP_ACK, .flags = LA_TCP_ACK, .times_n = 2});
    la_lab_gauge_read(gauge, lab, "the listener listens");
    for (uint16_t i = 0; i < CLIENTS_N; i++) {
        la_lab_open(lab, LA_CLIENT, (uint16_t)(FIRST_PORT + i), &server);
        la_lab_run(lab, 100);
        la_lab_gauge_read(gauge, lab, i < SMALL_QUEUE_N ? "third segment lost" : "SYN dropped");
    }
    struct la_listener_status status = la_lab_queues(lab);
    la_lab_expect(lab, status.syn_queue_n == SMALL_QUEUE_N, "%u half-open connections, not %d",
                  status.syn_queue_n, SMALL_QUEUE_N);
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_SYN_QUEUE_FULL) == 1,
                  "the third SYN was not dropped");
    la_lab_expect(lab, la_lab_await(lab, all_are_up, lab), "not all came up");
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "all are up");
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 0, "the SYN queue is not empty");
}

static const struct la_lab_part syn_queue_parts[] = {
    {"a client that nobody has: SYN,ACK again and again, then given up", setup_retries,
     play_given_up},
    {"the queue is full", NULL, play_queue_full},
};

const struct la_scenario la_scenario_syn_queue = {
    .name = "syn-queue",
    .summary = "half-open connections wait in a queue of their own",
    .intro =
        "A listener has two queues. In the SYN queue are the half-open connections: their SYN has "
        "come, the SYN,ACK is under way, and the third segment is waited for. Complete connections "
        "move on to the accept queue ('backlog'). Each has a limit of its own: the first by the "
        "stack (max_syn_backlog), the second by listen() and somaxconn.\n"
        "In the first part the SYN comes from an address that nobody has. The SYN,ACK is sent "
        "again "
        "after 1, 3, 7, 15 and 31 seconds; after 63 the half-open connection is given up (edge "
        "TIMEOUT_R2). In the second part the queue has room for two, and there are no SYN cookies. "
        "Two third segments are lost, so that both places stay taken, and the SYN of the third "
        "client is dropped.",
    .look = "A half-open connection costs one SYN, and takes its place for a minute.\n"
            "The first two clients are in ESTABLISHED, the server is not: their third segment was "
            "lost. The SYN,ACK that comes again draws it again.\n"
            "The third client notices a slow connection, no more: its SYN comes again after a "
            "second and finds room.",
    .parts = syn_queue_parts,
    .parts_n = 2,
    .tell = tell_gauge,
    .own_bytes = sizeof(struct la_lab_gauge),
};

/* ---- syn-flood -------------------------------------------------------------------------- */

static void
setup_flood(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_SERVER].r2_syn_n = RETRIES_N;
    cfg->tcp[LA_CLIENT].r2_syn_n = CLIENT_RETRIES_N;
}

static void
setup_few_retries(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_SERVER].r2_syn_n = FEW_RETRIES_N;
    cfg->tcp[LA_CLIENT].r2_syn_n = CLIENT_RETRIES_N;
}

static void
open_legitimate(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    la_lab_open(lab, LA_CLIENT, FIRST_PORT, &server);
}

static bool
client_is_up(void *ctx)
{
    const struct la_lab *lab = ctx;
    return lab->end[LA_CLIENT].state == LA_TCP_ESTABLISHED &&
           lab->end[LA_SERVER].state == LA_TCP_ESTABLISHED;
}

static void
play_undefended(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    la_lab_set(lab, LA_SETTING_MAX_SYN_BACKLOG, QUEUE_N);
    la_lab_set(lab, LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_NEVER);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_gauge_read(gauge, lab, "50 SYNs a second begin");
    flood(lab, gauge, 0, FLOOD_N, FLOOD_N / 10);
    la_lab_gauge_read(gauge, lab, "they end; the client opens");
    open_legitimate(lab);
    la_lab_gauge_run(gauge, lab, 6, 5000);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_gauge_read(gauge, lab, "the client has timed out");
    la_lab_expect(lab, lab->end[LA_CLIENT].err == LA_ERR_TIMED_OUT, "the client was told '%s'",
                  la_strerror(lab->end[LA_CLIENT].err));
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == QUEUE_N,
                  "%u half-open connections, not %d", la_lab_queues(lab).syn_queue_n, QUEUE_N);
    la_lab_expect(lab, la_lab_queues(lab).syn_dropped_n > FLOOD_N - QUEUE_N,
                  "%llu SYNs were dropped", (unsigned long long)la_lab_queues(lab).syn_dropped_n);
    la_lab_gauge_run(gauge, lab, 6, 5000);
    la_lab_gauge_run(gauge, lab, 1, 3000);
    la_lab_expect(lab, la_lab_queues(lab).syn_queue_n == 0, "half-open connections live on");
}

/* The legitimate client gets through at once, and what it asks for. */
static void
serve_legitimate(struct la_lab *lab, struct la_lab_gauge *gauge, uint32_t from, uint32_t each_n)
{
    la_instant begun = lab->bed->now;
    open_legitimate(lab);
    la_lab_gauge_read(gauge, lab, "the client opens");
    flood(lab, gauge, from, FLOOD_N / 2, each_n);
    la_lab_expect(lab, client_is_up(lab), "the client did not come up");
    const struct la_event *up = la_lab_find(lab, LA_CLIENT, LA_EVENT_STATE, LA_TCP_ESTABLISHED, 0);
    la_lab_expect(lab, up != NULL && la_instant_diff_us(up->at, begun) < LA_US_PER_S,
                  "the client's SYN had to come again");
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_run(lab, 100);
    la_lab_gauge_read(gauge, lab, "the client has its answer");
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
}

static void
play_defended(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    la_lab_set(lab, LA_SETTING_MAX_SYN_BACKLOG, QUEUE_N);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_gauge_read(gauge, lab, "50 SYNs a second begin");
    flood(lab, gauge, SECOND_FROM, FLOOD_N, FLOOD_N / 10);
    serve_legitimate(lab, gauge, SECOND_FROM + FLOOD_N, FLOOD_N / 10);
    struct la_listener_status status = la_lab_queues(lab);
    la_lab_expect(lab, status.syn_queue_n == QUEUE_N && status.syn_dropped_n == 0,
                  "%u half-open connections, %llu SYNs dropped", status.syn_queue_n,
                  (unsigned long long)status.syn_dropped_n);
    la_lab_expect(lab, status.cookies_sent_n > FLOOD_N && status.cookies_taken_n == 1,
                  "%llu cookies were given out, %llu came back",
                  (unsigned long long)status.cookies_sent_n,
                  (unsigned long long)status.cookies_taken_n);
}

static void
play_enlarged(struct la_lab *lab)
{
    struct la_lab_gauge *gauge = lab->own;
    la_lab_set(lab, LA_SETTING_MAX_SYN_BACKLOG, LARGE_QUEUE_N);
    la_lab_set(lab, LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_NEVER);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_gauge_read(gauge, lab, "50 SYNs a second begin");
    flood(lab, gauge, THIRD_FROM, LONG_FLOOD_N, LONG_FLOOD_N / 10);
    serve_legitimate(lab, gauge, THIRD_FROM + LONG_FLOOD_N, FLOOD_N / 2);
    struct la_listener_status status = la_lab_queues(lab);
    uint32_t steady_n = (1 + 2 + 4) * 1000 / FLOOD_MS;
    la_lab_expect(lab,
                  status.syn_dropped_n == 0 && status.syn_queue_n > steady_n - steady_n / 10 &&
                      status.syn_queue_n < steady_n + steady_n / 10,
                  "%u half-open connections, not about %u", status.syn_queue_n, steady_n);
}

static const struct la_lab_part syn_flood_parts[] = {
    {"no defence: the queue fills, and nobody else gets in", setup_flood, play_undefended},
    {"SYN cookies when the queue is full", setup_flood, play_defended},
    {"a larger queue, and half-open connections given up sooner", setup_few_retries, play_enlarged},
};

const struct la_scenario la_scenario_syn_flood = {
    .name = "syn-flood",
    .summary = "SYNs from nowhere fill the queue; cookies, or a larger one",
    .intro =
        "Somebody sends SYNs from addresses that nobody has, 50 a second (RFC 4987 2). Each "
        "takes a place in the SYN queue, here of 32, and keeps it for as long as the SYN,ACK is "
        "sent again: five times, 63 seconds. A legitimate client comes while the queue is full.\n"
        "In the first part the listener has no defence, as most had in 1996: the client's SYN is "
        "dropped each time that it comes, and it times out. The flood may be slow: 32 SYNs a "
        "minute keep the queue full. In the second part a SYN that finds the queue full is "
        "answered with a cookie ('syn-cookies'): nothing is remembered, nothing is dropped, "
        "and the client notices nothing. The third part does without cookies: the SYN,ACK is sent "
        "again twice only, so that each place is free after 7 seconds, and the queue is as large "
        "as "
        "this rate times this life, and more (RFC 4987 3.2, 3.3). Here a half-open connection is a "
        "small record of 88 octets, a SYN cache (3.5), so that a large queue is cheap.",
    .look = "Half-open connections over time: full after 0.6 s, and for the rest of the minute. "
            "(lastack ss -l shows this column, for a scenario that plays with --live.)\n"
            "The client of the first part: 1, 3, 7, 15 seconds, timed out. It was never told that "
            "anybody is there.\n"
            "With cookies the queue is just as full, and it does not matter.\n"
            "In the third part the queue comes to rest at about 50 a second times 7 seconds.",
    .parts = syn_flood_parts,
    .parts_n = 3,
    .tell = tell_gauge,
    .own_bytes = sizeof(struct la_lab_gauge),
    .hides = hides_forged,
};
