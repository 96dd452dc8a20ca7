/* SPDX-License-Identifier: MIT
 *
 * opening.c - scenarios: how a connection is opened
 */
#include "lab/scenario.h"

enum { EARLY_BYTES = 100, CLIENT_PORT = 4000, SERVER_PORT = 5000 };

static const uint8_t client_opens[] = {LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_ESTABLISHED, 0};
static const uint8_t server_opens[] = {LA_TCP_CLOSED, LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED,
                                       LA_TCP_ESTABLISHED, 0};

/* ---- handshake -------------------------------------------------------------------------- */

/* Each side acknowledges the other's initial sequence number plus one. */
static void
check_numbers(struct la_lab *lab)
{
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *syn_ack = la_lab_sent(lab, LA_SERVER, LA_TCP_SYN, LA_TCP_SYN, 0);
    const struct la_event *third = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, 0, 0);
    la_lab_expect(lab, syn != NULL && syn_ack != NULL && third != NULL,
                  "not all three segments were sent");
    if (syn == NULL || syn_ack == NULL || third == NULL)
        return;
    la_lab_expect(lab, syn_ack->u.segment.ack == syn->u.segment.seq + 1,
                  "the SYN,ACK does not acknowledge the SYN");
    la_lab_expect(lab,
                  third->u.segment.seq == syn->u.segment.seq + 1 &&
                      third->u.segment.ack == syn_ack->u.segment.seq + 1,
                  "the third segment has the wrong numbers");
    la_lab_expect(lab,
                  (syn->u.segment.has & LA_SEG_HAS_MSS) != 0 &&
                      (syn_ack->u.segment.has & LA_SEG_HAS_MSS) != 0,
                  "a SYN went without the MSS option");
}

static void
play_handshake(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "C:S S:SA C:A");
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, client_opens);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_opens);
    check_numbers(lab);
}

static void
play_handshake_with_data(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_send(lab, LA_CLIENT, EARLY_BYTES); /* queued in SYN-SENT (RFC 9293 3.10.2) */
    la_lab_await_octets(lab, LA_SERVER, EARLY_BYTES);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "C:S S:SA C:PA S:A");
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, client_opens);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server_opens);
    check_numbers(lab);
    la_lab_expect_octets(lab, LA_SERVER, EARLY_BYTES);
}

static const struct la_lab_part handshake_parts[] = {
    {"the three-way handshake", NULL, play_handshake},
    {"SEND before the connection is up: the third segment carries data", NULL,
     play_handshake_with_data},
};

const struct la_scenario la_scenario_handshake = {
    .name = "handshake",
    .summary = "three segments open a connection",
    .intro =
        "The server has done a passive OPEN and listens; the client does an active OPEN. Three "
        "segments follow: SYN with the client's initial sequence number (ISN), SYN,ACK with "
        "the server's, and an ACK of that. A SYN counts as one octet, so each side acknowledges "
        "the other's ISN plus one (RFC 9293 3.5). What the two SYNs carry beside the numbers is "
        "agreed here and never again: maximum segment size, window scale, timestamps.\n"
        "In the second part the client's application sends before the connection is up. The octets "
        "wait and travel with the third segment.",
    .look =
        "Sequence numbers are shown relative to each side's ISN; with --absolute they are the true "
        "ones, which are unpredictable on purpose (RFC 6528).\n"
        "The client is in ESTABLISHED one way earlier than the server, which has to wait for the "
        "third segment.\n"
        "The third segment may carry data: it is an ordinary segment.",
    .parts = handshake_parts,
    .parts_n = 2,
};

/* ---- open-simultaneous ------------------------------------------------------------------ */

static const uint8_t both_open[] = {LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_SYN_RECEIVED_ACTIVE,
                                    LA_TCP_ESTABLISHED, 0};

static void
play_open_simultaneous(struct la_lab *lab)
{
    struct la_endpoint client = {la_bed_addr(LA_CLIENT, false), CLIENT_PORT};
    struct la_endpoint server = {la_bed_addr(LA_SERVER, false), SERVER_PORT};
    la_handle conn[2];
    for (int end = LA_CLIENT; end <= LA_SERVER; end++)
        la_lab_expect(lab,
                      la_conn_open(lab->bed->stack[end], end == LA_CLIENT ? &client : &server,
                                   end == LA_CLIENT ? &server : &client, NULL, &conn[end],
                                   lab->bed->now) == LA_OK,
                      "active OPEN of the %s failed", la_lab_end_name(end));
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    la_lab_expect_flow(lab, "C:S S:S C:SA S:SA");
    la_lab_expect_path(lab, LA_CLIENT, conn[LA_CLIENT], both_open);
    la_lab_expect_path(lab, LA_SERVER, conn[LA_SERVER], both_open);
    la_lab_send(lab, LA_CLIENT, EARLY_BYTES);
    la_lab_await_octets(lab, LA_SERVER, EARLY_BYTES);
    la_lab_expect_octets(lab, LA_SERVER, EARLY_BYTES);
}

static const struct la_lab_part open_simultaneous_parts[] = {{NULL, NULL, play_open_simultaneous}};

const struct la_scenario la_scenario_open_simultaneous = {
    .name = "open-simultaneous",
    .summary = "both ends open actively, and their SYNs cross",
    .intro =
        "Nobody listens. Both ends do an active OPEN towards each other at the same instant, from "
        "ports that they know beforehand. Each is in SYN-SENT when a SYN arrives that "
        "acknowledges nothing; it goes to SYN-RECEIVED and answers with SYN,ACK. Four segments, "
        "and one connection, not two (RFC 9293 3.5 figure 7, MUST-10).",
    .look =
        "Two SYNs cross on the wire, then two SYN,ACKs. Each SYN,ACK repeats the ISN of the SYN "
        "before it.\n"
        "Both ends pass through SYN-RECEIVED, although nobody listened.\n"
        "It is one connection: octets sent at one end arrive at the other.",
    .parts = open_simultaneous_parts,
    .parts_n = 1,
};
