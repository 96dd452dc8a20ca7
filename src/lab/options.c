/* SPDX-License-Identifier: MIT
 *
 * options.c - scenarios: what the options of a SYN agree, and what else may stand there
 *
 * Some segments here are made by hand (peer.h): no good client would send them.
 */
#include "lab/peer.h"
#include "lab/scenario.h"

#include <stdint.h>

enum { MSS_LOCAL = 1460, MSS_SMALLER = 1440, MTU_SMALL = 296, MSS_SMALL = 256 };
enum { MSS_DEFAULT_V4 = 536, MSS_DEFAULT_V6 = 1220, ANSWER_BYTES = 4000 };
enum {
    PEER_PORT = 40000,
    ILLEGAL_PORT = 40010,
    PEER_WINDOW = 65535,
    OPTIONS_MSS = 1400,
    TEXT_BYTES = 26
};
static const struct la_bytes nothing = {NULL, 0};

/* ---- mss -------------------------------------------------------------------------------- */

static void
setup_1440(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = cfg->tcp[LA_SERVER].timestamps = false;
    cfg->tcp[LA_SERVER].mss_bytes_max = MSS_SMALLER;
}

static void
setup_mtu_296(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = cfg->tcp[LA_SERVER].timestamps = false;
    cfg->mtu_bytes[LA_CLIENT] = MTU_SMALL;
}

static uint32_t
largest_text(const struct la_lab *lab, int end)
{
    uint32_t most = 0;
    const struct la_event *sent;
    for (size_t nth = 0; (sent = la_lab_sent(lab, end, 0, 0, nth)) != NULL; nth++)
        if (sent->u.segment.len > most)
            most = sent->u.segment.len;
    return most;
}

static void
expect_announced(struct la_lab *lab, int end, unsigned mss)
{
    const struct la_event *syn = la_lab_sent(lab, end, LA_TCP_SYN, LA_TCP_SYN, 0);
    la_lab_expect(lab, syn != NULL && syn->u.segment.mss == mss,
                  "the %s announced an MSS of %u, not %u", la_lab_end_name(end),
                  syn == NULL ? 0u : syn->u.segment.mss, mss);
}

static void
expect_largest(struct la_lab *lab, int end, unsigned mss)
{
    la_lab_expect(lab, largest_text(lab, end) == mss,
                  "the %s's largest segment has %u octets, not %u", la_lab_end_name(end),
                  largest_text(lab, end), mss);
}

