/* SPDX-License-Identifier: MIT
 *
 * waiting.c - scenarios: TIME-WAIT, and what it is good for
 */
#include "lab/packet.h"
#include "lab/scenario.h"

#include <stdint.h>
#include <string.h>

#include "base/time.h"

enum { CLIENT_PORT = 50000, OLD_BYTES = 300, NEW_BYTES = 120, COPY_BYTES_MAX = 2048 };

static const uint8_t closed_first[] = {
    LA_TCP_CLOSED,     LA_TCP_SYN_SENT,  LA_TCP_ESTABLISHED, LA_TCP_FIN_WAIT_1,
    LA_TCP_FIN_WAIT_2, LA_TCP_TIME_WAIT, LA_TCP_CLOSED,      0};
static const uint8_t closed_second[] = {
    LA_TCP_CLOSED,     LA_TCP_LISTEN,   LA_TCP_SYN_RECEIVED, LA_TCP_ESTABLISHED,
    LA_TCP_CLOSE_WAIT, LA_TCP_LAST_ACK, LA_TCP_CLOSED,       0};

static const uint8_t server_closed_first[] = {
    LA_TCP_CLOSED,      LA_TCP_LISTEN,     LA_TCP_SYN_RECEIVED,
    LA_TCP_ESTABLISHED, LA_TCP_FIN_WAIT_1, LA_TCP_FIN_WAIT_2,
    LA_TCP_TIME_WAIT,   LA_TCP_CLOSED,     0};

/* ---- the lost last ACK ------------------------------------------------------------------ */

static void
expect_two_msl(struct la_lab *lab)
{
    const struct la_event *last = NULL, *ack;
    for (size_t nth = 0; (ack = la_lab_sent(lab, LA_CLIENT, 0, 0, nth)) != NULL; nth++)
        last = ack;
    const struct la_event *closed = la_lab_find(lab, LA_CLIENT, LA_EVENT_STATE, LA_TCP_CLOSED, 0);
    int64_t two_msl_us = 2 * (int64_t)lab->bed->cfg.tcp[LA_CLIENT].msl_ms * LA_US_PER_MS;
    la_lab_expect(lab, last != NULL && closed != NULL && la_lab_apart(last, closed, two_msl_us),
                  "TIME-WAIT did not last 2 MSL from the last ACK on");
}

static void
play_lost_ack(struct la_lab *lab)
{
    la_lab_establish(lab);
    la_lab_run(lab, 100);
    la_lab_close(lab, LA_CLIENT);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_CLOSE_WAIT);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_FIN_WAIT_2);
    la_lab_lose(lab, LA_CLIENT, (struct la_lab_pick){.text_bytes_max = UINT32_MAX, .times_n = 1});
    la_lab_mark(lab);
    la_lab_close(lab, LA_SERVER);
    la_lab_await_quiet(lab);
    la_lab_expect_flow(lab, "S:FA C:A S:FA C:A");
    la_lab_expect(lab, lab->pick[LA_CLIENT].lost_n == 1, "the last ACK was not lost");
    la_lab_expect_path(lab, LA_CLIENT, lab->end[LA_CLIENT].conn, closed_first);
    la_lab_expect_path(lab, LA_SERVER, lab->end[LA_SERVER].conn, closed_second);
    expect_two_msl(lab);
}

/* ---- the old duplicate ------------------------------------------------------------------ */

/* A packet that the network keeps a copy of, and delivers a second time later: the first one with
 * text, or the first one at all. */
struct copy {
    bool of_syn;
    uint8_t octets[COPY_BYTES_MAX];
    size_t n;
};

static bool
keep_copy(void *ctx, const struct la_frame *frame, uint64_t ordinal)
{
    struct copy *copy = ctx;
    struct la_lab_packet packet;
    (void)ordinal;
    if (copy->n == 0 && la_lab_packet_of_frame(&packet, frame) &&
        (packet.seg.text_bytes > 0 || copy->of_syn) && la_frame_len(frame) <= sizeof(copy->octets))
        copy->n = la_frame_copy_out(frame, 0, copy->octets, sizeof(copy->octets));
    return false; /* nothing is lost */
}

/* The first incarnation: the server closes first and waits. */
static void
first_incarnation(struct la_lab *lab, struct copy *copy)
{
    struct la_endpoint server = la_lab_server(false);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_wire_drop_set(lab->bed->wire, LA_CLIENT, keep_copy, copy);
    la_lab_open(lab, LA_CLIENT, CLIENT_PORT, &server);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_send(lab, LA_CLIENT, OLD_BYTES);
    la_lab_await_octets(lab, LA_SERVER, OLD_BYTES);
    la_lab_close(lab, LA_SERVER);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSE_WAIT);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_FIN_WAIT_2);
    la_lab_close(lab, LA_CLIENT);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_CLOSED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_TIME_WAIT);
    la_lab_expect(lab, copy->n != 0, "the network kept no copy");
}

