/* SPDX-License-Identifier: MIT
 *
 * closing.c - scenarios: how a connection is closed in good order
 */
#include "lab/scenario.h"

#include <stdint.h>

enum { REQUEST_BYTES = 100, ANSWER_BYTES = 3000, LAST_BYTES = 200 };

/* From ESTABLISHED on; the checks of this file look at whole paths. */
#define CLIENT_OPENS LA_TCP_CLOSED, LA_TCP_SYN_SENT, LA_TCP_ESTABLISHED
#define SERVER_OPENS LA_TCP_CLOSED, LA_TCP_LISTEN, LA_TCP_SYN_RECEIVED, LA_TCP_ESTABLISHED

static const uint8_t client_first[] = {CLIENT_OPENS,     LA_TCP_FIN_WAIT_1, LA_TCP_FIN_WAIT_2,
                                       LA_TCP_TIME_WAIT, LA_TCP_CLOSED,     0};
static const uint8_t server_second[] = {SERVER_OPENS, LA_TCP_CLOSE_WAIT, LA_TCP_LAST_ACK,
                                        LA_TCP_CLOSED, 0};
static const uint8_t server_first[] = {SERVER_OPENS,     LA_TCP_FIN_WAIT_1, LA_TCP_FIN_WAIT_2,
                                       LA_TCP_TIME_WAIT, LA_TCP_CLOSED,     0};
static const uint8_t client_second[] = {CLIENT_OPENS, LA_TCP_CLOSE_WAIT, LA_TCP_LAST_ACK,
                                        LA_TCP_CLOSED, 0};
static const uint8_t client_straight[] = {CLIENT_OPENS, LA_TCP_FIN_WAIT_1, LA_TCP_TIME_WAIT,
                                          LA_TCP_CLOSED, 0};
static const uint8_t client_crossing[] = {CLIENT_OPENS,     LA_TCP_FIN_WAIT_1, LA_TCP_CLOSING,
                                          LA_TCP_TIME_WAIT, LA_TCP_CLOSED,     0};
static const uint8_t server_crossing[] = {SERVER_OPENS,     LA_TCP_FIN_WAIT_1, LA_TCP_CLOSING,
                                          LA_TCP_TIME_WAIT, LA_TCP_CLOSED,     0};

static void
expect_paths(struct la_lab *lab, const uint8_t *client, const uint8_t *server)
{
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, client);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, server);
}

/* ---- close ------------------------------------------------------------------------------ */

/* `first` closes; the other end takes its time, longer than it may delay the ACK. */
static void
four_segments(struct la_lab *lab, int first)
{
    int second = 1 - first;
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    la_lab_close(lab, first);
    la_lab_await_state(lab, second, LA_TCP_CLOSE_WAIT);
    la_lab_run(lab, 500);
    la_lab_close(lab, second);
    la_lab_await_quiet(lab);
}

static void
play_close_by_client(struct la_lab *lab)
{
    four_segments(lab, LA_CLIENT);
    la_lab_expect_flow(lab, "C:FA S:A S:FA C:A");
    expect_paths(lab, client_first, server_second);
}

static void
play_close_by_server(struct la_lab *lab)
{
    four_segments(lab, LA_SERVER);
    la_lab_expect_flow(lab, "S:FA C:A C:FA S:A");
    expect_paths(lab, client_second, server_first);
}

static const struct la_lab_part close_parts[] = {
    {"the client closes first", NULL, play_close_by_client},
    {"the server closes first", NULL, play_close_by_server},
};

const struct la_scenario la_scenario_close = {
    .name = "close",
    .summary = "four segments close a connection: FIN, ACK, FIN, ACK",
    .intro =
        "Each direction is closed by itself (RFC 9293 3.6). The end that calls CLOSE first sends a "
        "FIN and waits in FIN-WAIT-1 for its acknowledgement, then in FIN-WAIT-2 for the other's "
        "FIN. The other end learns that nothing more will come (CLOSE-WAIT), closes when it is "
        "done (LAST-ACK), and is finished with the last ACK. The first end stays in TIME-WAIT "
        "for twice the maximum segment lifetime (3.6.1).\n"
        "Who is client and who is server does not matter, only who closes first: the second part "
        "shows it the other way round.",
    .look = "FIN, ACK, FIN, ACK: each FIN counts as one octet and is acknowledged like one.\n"
            "CLOSE-WAIT lasts as long as the application lets it. Many of them on a host mean a "
            "program "
            "that does not close.\n"
            "TIME-WAIT is where CLOSE was called first: 60 s here, although all is said.",
    .parts = close_parts,
    .parts_n = 2,
};

/* ---- close-merged ----------------------------------------------------------------------- */

static void
play_close_merged(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    lab->end[LA_SERVER].closes = true;
    la_lab_close(lab, LA_CLIENT);
    la_lab_await_quiet(lab);
    la_lab_expect_flow(lab, "C:FA S:FA C:A");
    expect_paths(lab, client_straight, server_second);
}

static const struct la_lab_part close_merged_parts[] = {{NULL, NULL, play_close_merged}};

