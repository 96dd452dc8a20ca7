/* SPDX-License-Identifier: MIT
 *
 * test_arrive.c - SEGMENT ARRIVES: every state, every combination of RST, SYN, ACK and FIN, numbers
 * around every edge
 *
 * Read first: RFC 9293 3.10.7; RFC 5961 3 to 5. What must happen is written here a second time,
 * from the RFC's text, as one function per state of 3.10.7.1 to 3.10.7.3 and one for 3.10.7.4.
 * Where the RFC leaves the answer open (a segment to be ignored may still be acknowledged), either
 * is taken. D5 to D7 of docs/deviations.md are expected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

enum { IN_FLIGHT = 100, RCVBUF = 4096, TEXT = 10 };

/* The variables of RFC 9293 3.3.1 as the peer can know them. */
struct vars {
    enum la_tcp_state state;
    la_seq snd_una, snd_nxt, rcv_nxt, irs;
    uint32_t snd_wnd_max, rcv_wnd;
    bool fin_sent;
};

struct world {
    struct peer p;
    struct vars v;
    la_handle conn;
    uint64_t received;
};

static struct world w;
static unsigned failures_n;

/* ---- to the states ---------------------------------------------------------------------- */

static void
small_buffer(struct la_stack_cfg *cfg)
{
    cfg->tcp.rcvbuf_bytes = RCVBUF;
    cfg->tcp.delayed_ack_us = 0;
}

/* Looks at what was sent on the way: the last window that was offered counts. */
static void
look(void)
{
    const struct peer_seg *seg;
    while ((seg = peer_take(&w.p)) != NULL)
        if ((seg->tcp.flags & LA_TCP_ACK) != 0)
            w.v.rcv_wnd =
                (uint32_t)la_seq_diff(la_seq_add(seg->tcp.ack, seg->tcp.wnd), w.p.snd_nxt);
}

static void
to_closed(void)
{
}

static void
to_listen(void)
{
    (void)peer_listen(&w.p, 8);
}

static void
to_syn_sent(void)
{
    w.conn = peer_open(&w.p, NULL);
    look();
    w.v.snd_una = la_seq_sub(w.p.rcv_nxt, 1);
}

static void
to_syn_received(void)
{
    to_listen();
    peer_say_syn(&w.p, LA_TCP_SYN, &peer_plain);
    look();
    w.v.snd_una = la_seq_sub(w.p.rcv_nxt, 1);
}

static void
to_syn_received_active(void)
{
    to_syn_sent();
    peer_say_syn(&w.p, LA_TCP_SYN, &peer_plain);
    look();
}

static void
connected(void)
{
    la_handle listener = peer_listen(&w.p, 8);
    peer_say_syn(&w.p, LA_TCP_SYN, &peer_plain);
    look();
    peer_send(&w.p, LA_TCP_ACK, NULL, 0);
    assert_int_equal(la_listener_accept(w.p.stack, listener, &w.conn, w.p.now), LA_OK);
    assert_int_equal(la_listener_close(w.p.stack, listener, w.p.now), LA_OK);
    w.v.snd_una = w.p.rcv_nxt;
}

static void
to_established(void)
{
    connected();
    peer_user_send(&w.p, w.conn, IN_FLIGHT);
    look();
}

static void
to_established_full(void)
{
    connected();
    for (unsigned i = 0; i < 4; i++)
        peer_send(&w.p, LA_TCP_ACK, NULL, RCVBUF / 4);
    peer_user_send(&w.p, w.conn, IN_FLIGHT);
    look();
    assert_int_equal(w.v.rcv_wnd, 0);
}

static void
to_fin_wait_1(void)
{
    to_established();
    assert_int_equal(la_conn_close(w.p.stack, w.conn, w.p.now), LA_OK);
    peer_collect(&w.p);
    look();
    w.v.fin_sent = true;
}

static void
to_fin_wait_2(void)
{
    to_fin_wait_1();
    w.v.snd_una = w.p.rcv_nxt;
    peer_send(&w.p, LA_TCP_ACK, NULL, 0);
}