/* The second incarnation, long before 2 MSL are over. */
static void
second_incarnation(struct la_lab *lab)
{
    struct la_endpoint server = la_lab_server(false);
    la_handle old = lab->end[LA_SERVER].conn;
    la_lab_run(lab, 2000);
    la_lab_mark(lab);
    la_lab_open(lab, LA_CLIENT, CLIENT_PORT, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_expect(lab, lab->end[LA_SERVER].conn != old, "the server has no new connection");
    la_lab_send(lab, LA_CLIENT, NEW_BYTES);
    la_lab_await_octets(lab, LA_SERVER, NEW_BYTES);
    la_lab_run(lab, 200);
}

static void
deliver_again(struct la_lab *lab, const struct copy *copy)
{
    struct la_bytes again = {copy->octets, copy->n};
    la_lab_expect(lab, la_bed_send_packet(lab->bed, LA_CLIENT, again) != 0,
                  "no memory for the duplicate");
    la_lab_run(lab, 100);
}

static void
play_old_duplicate(struct la_lab *lab)
{
    struct copy copy = {.n = 0};
    first_incarnation(lab, &copy);
    second_incarnation(lab);
    deliver_again(lab, &copy);
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_PAWS) == 1,
                  "the old duplicate was not recognised");
    la_lab_send(lab, LA_CLIENT, NEW_BYTES);
    la_lab_await_octets(lab, LA_SERVER, 2 * NEW_BYTES);
    la_lab_run(lab, 200);
    la_lab_expect_octets(lab, LA_SERVER, 2 * NEW_BYTES);
}

/* ---- the assassination that fails ------------------------------------------------------- */

static void
play_assassination(struct la_lab *lab)
{
    struct copy copy = {.of_syn = true};
    first_incarnation(lab, &copy);
    la_handle waiting = lab->end[LA_SERVER].conn;
    la_lab_run(lab, 2000);
    la_lab_mark(lab);
    deliver_again(lab, &copy);
    la_lab_expect_flow(lab, "C:S S:A C:R");
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, LA_REASON_RST_IN_TIME_WAIT) == 1,
                  "the RST was not ignored");
    la_lab_expect(
        lab, lab->end[LA_SERVER].conn == waiting && lab->end[LA_SERVER].state == LA_TCP_TIME_WAIT,
        "the server has left TIME-WAIT");
    la_lab_await_quiet(lab);
    la_lab_expect_path(lab, LA_SERVER, waiting, server_closed_first);
}

/* ---- without timestamps ----------------------------------------------------------------- */

static void
setup_plain(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = cfg->tcp[LA_SERVER].timestamps = false;
}

static void
play_by_number(struct la_lab *lab)
{
    struct copy copy = {.of_syn = true};
    first_incarnation(lab, &copy);
    second_incarnation(lab);
    struct la_lab_packet old;
    const struct la_event *syn = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, 0);
    bool read = la_lab_packet_read(&old, (struct la_bytes){copy.octets, copy.n});
    la_lab_expect(lab,
                  read && syn != NULL &&
                      la_seq_lt(la_seq_add(old.seg.seq, OLD_BYTES), la_seq_of(syn->u.segment.seq)),
                  "the new SYN does not begin behind the old connection's numbers");
    la_lab_expect_octets(lab, LA_SERVER, NEW_BYTES);
}

static const struct la_lab_part time_wait_parts[] = {
    {"the last ACK is lost", NULL, play_lost_ack},
    {"a new incarnation, and an old duplicate", NULL, play_old_duplicate},
    {"an old SYN, and a RST that must not end it", NULL, play_assassination},
    {"a new incarnation without timestamps", setup_plain, play_by_number},
};

const struct la_scenario la_scenario_time_wait = {
    .name = "time-wait",
    .summary = "why the end that closes first waits for 2 MSL",
    .intro =
        "TIME-WAIT has two purposes (RFC 9293 3.6.1, RFC 1337). First, somebody must be there to "
        "acknowledge the other's FIN once more if the last ACK was lost; each FIN again starts 2 "
        "MSL again, here 60 s (3.10.7.4 eighth). In the first part the client's last ACK is "
        "lost.\n"
        "Second, segments of the old connection may still wander about, and must not be taken for "
        "part of a new one between the same ports. In the second part the server waits, and the "
        "client opens a new connection from the same port long before the time is over. The "
        "server may accept it if the SYN's timestamp is newer (3.6.1 MAY-2, RFC 6191): the "
        "timestamps then tell old from new. A copy of a data segment of the first "
        "connection, which the network had kept, arrives in the second one.\n"
        "In the third part it is the old SYN that arrives, while the server waits. Its timestamp "
        "is "
        "no newer, so it begins nothing; the server answers with an acknowledgement, and the "
        "client's host, which knows of no connection, answers that with RST. To believe it would "
        "end TIME-WAIT too early: its assassination (RFC 1337), so the server ignores it. In the "
        "fourth part there are no timestamps: then a new SYN must have a number beyond all "
        "numbers of the old connection (3.6.1), and initial numbers grow with time so that it has.",
    .look =
        "The FIN is sent again because nothing answered it, and answered again. Without TIME-WAIT "
        "it would have drawn a RST, and the server would report an error on a connection that "
        "had ended well.\n"
        "TIME-WAIT counts from the last FIN that arrived.\n"
        "The old duplicate has the right ports and a good checksum, but an older timestamp: it "
        "is acknowledged and dropped (PAWS, RFC 7323 5), and its octets are never read.\n"
        "In the third part the server leaves TIME-WAIT by its timer and by nothing else.",
    .parts = time_wait_parts,
    .parts_n = 4,
};
