/* SPDX-License-Identifier: MIT
 *
 * pmtu.c - scenario: the path takes less than the interface
 *
 * Read first: RFC 1191; RFC 8201; RFC 5927 4.1, 7; RFC 4821 7. docs/theory/path-mtu.md has the long
 * form.
 */
#include "lab/router.h"
#include "lab/scenario.h"

#include "base/addr.h"

enum { PATH_MTU = 1200, PATH_MTU_V6 = 1300, HEADERS = 52, HEADERS_V6 = 72, FULL_MSS = 1448 };
enum { SOME_BYTES = 10000, MANY_BYTES = 60000, HOLE_BYTES = 150000 };
enum { RATE_BPS = 10000000, DELAY_MS = 10 };
enum { FORGED_MTU = 68, LIE_MTU = 1000, FAR_OFF = 1 << 20, BASE_MSS = 1024, NEAR_BYTES = 32 };

static struct la_conn_status
client_status(struct la_lab *lab)
{
    struct la_conn_status status = {.mss_send = 0};
    la_err err = la_conn_status(lab->bed->stack[LA_CLIENT], lab->end[LA_CLIENT].conn, &status);
    la_lab_expect(lab, err == LA_OK, "the client has no connection: %s", la_strerror(err));
    return status;
}

static void
expect_mss(struct la_lab *lab, uint32_t mss)
{
    uint32_t is = client_status(lab).mss_send;
    la_lab_expect(lab, is == mss, "the client's segments hold %u octets, not %u", is, mss);
}

static size_t
told_n(const struct la_lab *lab, enum la_loss_rule rule)
{
    return la_lab_count(lab, LA_CLIENT, LA_EVENT_LOSS, rule);
}

/* ---- a router says so ------------------------------------------------------------------- */

static void
setup_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->impair[LA_CLIENT].mtu_bytes = PATH_MTU;
}

static void
setup_path_v6(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
    cfg->impair[LA_CLIENT].mtu_bytes = PATH_MTU_V6;
}

static void
send_through(struct la_lab *lab, struct la_lab_router *router, uint32_t mss)
{
    expect_mss(lab, FULL_MSS - (mss == PATH_MTU_V6 - HEADERS_V6 ? HEADERS_V6 - HEADERS : 0));
    la_lab_send(lab, LA_CLIENT, SOME_BYTES);
    la_lab_router_await_octets(router, SOME_BYTES);
    la_lab_router_run(router, 300);
    expect_mss(lab, mss);
    la_lab_expect(lab, told_n(lab, LA_LOSS_MTU_TOLD) == 1, "it was believed %zu times",
                  told_n(lab, LA_LOSS_MTU_TOLD));
    la_lab_expect(lab, client_status(lab).rto_n == 0, "the timer had to help");
    la_lab_expect_octets(lab, LA_SERVER, SOME_BYTES);
}

static void
play_told(struct la_lab *lab)
{
    struct la_lab_router router;
    la_lab_establish(lab);
    la_lab_router_begin(&router, lab, PATH_MTU);
    send_through(lab, &router, PATH_MTU - HEADERS);
    la_lab_expect(lab, router.told_n >= 4, "the router told %zu times", router.told_n);
    /* Another connection to the same host. */
    struct la_endpoint server = la_lab_server(false);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    expect_mss(lab, PATH_MTU - HEADERS);
    la_lab_expect(lab, told_n(lab, LA_LOSS_MTU_KNOWN) == 1, "the path is not known");
}

static void
play_told_v6(struct la_lab *lab)
{
    struct la_lab_router router;
    struct la_endpoint server = la_lab_server(true);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_router_begin(&router, lab, PATH_MTU_V6);
    send_through(lab, &router, PATH_MTU_V6 - HEADERS_V6);
}

/* ---- lies ------------------------------------------------------------------------------- */

static void
setup_open_path(struct la_bed_cfg *cfg)
{
    la_bed_cfg_path(cfg, DELAY_MS, RATE_BPS);
}

static size_t
ignored_n(const struct la_lab *lab, enum la_reason reason)
{
    return (size_t)la_stack_stats(lab->bed->stack[LA_CLIENT])->reason[reason];
}