/* The peer's FIN, which acknowledges nothing new. */
static void
peer_fin(void)
{
    struct la_tcp_seg seg = peer_usual(&w.p, LA_TCP_FIN | LA_TCP_ACK);
    seg.ack = w.v.snd_una;
    w.p.snd_nxt = la_seq_add(w.p.snd_nxt, 1);
    peer_say(&w.p, &seg, NULL, 0);
    look();
}

static void
to_close_wait(void)
{
    to_established();
    peer_fin();
}

static void
to_closing(void)
{
    to_fin_wait_1();
    peer_fin();
}

static void
to_last_ack(void)
{
    to_close_wait();
    assert_int_equal(la_conn_close(w.p.stack, w.conn, w.p.now), LA_OK);
    peer_collect(&w.p);
    look();
    w.v.fin_sent = true;
}

static void
to_time_wait(void)
{
    to_fin_wait_2();
    peer_fin();
}

static const struct {
    enum la_tcp_state state;
    void (*reach)(void);
} states[] = {
    {LA_TCP_CLOSED, to_closed},
    {LA_TCP_LISTEN, to_listen},
    {LA_TCP_SYN_SENT, to_syn_sent},
    {LA_TCP_SYN_RECEIVED, to_syn_received},
    {LA_TCP_SYN_RECEIVED_ACTIVE, to_syn_received_active},
    {LA_TCP_ESTABLISHED, to_established},
    {LA_TCP_ESTABLISHED, to_established_full},
    {LA_TCP_FIN_WAIT_1, to_fin_wait_1},
    {LA_TCP_FIN_WAIT_2, to_fin_wait_2},
    {LA_TCP_CLOSE_WAIT, to_close_wait},
    {LA_TCP_CLOSING, to_closing},
    {LA_TCP_LAST_ACK, to_last_ack},
    {LA_TCP_TIME_WAIT, to_time_wait},
};

static void
reach(size_t i)
{
    struct peer_cfg cfg = {.stack = small_buffer};
    memset(&w.v, 0, sizeof(w.v));
    w.conn = 0;
    w.received = 0;
    peer_new(&w.p, &cfg);
    states[i].reach();
    w.v.state = states[i].state;
    w.v.snd_nxt = w.p.rcv_nxt;
    w.v.rcv_nxt = w.p.snd_nxt;
    w.v.irs = la_seq_of(w.p.iss);
    w.v.snd_wnd_max = PEER_WND;
    if (w.conn != 0)
        w.received = peer_status(&w.p, w.conn).bytes_received;
    /* LISTEN is the listener's; CLOSED is no record at all. */
    if (w.v.state != LA_TCP_LISTEN)
        assert_int_equal(peer_state(&w.p), w.v.state);
}

/* ---- what the RFC wants ----------------------------------------------------------------- */

enum answer { NOTHING, ACK, ACK_OR_NOTHING, SYN_ACK, RST, RST_ACK };

struct want {
    enum la_tcp_state state;
    enum answer answer;
    la_seq seq, ack;                 /* of the answer */
    enum la_reason reason, reason_2; /* either; both NONE: none */
    uint32_t taken;                  /* octets of text that were received in order */
};

static bool
in_window(const struct vars *v, la_seq seq)
{
    int64_t off = la_seq_diff(seq, v->rcv_nxt);
    return off >= 0 && off < (int64_t)v->rcv_wnd;
}

/* 3.4, the table of four cases. */
static bool
acceptable(const struct vars *v, const struct la_tcp_seg *seg)
{
    if (seg->len == 0)
        return v->rcv_wnd == 0 ? la_seq_eq(seg->seq, v->rcv_nxt) : in_window(v, seg->seq);
    if (v->rcv_wnd == 0)
        return false;
    return in_window(v, seg->seq) || in_window(v, la_seq_add(seg->seq, seg->len - 1));
}