const struct la_scenario la_scenario_close_merged = {
    .name = "close-merged",
    .summary = "three segments close a connection: the ACK rides on the FIN",
    .intro =
        "As in 'close', but the server's application closes as soon as it reads the end of the "
        "client's data. The acknowledgement of the client's FIN is delayed for a short while "
        "(RFC 9293 3.8.6.3, RFC 1122 4.2.3.2), and before that time is over there is a FIN to "
        "send: one segment says both.",
    .look =
        "FIN, FIN,ACK, ACK: three segments instead of four. Most connections on the Internet end "
        "like this.\n"
        "The client never sees FIN-WAIT-2: one segment acknowledges its FIN and brings the "
        "other (RFC 9293 3.10.7.4 eighth).",
    .parts = close_merged_parts,
    .parts_n = 1,
};

/* ---- close-finack ----------------------------------------------------------------------- */

static void
play_close_finack(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_run(lab, 500);
    la_lab_mark(lab);
    la_lab_close(lab, LA_CLIENT);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSE_WAIT);
    la_lab_send_close(lab, LA_SERVER, LAST_BYTES);
    la_lab_await_quiet(lab);
    la_lab_expect_octets(lab, LA_CLIENT, LAST_BYTES);
    la_lab_expect_flow(lab, "C:FA S:FPA C:A");
    expect_paths(lab, client_straight, server_second);
}

static const struct la_lab_part close_finack_parts[] = {{NULL, NULL, play_close_finack}};

const struct la_scenario la_scenario_close_finack = {
    .name = "close-finack",
    .summary = "FIN-WAIT-1 straight to TIME-WAIT, the last octets on board",
    .intro =
        "The client has sent its request and closes. The server has one more answer: octets, "
        "FIN, and the acknowledgement of the client's FIN fit into one segment. The client takes "
        "the octets, sees its own FIN acknowledged and the other's arrive, and goes from "
        "FIN-WAIT-1 to TIME-WAIT in one step (RFC 9293 figure 5, 3.10.7.4 eighth).",
    .look =
        "One segment does three things: it carries the last octets, acknowledges the FIN and is a "
        "FIN.\n"
        "The octets count before the FIN: the last ACK covers them and the FIN together.",
    .parts = close_finack_parts,
    .parts_n = 1,
};

/* ---- close-simultaneous ----------------------------------------------------------------- */

static void
play_close_simultaneous(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_mark(lab);
    for (int end = LA_CLIENT; end <= LA_SERVER; end++)
        la_lab_expect(
            lab, la_conn_close(lab->bed->stack[end], lab->end[end].conn, lab->bed->now) == LA_OK,
            "the %s could not CLOSE", la_lab_end_name(end));
    la_lab_await_quiet(lab);
    la_lab_expect_flow(lab, "C:FA S:FA C:A S:A");
    expect_paths(lab, client_crossing, server_crossing);
}

static const struct la_lab_part close_simultaneous_parts[] = {
    {NULL, NULL, play_close_simultaneous}};

const struct la_scenario la_scenario_close_simultaneous = {
    .name = "close-simultaneous",
    .summary = "both ends close at once, and their FINs cross",
    .intro =
        "Both applications call CLOSE at the same instant. Each end is in FIN-WAIT-1 when the "
        "other's FIN arrives, which acknowledges nothing new: it goes to CLOSING, and from there "
        "to TIME-WAIT when its own FIN is acknowledged (RFC 9293 3.6 figure 13).",
    .look = "Two FINs cross, then two ACKs.\n"
            "Both ends pass through CLOSING and both wait in TIME-WAIT: each closed first.",
    .parts = close_simultaneous_parts,
    .parts_n = 1,
};

/* ---- half-close ------------------------------------------------------------------------- */

static void
play_half_close(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_close(lab, LA_CLIENT);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSE_WAIT);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_FIN_WAIT_2);
    la_lab_run(lab, 200);
    la_lab_mark(lab);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_expect(lab, la_lab_sent(lab, LA_CLIENT, LA_TCP_ACK, LA_TCP_ACK, 0) != NULL,
                  "the client acknowledged nothing after its FIN");
    la_lab_expect(lab, lab->end[LA_CLIENT].state == LA_TCP_FIN_WAIT_2,
                  "the client did not stay in FIN-WAIT-2");
    la_lab_run(lab, 200);
    la_lab_close(lab, LA_SERVER);
    la_lab_await_quiet(lab);
    la_lab_expect_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
    expect_paths(lab, client_first, server_second);
}

static const struct la_lab_part half_close_parts[] = {{NULL, NULL, play_half_close}};

const struct la_scenario la_scenario_half_close = {
    .name = "half-close",
    .summary = "one direction is closed, the other one goes on",
    .intro =
        "CLOSE means \"I have no more to send\", not \"I will not read\" (RFC 9293 3.6). The "
        "client sends its request and closes at once, as a program does with shutdown(SHUT_WR) "
        "to say that the request is complete. The server answers with 3000 octets after it has "
        "received the FIN, and closes in its own time.",
    .look = "Octets flow from the server while it is in CLOSE-WAIT and the client in FIN-WAIT-2.\n"
            "The client goes on acknowledging: its sequence number stays where the FIN left it.",
    .parts = half_close_parts,
    .parts_n = 1,
};