/* Both ends send more than one full segment. */
static void
fill_segments(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect_octets(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
}

static void
play_mss_smaller(struct la_lab *lab)
{
    fill_segments(lab);
    expect_announced(lab, LA_CLIENT, MSS_LOCAL);
    expect_announced(lab, LA_SERVER, MSS_SMALLER);
    expect_largest(lab, LA_CLIENT, MSS_SMALLER);
    expect_largest(lab, LA_SERVER, MSS_SMALLER);
}

static void
play_mss_296(struct la_lab *lab)
{
    fill_segments(lab);
    expect_announced(lab, LA_CLIENT, MSS_SMALL);
    expect_announced(lab, LA_SERVER, MSS_LOCAL);
    expect_largest(lab, LA_CLIENT, MSS_SMALL);
    expect_largest(lab, LA_SERVER, MSS_SMALL);
}

/* ---- mss, without the option ------------------------------------------------------------ */

static void
play_mss_default(struct la_lab *lab, bool v6, unsigned mss)
{
    struct la_lab_peer peer;
    la_lab_peer_join(&peer, lab, v6);
    la_lab_peer_open(&peer, PEER_PORT, nothing, PEER_WINDOW);
    la_lab_send(lab, LA_SERVER, 2 * (uint64_t)mss);
    la_lab_peer_await(&peer, 2 * (uint64_t)mss);
    la_lab_expect(lab, peer.text_bytes_max == mss, "the largest segment has %u octets, not %u",
                  peer.text_bytes_max, mss);
    la_lab_peer_says(&peer, LA_TCP_ACK, nothing, nothing);
    la_lab_run(lab, 100);
    la_lab_peer_end(&peer);
    la_lab_peer_fini(&peer);
}

static void
play_mss_default_v4(struct la_lab *lab)
{
    play_mss_default(lab, false, MSS_DEFAULT_V4);
}

static void
play_mss_default_v6(struct la_lab *lab)
{
    play_mss_default(lab, true, MSS_DEFAULT_V6);
}

static const struct la_lab_part mss_parts[] = {
    {"1460 and 1440: both send at most 1440", setup_1440, play_mss_smaller},
    {"one end with MTU 296: both send at most 256", setup_mtu_296, play_mss_296},
    {"no option over IPv4: 536", NULL, play_mss_default_v4},
    {"no option over IPv6: 1220", NULL, play_mss_default_v6},
};

const struct la_scenario la_scenario_mss = {
    .name = "mss",
    .summary = "the maximum segment size: the smaller of what both ends say",
    .intro =
        "Each SYN may announce the largest segment that its sender can take: the MTU of its "
        "interface less 40 octets for IPv4 and TCP headers, 60 for IPv6 (RFC 9293 3.7.1, RFC "
        "6691). It is no negotiation, each end says its own; but nobody sends more than its own "
        "interface takes either, so the smaller one counts in both directions. An Ethernet "
        "gives 1460, PPP over Ethernet 1452, some tunnels 1440, and the MTU of 296 of slow serial "
        "lines "
        "256.\n"
        "Timestamps, off in the first two parts, take 12 octets of each segment without being "
        "counted in the option.\n"
        "In the last two parts a client made by hand sends a SYN without the option. The server "
        "must "
        "then assume 536 over IPv4 and 1220 over IPv6 (MUST-15).",
    .look =
        "mss in the two SYNs, and len of the full segments afterwards.\n"
        "A server that finds no option sends small segments, although the path would take more.",
    .parts = mss_parts,
    .parts_n = 4,
};

/* ---- options ---------------------------------------------------------------------------- */

/* NOP, NOP, MSS 1400, kind 254 (for experiments) with 4 octets, kind 77 without any, NOP,
 * EOL. */
static const uint8_t strange[] = {
    1, 1, 2, 4, OPTIONS_MSS >> 8, OPTIONS_MSS & 0xff, 254, 6, 0, 1, 2, 3, 77, 2, 1, 0};
/* MSS 1400, then kind 30 whose length of 0 would keep a careless reader for ever; SACK-permitted.
 */
static const uint8_t length_zero[] = {2, 4, OPTIONS_MSS >> 8, OPTIONS_MSS & 0xff, 30, 0, 4, 2};
/* MSS 1400, then timestamps that claim to be longer than the header. */
static const uint8_t length_long[] = {2, 4, OPTIONS_MSS >> 8, OPTIONS_MSS & 0xff, 8, 200, 0, 0};
/* A NOP and a kind without a length octet at the very end. */
static const uint8_t length_missing[] = {1, 1, 1, 30};

static uint64_t
malformed_n(const struct la_lab *lab)
{
    return la_stack_stats(lab->bed->stack[LA_SERVER])->reason[LA_REASON_TCP_OPTION_MALFORMED];
}

/* What the server took from the SYN. */
static void
expect_mss_taken(struct la_lab *lab)
{
    const struct la_event *agreed = la_lab_find(lab, LA_SERVER, LA_EVENT_NEGOTIATED, LA_LAB_ANY, 0);
    la_lab_expect(lab, agreed != NULL && agreed->u.negotiated.mss_send == OPTIONS_MSS,
                  "the server did not take the MSS of %d", OPTIONS_MSS);
    la_lab_expect(
        lab, agreed == NULL || (!agreed->u.negotiated.sack && !agreed->u.negotiated.timestamps),
        "the server took an option that it should not have seen");
}

/* A segment with text and those options is taken like any other. */
static void
expect_text_taken(struct la_lab *lab, struct la_lab_peer *peer, struct la_bytes options)
{
    static const uint8_t letters[TEXT_BYTES + 1] = "abcdefghijklmnopqrstuvwxyz";
    uint64_t before_n = lab->end[LA_SERVER].received_n;
    la_lab_peer_says(peer, LA_TCP_ACK | LA_TCP_PSH, options,
                     (struct la_bytes){letters, TEXT_BYTES});
    la_lab_await_octets(lab, LA_SERVER, before_n + TEXT_BYTES);
    la_lab_run(lab, 200);
}

static void
play_real_options(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    for (int end = LA_CLIENT; end <= LA_SERVER; end++) {
        const struct la_event *syn = la_lab_sent(lab, end, LA_TCP_SYN, LA_TCP_SYN, 0);
        la_lab_expect(lab,
                      syn != NULL && (syn->u.segment.has & LA_SEG_HAS_MSS) != 0 &&
                          (syn->u.segment.has & LA_SEG_HAS_TS) != 0 &&
                          (syn->u.segment.has & LA_SEG_HAS_SACK_PERMITTED) != 0 &&
                          syn->u.segment.wscale != 255,
                      "the %s's SYN lacks an option", la_lab_end_name(end));
    }
    /* Kind 5, SACK, is for later segments: one is lost, and the next draws it. */
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){
                    .text_bytes_min = 1, .text_bytes_max = UINT32_MAX, .spare_n = 1, .times_n = 1});
    la_lab_send(lab, LA_CLIENT, TEXT_BYTES);
    la_lab_await_octets(lab, LA_SERVER, TEXT_BYTES);
    la_lab_run(lab, 200);
    la_lab_send(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_SERVER, TEXT_BYTES + ANSWER_BYTES);
    la_lab_run(lab, 200);
    bool sacked = false;
    const struct la_event *sent;
    for (size_t nth = 0; (sent = la_lab_sent(lab, LA_SERVER, 0, 0, nth)) != NULL; nth++)
        sacked |= sent->u.segment.sack_n != 0;
    la_lab_expect(lab, sacked, "the server sent no SACK block");
}