/* The state stays; <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> if `answer` says so. */
static struct want
stay(const struct vars *v, enum answer answer, enum la_reason reason)
{
    return (struct want){v->state, answer, v->snd_nxt, v->rcv_nxt, reason, LA_REASON_NONE, 0};
}

static struct want
rst_with_ack_number(const struct vars *v, const struct la_tcp_seg *seg, enum la_reason reason)
{
    return (struct want){v->state, RST, seg->ack, la_seq_of(0), reason, LA_REASON_NONE, 0};
}

/* 3.10.7.1 */
static struct want
in_closed(const struct vars *v, const struct la_tcp_seg *seg)
{
    if ((seg->flags & LA_TCP_RST) != 0)
        return stay(v, NOTHING, LA_REASON_RST_TO_CLOSED);
    if ((seg->flags & LA_TCP_ACK) != 0)
        return rst_with_ack_number(v, seg, LA_REASON_NO_CONNECTION);
    struct want want = stay(v, RST_ACK, LA_REASON_NO_CONNECTION);
    want.seq = la_seq_of(0);
    want.ack = la_seq_add(seg->seq, seg->len);
    return want;
}

/* 3.10.7.2 */
static struct want
in_listen(const struct vars *v, const struct la_tcp_seg *seg)
{
    if ((seg->flags & LA_TCP_RST) != 0)
        return stay(v, NOTHING, LA_REASON_LISTEN_RST);
    if ((seg->flags & LA_TCP_ACK) != 0)
        return rst_with_ack_number(v, seg, LA_REASON_LISTEN_ACK);
    if ((seg->flags & LA_TCP_SYN) == 0)
        return stay(v, NOTHING, LA_REASON_LISTEN_NO_SYN);
    struct want want = stay(v, SYN_ACK, LA_REASON_NONE);
    want.state = LA_TCP_SYN_RECEIVED;
    want.ack = la_seq_add(seg->seq, 1);
    return want;
}

/* 3.10.7.3. Text and FIN that come with a SYN,ACK count, "continue processing at the sixth step".
 */
static struct want
in_syn_sent(const struct vars *v, const struct la_tcp_seg *seg)
{
    bool ack = (seg->flags & LA_TCP_ACK) != 0;
    bool acks_syn = ack && la_seq_eq(seg->ack, v->snd_nxt);
    bool rst = (seg->flags & LA_TCP_RST) != 0;
    if (ack && !acks_syn) {
        struct want want = rst_with_ack_number(v, seg, LA_REASON_SYN_SENT_ACK_UNACCEPTABLE);
        want.answer = rst ? NOTHING : RST;
        return want;
    }
    if (rst) {
        struct want want = stay(v, NOTHING, LA_REASON_NONE);
        want.state = acks_syn ? LA_TCP_CLOSED : v->state;
        want.reason = acks_syn ? LA_REASON_NONE : LA_REASON_SYN_SENT_RST_UNACCEPTABLE;
        return want;
    }
    if ((seg->flags & LA_TCP_SYN) == 0)
        return stay(v, NOTHING, LA_REASON_SYN_SENT_NO_SYN);
    struct want want = stay(v, acks_syn ? ACK : SYN_ACK, LA_REASON_NONE);
    want.state = acks_syn ? LA_TCP_ESTABLISHED : LA_TCP_SYN_RECEIVED_ACTIVE;
    want.seq = acks_syn ? v->snd_nxt : v->snd_una;
    want.ack = la_seq_add(seg->seq, acks_syn ? seg->len : 1);
    want.taken = acks_syn ? seg->text_bytes : 0;
    if (acks_syn && (seg->flags & LA_TCP_FIN) != 0)
        want.state = LA_TCP_CLOSE_WAIT;
    return want;
}

static bool
is_syn_received(enum la_tcp_state state)
{
    return state == LA_TCP_SYN_RECEIVED || state == LA_TCP_SYN_RECEIVED_ACTIVE;
}