/* Forged messages while text is under way; the path takes all of it. */
static void
play_lies(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, MANY_BYTES);
    la_lab_run(lab, 3 * DELAY_MS); /* the first acknowledgements are there */
    const struct la_event *latest = NULL, *sent;
    for (size_t nth = 0; (sent = la_lab_sent(lab, LA_CLIENT, 0, 0, nth)) != NULL; nth++)
        latest = sent;
    la_lab_expect(lab, latest != NULL, "nothing was sent");
    if (latest == NULL)
        return;
    struct la_event about = *latest;
    la_lab_router_tell(lab, &about, LIE_MTU);
    about.u.segment.seq += FAR_OFF;
    la_lab_router_tell(lab, &about, FORGED_MTU);
    la_lab_await_octets(lab, LA_SERVER, MANY_BYTES);
    la_lab_run(lab, 100);
    la_lab_expect(lab, ignored_n(lab, LA_REASON_ICMP_DOUBTED) == 1, "the lie was not doubted");
    la_lab_expect(lab, ignored_n(lab, LA_REASON_ICMP_UNMATCHED) == 1,
                  "a number that is not in flight was believed");
    expect_mss(lab, FULL_MSS);
    la_lab_expect_octets(lab, LA_SERVER, MANY_BYTES);
}

/* ---- a black hole ----------------------------------------------------------------------- */

static void
play_black_hole(struct la_lab *lab)
{
    struct la_lab_router router;
    la_lab_establish(lab);
    la_lab_router_begin(&router, lab, PATH_MTU);
    router.silent = true;
    la_lab_mark(lab);
    la_lab_send(lab, LA_CLIENT, HOLE_BYTES);
    la_lab_router_await_octets(&router, HOLE_BYTES);
    la_lab_run(lab, 300);
    la_lab_expect_octets(lab, LA_SERVER, HOLE_BYTES);
    la_lab_expect(lab, told_n(lab, LA_LOSS_MTU_BLACK_HOLE) == 1, "the hole was not suspected");
    la_lab_expect(lab, told_n(lab, LA_LOSS_MTU_PROBED) >= 1, "nothing larger was found");
    uint32_t mss = client_status(lab).mss_send;
    la_lab_expect(lab, mss > PATH_MTU - HEADERS - NEAR_BYTES && mss <= PATH_MTU - HEADERS,
                  "the search ended at %u octets", mss);
    /* No probe that was lost has reduced the window. */
    la_lab_expect(lab, la_lab_count(lab, LA_CLIENT, LA_EVENT_TIMER, LA_TIMER_RETRANSMIT) == 2,
                  "the timer had to help with the probes");
}

static const struct la_lab_part pmtu_parts[] = {
    {"a router says so, and the next connection knows", setup_path, play_told},
    {"the same with IPv6", setup_path_v6, play_told_v6},
    {"messages that are not believed", setup_open_path, play_lies},
    {"a black hole: nobody says anything", setup_path, play_black_hole},
};

const struct la_scenario la_scenario_pmtu = {
    .name = "pmtu",
    .summary = "the path takes less than the interface; a black hole",
    .intro =
        "The interfaces take 1500 octets, a link on the way from the client 1200 (1300 in the part "
        "with IPv6). Segments may not be fragmented. A router drops what is too big and says so by "
        "ICMP, with the MTU of its next link and the beginning of the packet (RFC 1191, RFC 8201). "
        "The client makes its segments smaller and sends what was lost again at once, one segment "
        "until acknowledgements come: nothing was congested, so the window grows back to what it "
        "was (RFC 8201 5.4). What the router said is remembered for ten minutes.\n"
        "Such a message is easily forged (RFC 5927). It must name a number that is in flight, and "
        "when segments of that size have just been acknowledged it is not believed before the "
        "retransmission timer has expired (part 3).\n"
        "Many networks filter ICMP. Then full segments vanish without a word, and small ones get "
        "through: a connection that opens, and hangs. After two timeouts in a row the client "
        "tries smaller segments (RFC 4821 7.7), and once they arrive, searches for the size that "
        "the path takes, with new data (7.3).",
    .look = "Part 1: no timeout. The router speaks of each segment of the burst; only the first "
            "message changes anything.\n"
            "The second connection says 'known' before it has sent anything.\n"
            "Part 4: two timeouts, then 1024 octets. Each larger segment that is lost is repaired "
            "like any other, but the window stays.",
    .parts = pmtu_parts,
    .parts_n = 4,
};
