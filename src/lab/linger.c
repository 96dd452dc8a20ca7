/* SPDX-License-Identifier: MIT
 *
 * linger.c - scenario: what close() does with octets that are still to be sent
 *
 * Sockets here never block (lastack/sock.h). Where a program's close() would, the scenario is the
 * one that waits.
 */
#include "lab/calls.h"
#include "lab/scenario.h"

#include "base/time.h"

enum { STREAM_BYTES = 20000, DELAY_MS = 20, RATE_BPS = 4000000, LINGER_S = 2 };

static const uint8_t in_good_order[] = {LA_TCP_CLOSED,
                                        LA_TCP_SYN_SENT,
                                        LA_TCP_ESTABLISHED,
                                        LA_TCP_FIN_WAIT_1,
                                        LA_TCP_TIME_WAIT,
                                        LA_TCP_CLOSED,
                                        0};
static const uint8_t at_once[] = {LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_ESTABLISHED, LA_TCP_CLOSED,
                                  0};

static void
setup_slow_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
}

/* ---- up to close() ---------------------------------------------------------------------- */

static bool
is_up(void *ctx)
{
    const struct la_lab *lab = ctx;
    return lab->end[LA_CLIENT].state == LA_TCP_ESTABLISHED &&
           lab->end[LA_SERVER].state == LA_TCP_ESTABLISHED;
}

/* A connection with that choice for SO_LINGER (-1: off), and octets to be sent. */
static la_sock
begin(struct la_lab *lab, int linger_s)
{
    struct la_lab_calls *calls = lab->own;
    struct la_endpoint server = la_lab_server(false);
    la_sock c = 0;
    la_lab_calls_begin(calls, lab, 1u << LA_CLIENT);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    struct la_socks *socks = calls->socks[LA_CLIENT];
    la_err err = la_sock_open(socks, LA_SOCK_IPV4, LA_SOCK_STREAM, &c);
    if (err == LA_OK)
        err = la_sock_connect(socks, c, &server, lab->bed->now);
    la_lab_expect(lab, err == LA_ERR_IN_PROGRESS, "connect() did not begin: %s", la_strerror(err));
    la_lab_expect(lab, la_lab_await(lab, is_up, lab), "the connection did not come up");
    la_lab_run(lab, 100);
    if (linger_s < 0)
        la_lab_call(calls, LA_CLIENT, "SO_LINGER off");
    else
        la_lab_call(calls, LA_CLIENT, "SO_LINGER on, %d s", linger_s);
    err = la_sock_option_set(socks, c, LA_SO_LINGER_S, linger_s, lab->bed->now);
    la_lab_expect(lab, err == LA_OK, "setsockopt(): %s", la_strerror(err));
    lab->end[LA_SERVER].closes = true;
    la_lab_call(calls, LA_CLIENT, "send(c, %d octets) = %d", STREAM_BYTES, STREAM_BYTES);
    la_lab_send(lab, LA_CLIENT, STREAM_BYTES);
    la_lab_expect(lab, lab->end[LA_CLIENT].to_send_n == 0, "send() did not take all");
    la_lab_run(lab, 5);
    la_lab_mark(lab);
    return c;
}

static void
close_now(struct la_lab *lab, la_sock c)
{
    struct la_lab_calls *calls = lab->own;
    la_err err = la_sock_close(calls->socks[LA_CLIENT], c, lab->bed->now);
    la_lab_expect(lab, err == LA_OK, "close(): %s", la_strerror(err));
    la_bed_settle(lab->bed);
}

/* What close() has to decide about. */
static struct la_conn_status
status_of(const struct la_lab *lab)
{
    struct la_conn_status status = {.send_queue_bytes = 0};
    la_err err = la_conn_status(lab->bed->stack[LA_CLIENT], lab->end[LA_CLIENT].conn, &status);
    return err == LA_OK ? status : (struct la_conn_status){.send_queue_bytes = 0};
}

/* ---- the three cases -------------------------------------------------------------------- */

static void
play_off(struct la_lab *lab)
{
    la_sock c = begin(lab, -1);
    uint32_t left_n = status_of(lab).unsent_bytes;
    la_lab_call(lab->own, LA_CLIENT, "close(c)");
    close_now(lab, c);
    la_lab_call_returns(lab->own, 0, " = 0 at once, %u unsent", left_n);
    la_lab_expect(lab, left_n > 0, "all was sent before close()");
    la_lab_await_quiet(lab);
    la_lab_expect_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, in_good_order);
    la_lab_calls_end(lab->own);
}

static void
play_zero(struct la_lab *lab)
{
    la_sock c = begin(lab, 0);
    uint32_t left_n = status_of(lab).unsent_bytes;
    la_lab_call(lab->own, LA_CLIENT, "close(c)");
    close_now(lab, c);
    la_lab_call_returns(lab->own, 0, " = 0 at once, %u unsent", left_n);
    la_lab_await_quiet(lab);
    la_lab_expect(lab, lab->end[LA_SERVER].received_n < STREAM_BYTES, "nothing was discarded");
    la_lab_expect(lab, lab->end[LA_SERVER].err == LA_ERR_CONNECTION_RESET,
                  "the server was told '%s'", la_strerror(lab->end[LA_SERVER].err));
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, at_once);
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, LA_TCP_FIN, LA_TCP_FIN, 0) == NULL,
                  "a FIN was sent");
    la_lab_calls_end(lab->own);
}