/* First, for a segment that is not acceptable. */
static struct want
not_acceptable(const struct vars *v, const struct la_tcp_seg *seg)
{
    if ((seg->flags & LA_TCP_RST) != 0)
        return stay(v, NOTHING, LA_REASON_RST_OUTSIDE_WINDOW);
    struct want want = stay(v, ACK, LA_REASON_SEQ_OUTSIDE_WINDOW);
    want.reason_2 = LA_REASON_DATA_DUPLICATE;
    if (is_syn_received(v->state) && (seg->flags & LA_TCP_SYN) != 0 &&
        la_seq_eq(seg->seq, v->irs)) { /* D6 */
        want.answer = SYN_ACK;
        want.seq = v->snd_una;
    }
    return want;
}

/* Second: the RST bit of an acceptable segment, with RFC 5961 3.2 and RFC 1337 3 (F1). */
static struct want
with_rst(const struct vars *v, const struct la_tcp_seg *seg)
{
    if (v->state == LA_TCP_TIME_WAIT)
        return stay(v, NOTHING, LA_REASON_RST_IN_TIME_WAIT);
    if (!la_seq_eq(seg->seq, v->rcv_nxt))
        return stay(v, ACK, LA_REASON_RST_IN_WINDOW);
    struct want want = stay(v, NOTHING, LA_REASON_NONE);
    want.state = LA_TCP_CLOSED;
    return want;
}

/* Fifth. *go_on: sixth to eighth follow. */
static struct want
with_ack(struct vars *v, const struct la_tcp_seg *seg, bool *go_on)
{
    *go_on = false;
    bool acks_new = la_seq_gt(seg->ack, v->snd_una) && la_seq_le(seg->ack, v->snd_nxt);
    if (is_syn_received(v->state)) {
        if (!acks_new)
            return rst_with_ack_number(v, seg, LA_REASON_ACK_UNACCEPTABLE);
        v->state = LA_TCP_ESTABLISHED;
        *go_on = true;
        return stay(v, NOTHING, LA_REASON_NONE);
    }
    if (la_seq_gt(seg->ack, v->snd_nxt))
        return stay(v, ACK, LA_REASON_ACK_UNSENT);
    if (la_seq_lt(seg->ack, la_seq_sub(v->snd_una, v->snd_wnd_max))) /* RFC 5961 5.2 */
        return stay(v, ACK, LA_REASON_ACK_TOO_OLD);
    bool fin_acked = v->fin_sent && la_seq_eq(seg->ack, v->snd_nxt);
    *go_on = true;
    if (fin_acked && v->state == LA_TCP_FIN_WAIT_1)
        v->state = LA_TCP_FIN_WAIT_2;
    else if (fin_acked && v->state == LA_TCP_CLOSING)
        v->state = LA_TCP_TIME_WAIT;
    else if (fin_acked && v->state == LA_TCP_LAST_ACK) {
        v->state = LA_TCP_CLOSED;
        *go_on = false;
    }
    return stay(v, NOTHING, LA_REASON_NONE);
}

/* Seventh and eighth. */
static struct want
with_text(struct vars *v, const struct la_tcp_seg *seg)
{
    bool fin = (seg->flags & LA_TCP_FIN) != 0;
    if (seg->len == 0)
        return stay(v, NOTHING, LA_REASON_NONE);
    if (v->state != LA_TCP_ESTABLISHED && v->state != LA_TCP_FIN_WAIT_1 &&
        v->state != LA_TCP_FIN_WAIT_2) {
        struct want ignored = stay(v, ACK_OR_NOTHING, LA_REASON_DATA_AFTER_FIN);
        ignored.reason_2 = LA_REASON_NONE;
        return ignored;
    }
    la_seq end = la_seq_add(seg->seq, seg->text_bytes);
    struct want want = stay(v, ACK, LA_REASON_NONE);
    if (la_seq_gt(end, la_seq_add(v->rcv_nxt, v->rcv_wnd)))
        want.reason = LA_REASON_DATA_BEYOND_WINDOW;
    if (la_seq_gt(seg->seq, v->rcv_nxt))
        return want; /* held, or not: SHLD-31 */
    want.taken = (uint32_t)la_seq_diff(end, v->rcv_nxt);
    want.ack = la_seq_add(end, fin);
    if (fin)
        want.state = v->state == LA_TCP_ESTABLISHED  ? LA_TCP_CLOSE_WAIT
                     : v->state == LA_TCP_FIN_WAIT_1 ? LA_TCP_CLOSING
                                                     : LA_TCP_TIME_WAIT;
    return want;
}