static void
play_unknown(struct la_lab *lab)
{
    struct la_bytes options = {strange, sizeof(strange)};
    struct la_lab_peer peer;
    la_lab_peer_join(&peer, lab, false);
    la_lab_peer_open(&peer, PEER_PORT, options, PEER_WINDOW);
    expect_mss_taken(lab);
    expect_text_taken(lab, &peer, options);
    la_lab_expect(lab, malformed_n(lab) == 0, "an option was called malformed");
    la_lab_peer_end(&peer);
    la_lab_peer_fini(&peer);
}

static void
play_illegal(struct la_lab *lab)
{
    static const struct la_bytes illegal[] = {{length_zero, sizeof(length_zero)},
                                              {length_long, sizeof(length_long)}};
    struct la_lab_peer peer;
    la_lab_peer_join(&peer, lab, false);
    for (uint16_t i = 0; i < 2; i++) {
        uint64_t before_n = malformed_n(lab);
        la_lab_mark(lab);
        la_lab_peer_open(&peer, (uint16_t)(ILLEGAL_PORT + i), illegal[i], PEER_WINDOW);
        expect_mss_taken(lab);
        expect_text_taken(lab, &peer, illegal[i]);
        expect_text_taken(lab, &peer, (struct la_bytes){length_missing, sizeof(length_missing)});
        la_lab_expect(lab, malformed_n(lab) == before_n + 3, "the server did not count them");
        la_lab_peer_end(&peer);
    }
    la_lab_peer_fini(&peer);
}

static const struct la_lab_part options_parts[] = {
    {"what two lastack ends say to each other", NULL, play_real_options},
    {"NOP, unknown kinds, the end of the list", NULL, play_unknown},
    {"illegal lengths", NULL, play_illegal},
};

const struct la_scenario la_scenario_options = {
    .name = "options",
    .summary = "kinds known and unknown, and lengths that cannot be",
    .intro =
        "Options stand between the header and the text: a kind, a length that counts both octets "
        "before it, and data. Two kinds have no length: NOP (1) fills, EOL (0) ends the list (RFC "
        "9293 3.1, 3.2). MSS (2), window scale (3), SACK-permitted (4) and the first timestamp (8) "
        "belong to the SYN; SACK (5) and timestamps travel later: a segment is lost here, so that "
        "both are to be seen.\n"
        "In the second part a client made by hand sends fillers, an experimental and an unassigned "
        "kind: they must be skipped by their length (MUST-6), and nothing behind EOL may be "
        "looked at. In the third part lengths are illegal: 0, longer than the header, or missing. "
        "The "
        "server must survive that (MUST-7); it keeps what stood before and ignores the rest.",
    .look =
        "The server answers each SYN with the options that it understood, and no others.\n"
        "The text of a segment with illegal options is taken all the same.\n"
        "In a capture of part three Wireshark shows the option that it could not read; the stack "
        "counts it.",
    .parts = options_parts,
    .parts_n = 3,
};