static bool
all_acked(void *ctx)
{
    const struct la_lab *lab = ctx;
    return status_of(lab).send_queue_bytes == 0 && lab->end[LA_CLIENT].state != LA_TCP_FIN_WAIT_1;
}

/* close() that blocks: no more to send, and a wait for its acknowledgement, but no longer than
 * that. Returns how long it took. */
static int64_t
close_and_wait(struct la_lab *lab, la_sock c)
{
    struct la_lab_calls *calls = lab->own;
    la_instant began_at = lab->bed->now;
    la_lab_call(calls, LA_CLIENT, "close(c)");
    la_err err = la_sock_shutdown(calls->socks[LA_CLIENT], c, LA_SHUT_BOTH, lab->bed->now);
    la_lab_expect(lab, err == LA_OK, "close(): %s", la_strerror(err));
    bool in_time =
        la_bed_run(lab->bed, all_acked, lab, la_instant_add_ns(began_at, LINGER_S * LA_NS_PER_S));
    int64_t took_ms = la_instant_diff_us(lab->bed->now, began_at) / LA_US_PER_MS;
    uint32_t left_n = status_of(lab).send_queue_bytes;
    close_now(lab, c);
    if (in_time)
        la_lab_call_returns(calls, 0, " = 0 after %lld ms", (long long)took_ms);
    else
        la_lab_call_returns(calls, 0, " after %lld ms, %u unacked", (long long)took_ms, left_n);
    return took_ms;
}

static void
play_in_time(struct la_lab *lab)
{
    la_sock c = begin(lab, LINGER_S);
    int64_t took_ms = close_and_wait(lab, c);
    la_lab_expect(lab, took_ms >= DELAY_MS * 2 && took_ms < LINGER_S * 1000, "close() took %lld ms",
                  (long long)took_ms);
    la_lab_expect_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_await_quiet(lab);
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, in_good_order);
    la_lab_calls_end(lab->own);
}

static void
play_too_late(struct la_lab *lab)
{
    la_sock c = begin(lab, LINGER_S);
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = UINT32_MAX});
    int64_t took_ms = close_and_wait(lab, c);
    la_lab_expect(lab, took_ms == LINGER_S * INT64_C(1000), "close() took %lld ms",
                  (long long)took_ms);
    la_lab_lose(lab, LA_CLIENT, (struct la_lab_pick){.times_n = 0}); /* the wire is mended */
    la_lab_await_quiet(lab);
    la_lab_expect_octets(lab, LA_SERVER, STREAM_BYTES);
    la_lab_calls_end(lab->own);
}

static void
tell(const struct la_lab *lab, const struct la_story_cfg *story)
{
    la_lab_calls_tell(lab->own, story);
}

static const struct la_lab_part linger_parts[] = {
    {"off: close() returns at once, the stack goes on", setup_slow_path, play_off},
    {"on, 0 seconds: RST, and what was not sent is gone", setup_slow_path, play_zero},
    {"on, 2 seconds: close() waits until all is acknowledged", setup_slow_path, play_in_time},
    {"on, 2 seconds, and the wire is cut for longer", setup_slow_path, play_too_late},
};

const struct la_scenario la_scenario_linger = {
    .name = "linger",
    .summary = "close() with octets still to be sent, and SO_LINGER",
    .intro =
        "The client's program sends 20000 octets and closes 5 ms later, when some of them still "
        "wait in the stack and none is acknowledged. What then? By default close() returns at once "
        "and the stack sends the "
        "rest, then FIN; the program cannot learn whether it arrived. With SO_LINGER on and a time "
        "of zero, close() is ABORT (RFC 9293 3.10.5): the rest is thrown away, a RST goes out, and "
        "nobody waits in TIME-WAIT. With a time above zero, close() waits until all, the FIN too, "
        "is acknowledged, but no longer than that (RFC 9293 3.9.1 leaves it to the interface; "
        "POSIX has it).\n"
        "Reproducible here because time is virtual; the octets' fate is decided by the option "
        "alone.",
    .look =
        "First and third part: the same segments. Only the program's waiting differs.\n"
        "Second part: one RST, the server is told \"connection reset by the peer\", and what it "
        "had not read is lost too. No TIME-WAIT: an old duplicate meets no guard. The "
        "acknowledgements that were under way find no connection, and draw a RST each.\n"
        "Fourth part: when the time is over close() returns, and the stack still goes on in the "
        "background; as soon as the wire is mended all octets arrive.",
    .parts = linger_parts,
    .parts_n = 4,
    .tell = tell,
    .own_bytes = sizeof(struct la_lab_calls),
};