/* 3.10.7.4. Nobody listens here: MAY-2 does not apply, and TIME-WAIT lasts. */
static struct want
in_other_states(struct vars v, struct la_tcp_seg seg)
{
    if (v.state == LA_TCP_SYN_RECEIVED_ACTIVE && la_seq_eq(seg.seq, v.irs) &&
        (seg.flags & (LA_TCP_SYN | LA_TCP_ACK | LA_TCP_RST)) == (LA_TCP_SYN | LA_TCP_ACK)) {
        seg.flags &= (uint16_t)~LA_TCP_SYN; /* D7 */
        seg.seq = la_seq_add(seg.seq, 1);
        seg.len--;
    }
    bool probe = v.rcv_wnd == 0 && la_seq_eq(seg.seq, v.rcv_nxt) && seg.len > 0 &&
                 (seg.flags & LA_TCP_SYN) == 0;
    if (!acceptable(&v, &seg) && !probe)
        return not_acceptable(&v, &seg);
    if ((seg.flags & LA_TCP_RST) != 0)
        return with_rst(&v, &seg);
    if ((seg.flags & LA_TCP_SYN) != 0) {
        struct want want = stay(&v, ACK, LA_REASON_SYN_IN_WINDOW);
        if (v.state == LA_TCP_SYN_RECEIVED) { /* back to LISTEN */
            want = stay(&v, NOTHING, LA_REASON_NONE);
            want.state = LA_TCP_CLOSED;
        }
        return want;
    }
    if ((seg.flags & LA_TCP_ACK) == 0)
        return stay(&v, probe ? ACK : NOTHING, LA_REASON_NO_ACK);
    bool go_on;
    struct want want = with_ack(&v, &seg, &go_on);
    if (probe) { /* its text and FIN count for nothing, but it is answered */
        want.answer = ACK;
        want.reason_2 = LA_REASON_ZERO_WINDOW_PROBE;
        return want;
    }
    return go_on ? with_text(&v, &seg) : want;
}

static struct want
wanted(const struct vars *v, const struct la_tcp_seg *seg)
{
    switch (v->state) {
    case LA_TCP_CLOSED:
        return in_closed(v, seg);
    case LA_TCP_LISTEN:
        return in_listen(v, seg);
    case LA_TCP_SYN_SENT:
        return in_syn_sent(v, seg);
    case LA_TCP_SYN_RECEIVED:
    case LA_TCP_SYN_RECEIVED_ACTIVE:
    case LA_TCP_ESTABLISHED:
    case LA_TCP_FIN_WAIT_1:
    case LA_TCP_FIN_WAIT_2:
    case LA_TCP_CLOSE_WAIT:
    case LA_TCP_CLOSING:
    case LA_TCP_LAST_ACK:
    case LA_TCP_TIME_WAIT:
    case LA_TCP_STATE_COUNT:
        break;
    }
    return in_other_states(*v, *seg);
}

/* ---- the comparison --------------------------------------------------------------------- */

static const char *
flags_text(uint16_t flags, char text[8])
{
    snprintf(text, 8, "%s%s%s%s", (flags & LA_TCP_SYN) != 0 ? "S" : "",
             (flags & LA_TCP_FIN) != 0 ? "F" : "", (flags & LA_TCP_RST) != 0 ? "R" : "",
             (flags & LA_TCP_ACK) != 0 ? "." : "");
    return text;
}

static bool
answer_is(const struct want *want, const struct peer_seg *got)
{
    static const uint16_t flags[] = {
        [ACK] = LA_TCP_ACK,
        [ACK_OR_NOTHING] = LA_TCP_ACK,
        [SYN_ACK] = LA_TCP_SYN | LA_TCP_ACK,
        [RST] = LA_TCP_RST,
        [RST_ACK] = LA_TCP_RST | LA_TCP_ACK,
    };
    if (got == NULL)
        return want->answer == NOTHING || want->answer == ACK_OR_NOTHING;
    if (want->answer == NOTHING || got->tcp.flags != flags[want->answer] || got->tcp.len > 1 ||
        got->tcp.text_bytes != 0)
        return false;
    bool fresh = want->state == LA_TCP_SYN_RECEIVED && want->answer == SYN_ACK &&
                 w.v.state == LA_TCP_LISTEN; /* its ISS is not known before */
    return (fresh || la_seq_eq(got->tcp.seq, want->seq)) &&
           ((got->tcp.flags & LA_TCP_ACK) == 0 || la_seq_eq(got->tcp.ack, want->ack));
}

/* LISTEN is the listener's state: without a record the counts say CLOSED. */
static enum la_tcp_state
counted_as(enum la_tcp_state state)
{
    return state == LA_TCP_LISTEN ? LA_TCP_CLOSED : state;
}

static uint64_t
received_now(void)
{
    struct la_conn_status status;
    if (w.conn == 0 || la_conn_status(w.p.stack, w.conn, &status) != LA_OK)
        return w.received;
    return status.bytes_received;
}

static void
compare(const struct la_tcp_seg *seg, const struct want *want)
{
    const struct peer_seg *got = peer_take(&w.p);
    enum la_tcp_state state = peer_state(&w.p);
    uint64_t taken = received_now() - w.received;
    bool reason_ok = w.p.reason == want->reason || w.p.reason == want->reason_2;
    if (want->state != LA_TCP_CLOSED && w.conn != 0 && taken != want->taken)
        reason_ok = false;
    if (answer_is(want, got) && peer_take(&w.p) == NULL && state == counted_as(want->state) &&
        reason_ok)
        return;
    char flags[8], answered[8];
    failures_n++;
    print_error("%s: %s seq RCV.NXT%+d ack SND.UNA%+d text %u: state %s (wanted %s), answer '%s' "
                "seq SND.NXT%+d ack RCV.NXT%+d (wanted kind %d seq %+d ack %+d), reason %s (wanted "
                "%s or %s), %u octets taken (wanted %u)\n",
                la_tcp_state_name(w.v.state, LA_NAMES_RFC), flags_text(seg->flags, flags),
                la_seq_diff(seg->seq, w.v.rcv_nxt), la_seq_diff(seg->ack, w.v.snd_una),
                seg->text_bytes, la_tcp_state_name(state, LA_NAMES_RFC),
                la_tcp_state_name(want->state, LA_NAMES_RFC),
                got == NULL ? "" : flags_text(got->tcp.flags, answered),
                got == NULL ? 0 : la_seq_diff(got->tcp.seq, w.v.snd_nxt),
                got == NULL ? 0 : la_seq_diff(got->tcp.ack, w.v.rcv_nxt), (int)want->answer,
                la_seq_diff(want->seq, w.v.snd_nxt), la_seq_diff(want->ack, w.v.rcv_nxt),
                la_reason_name(w.p.reason), la_reason_name(want->reason),
                la_reason_name(want->reason_2), (unsigned)taken, want->taken);
}

static void
one_case(size_t i, uint16_t flags, unsigned seq_idx, unsigned ack_idx, uint32_t text_bytes)
{
    reach(i);
    const struct vars *v = &w.v;
    const la_seq seqs[] = {
        la_seq_sub(v->rcv_nxt, TEXT + 1),
        la_seq_sub(v->rcv_nxt, TEXT),
        la_seq_sub(v->rcv_nxt, TEXT / 2),
        la_seq_sub(v->rcv_nxt, 1),
        v->rcv_nxt,
        la_seq_add(v->rcv_nxt, 1),
        la_seq_add(v->rcv_nxt, v->rcv_wnd - TEXT / 2),
        la_seq_add(v->rcv_nxt, v->rcv_wnd - 1),
        la_seq_add(v->rcv_nxt, v->rcv_wnd),
        la_seq_add(v->rcv_nxt, v->rcv_wnd + 1),
        la_seq_add(v->rcv_nxt, UINT32_C(1) << 31),
    };
    const la_seq acks[] = {
        la_seq_sub(v->snd_una, v->snd_wnd_max + 1),
        la_seq_sub(v->snd_una, v->snd_wnd_max),
        la_seq_sub(v->snd_una, 1),
        v->snd_una,
        la_seq_add(v->snd_una, 1),
        la_seq_sub(v->snd_nxt, 1),
        v->snd_nxt,
        la_seq_add(v->snd_nxt, 1),
        la_seq_add(v->snd_una, UINT32_C(1) << 31),
    };
    assert_true(seq_idx < sizeof(seqs) / sizeof(seqs[0]));
    assert_true(ack_idx < sizeof(acks) / sizeof(acks[0]));
    struct la_tcp_seg seg = peer_usual(&w.p, flags);
    seg.seq = seqs[seq_idx];
    seg.ack = (flags & LA_TCP_ACK) != 0 ? acks[ack_idx] : la_seq_of(0);
    seg.text_bytes = text_bytes;
    seg.len = text_bytes + ((flags & LA_TCP_SYN) != 0) + ((flags & LA_TCP_FIN) != 0);
    struct want want = wanted(v, &seg);
    peer_say(&w.p, &seg, NULL, text_bytes);
    compare(&seg, &want);
    peer_free(&w.p);
}

enum { SEQS = 11, ACKS = 9 };

static void
every_number(size_t i, uint16_t flags)
{
    for (unsigned seq = 0; seq < SEQS; seq++)
        for (unsigned ack = 0; ack < ((flags & LA_TCP_ACK) != 0 ? ACKS : 1u); ack++) {
            one_case(i, flags, seq, ack, 0);
            one_case(i, flags, seq, ack, TEXT);
        }
}

enum { ANY = 0, PLAIN = LA_TCP_SYN | LA_TCP_RST };

/* The states [first, last] of the table, every combination of flags whose bits in `mask` are those
 * of `flags`, every number. */
static void
in_states(enum la_tcp_state first, enum la_tcp_state last, uint16_t mask, uint16_t flags)
{
    unsigned states_n = 0;
    failures_n = 0;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (states[i].state < first || states[i].state > last)
            continue;
        states_n++;
        for (unsigned bits = 0; bits < 16; bits++) {
            uint8_t all = (uint8_t)((bits & 7) | ((bits & 8) != 0 ? LA_TCP_ACK : 0));
            if ((all & mask) == flags)
                every_number(i, all);
        }
    }
    assert_int_equal(failures_n, 0);
    assert_true(states_n > last - first);
}

/* LEDGER: FSM-SEG-CLOSED-1, FSM-SEG-CLOSED-2, FSM-SEG-CLOSED-3, FSM-SEG-FIN-0 */
static void
test_arrive__closed(void **state)
{
    (void)state;
    in_states(LA_TCP_CLOSED, LA_TCP_CLOSED, ANY, 0);
}

/* LEDGER: FSM-SEG-LISTEN-1, FSM-SEG-LISTEN-2, FSM-SEG-LISTEN-3, FSM-SEG-LISTEN-4,
 * FSM-SEG-FIN-0 */
static void
test_arrive__listen(void **state)
{
    (void)state;
    in_states(LA_TCP_LISTEN, LA_TCP_LISTEN, ANY, 0);
}

/* LEDGER: FSM-SEG-SYNSENT-1, FSM-SEG-SYNSENT-3, FSM-SEG-SYNSENT-4, FSM-SEG-SYNSENT-5,
 * FSM-SEG-SYNSENT-6 */
static void
test_arrive__syn_sent(void **state)
{
    (void)state;
    in_states(LA_TCP_SYN_SENT, LA_TCP_SYN_SENT, ANY, 0);
}

/* LEDGER: MUST-11, FSM-SEG-RST-1, FSM-SEG-SYN-1, FSM-SEG-ACK-1 */
static void
test_arrive__syn_received(void **state)
{
    (void)state;
    in_states(LA_TCP_SYN_RECEIVED, LA_TCP_SYN_RECEIVED_ACTIVE, ANY, 0);
}

/* LEDGER: SHLD-2, FSM-SEG-RST-2, RFC5961-3, RFC5961-8 */
static void
test_arrive__rst_before_the_end(void **state)
{
    (void)state;
    in_states(LA_TCP_ESTABLISHED, LA_TCP_CLOSE_WAIT, LA_TCP_RST, LA_TCP_RST);
}

/* LEDGER: FSM-SEG-RST-3 */
static void
test_arrive__rst_at_the_end(void **state)
{
    (void)state;
    in_states(LA_TCP_CLOSING, LA_TCP_TIME_WAIT, LA_TCP_RST, LA_TCP_RST);
}

/* LEDGER: MAY-2, FSM-SEG-SYN-2, RFC5961-4 */
static void
test_arrive__syn_when_synchronised(void **state)
{
    (void)state;
    in_states(LA_TCP_ESTABLISHED, LA_TCP_TIME_WAIT, PLAIN, LA_TCP_SYN);
}

/* LEDGER: FSM-SEG-SEQ-3, FSM-SEG-SEQ-5, FSM-SEG-ACK-0, FSM-SEG-ACK-2, FSM-SEG-FIN-1 */
static void
test_arrive__established(void **state)
{
    (void)state;
    in_states(LA_TCP_ESTABLISHED, LA_TCP_ESTABLISHED, PLAIN, 0);
}

/* LEDGER: FSM-SEG-ACK-4, FSM-SEG-FIN-2, FSM-SEG-TEXT-1 */
static void
test_arrive__fin_wait_1(void **state)
{
    (void)state;
    in_states(LA_TCP_FIN_WAIT_1, LA_TCP_FIN_WAIT_1, PLAIN, 0);
}

/* LEDGER: FSM-SEG-FIN-3 */
static void
test_arrive__fin_wait_2(void **state)
{
    (void)state;
    in_states(LA_TCP_FIN_WAIT_2, LA_TCP_FIN_WAIT_2, PLAIN, 0);
}

/* LEDGER: FSM-SEG-ACK-5, FSM-SEG-TEXT-2, FSM-SEG-FIN-4 */
static void
test_arrive__close_wait_and_closing(void **state)
{
    (void)state;
    in_states(LA_TCP_CLOSE_WAIT, LA_TCP_CLOSING, PLAIN, 0);
}

/* LEDGER: FSM-SEG-ACK-6, FSM-SEG-TEXT-2, FSM-SEG-FIN-4, RFC1337-1 */
static void
test_arrive__last_ack_and_time_wait(void **state)
{
    (void)state;
    in_states(LA_TCP_LAST_ACK, LA_TCP_TIME_WAIT, PLAIN, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrive__closed),
        cmocka_unit_test(test_arrive__listen),
        cmocka_unit_test(test_arrive__syn_sent),
        cmocka_unit_test(test_arrive__syn_received),
        cmocka_unit_test(test_arrive__rst_before_the_end),
        cmocka_unit_test(test_arrive__rst_at_the_end),
        cmocka_unit_test(test_arrive__syn_when_synchronised),
        cmocka_unit_test(test_arrive__established),
        cmocka_unit_test(test_arrive__fin_wait_1),
        cmocka_unit_test(test_arrive__fin_wait_2),
        cmocka_unit_test(test_arrive__close_wait_and_closing),
        cmocka_unit_test(test_arrive__last_ack_and_time_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
