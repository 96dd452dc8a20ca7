/* SPDX-License-Identifier: MIT
 *
 * layers.c - scenario: one segment and its company taken apart, octet by octet
 *
 * The only scenario on an Ethernet: elsewhere the wire carries IP packets.
 */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "lab/dissect.h"
#include "lab/print.h"
#include "lab/scenario.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/icmp6.h"
#include "wire/ip.h"

enum { FRAMES_N_MAX = 16, CLOSED_PORT = 4243, DATAGRAM_BYTES = 25 };
enum { IP4_PROTOCOL_OFF = 23, IP6_NEXT_OFF = 20, ICMP6_TYPE_OFF = 54, ARP_OPERATION_OFF = 20 };

static const char request[] = "GET / HTTP/1.1\r\nHost: server\r\n\r\n";

/* What the wire took, in order: the first frames of a part are those that matter. */
struct own {
    struct la_lab_frame frame[FRAMES_N_MAX];
    size_t frames_n;
};

static bool
keep(void *ctx, const struct la_frame *frame, uint64_t ordinal)
{
    struct own *own = ctx;
    (void)ordinal;
    if (own->frames_n < FRAMES_N_MAX && la_frame_len(frame) <= LA_LAB_FRAME_BYTES_MAX) {
        struct la_lab_frame *copy = &own->frame[own->frames_n++];
        copy->n = la_frame_copy_out(frame, 0, copy->octets, sizeof(copy->octets));
    }
    return false; /* nothing is lost */
}

static void
setup_ethernet(struct la_bed_cfg *cfg)
{
    cfg->layer = LA_LINK_ETHERNET;
}

static void
keep_frames(struct la_lab *lab)
{
    for (int end = LA_CLIENT; end <= LA_SERVER; end++)
        la_wire_drop_set(lab->bed->wire, end, keep, lab->own);
}

/* ---- finding ---------------------------------------------------------------------------- */

/* What a frame is, as far as this scenario tells them apart. */
enum what { OTHER, ARP_REQUEST, ARP_REPLY, SOLICITATION, ADVERTISEMENT, TCP_TEXT, DATAGRAM, ICMP };

static enum what
what_is(const struct la_lab_frame *frame)
{
    const uint8_t *p = frame->octets;
    if (frame->n < LA_ETH_HEADER_BYTES + LA_ARP_BYTES)
        return OTHER;
    uint16_t type = la_get16(p + 12);
    if (type == LA_ETH_ARP)
        return la_get16(p + ARP_OPERATION_OFF) == LA_ARP_REQUEST ? ARP_REQUEST : ARP_REPLY;
    bool v6 = type == LA_ETH_IPV6;
    uint8_t protocol = p[v6 ? IP6_NEXT_OFF : IP4_PROTOCOL_OFF];
    if (protocol == LA_IP_ICMPV6 && frame->n > ICMP6_TYPE_OFF)
        return p[ICMP6_TYPE_OFF] == LA_ICMP6_NEIGHBOUR_SOLICITATION ? SOLICITATION : ADVERTISEMENT;
    if (protocol == LA_IP_UDP)
        return DATAGRAM;
    if (protocol == LA_IP_ICMP)
        return ICMP;
    bool text = frame->n > sizeof(request) - 1 &&
                memcmp(p + frame->n - (sizeof(request) - 1), request, sizeof(request) - 1) == 0;
    return text ? TCP_TEXT : OTHER;
}

static const struct la_lab_frame *
find(const struct la_lab *lab, enum what what)
{
    const struct own *own = lab->own;
    for (size_t i = 0; i < own->frames_n; i++)
        if (what_is(&own->frame[i]) == what)
            return &own->frame[i];
    return NULL;
}

/* It was on the wire, and the checksums that it has are right. */
static void
expect_frame(struct la_lab *lab, enum what what, const char *name, size_t sums_n)
{
    struct la_lab_sum sum;
    const struct la_lab_frame *frame = find(lab, what);
    la_lab_expect(lab, frame != NULL, "%s was not on the wire", name);
    if (frame == NULL)
        return;
    size_t right_n = 0;
    if (la_lab_sum_of_ip(&sum, frame))
        right_n += la_lab_sum_result(&sum) == sum.field;
    if (la_lab_sum_of_upper(&sum, frame))
        right_n += la_lab_sum_result(&sum) == sum.field;
    la_lab_expect(lab, right_n == sums_n, "%s has %zu right checksums, not %zu", name, right_n,
                  sums_n);
}

/* ---- playing ---------------------------------------------------------------------------- */

static void
send_request(struct la_lab *lab, bool v6)
{
    struct la_endpoint server = la_lab_server(v6);
    size_t n = sizeof(request) - 1;
    keep_frames(lab);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_run(lab, 100);
    la_ssize sent_n =
        la_conn_send(lab->bed->stack[LA_CLIENT], lab->end[LA_CLIENT].conn,
                     (struct la_bytes){(const uint8_t *)request, n}, false, lab->bed->now);
    la_lab_expect(lab, sent_n == (la_ssize)n, "the request was not taken");
    la_lab_await_octets(lab, LA_SERVER, n);
    la_lab_run(lab, 100);
    expect_frame(lab, TCP_TEXT, "the segment", v6 ? 1 : 2);
}

static void
play_ip4(struct la_lab *lab)
{
    send_request(lab, false);
    expect_frame(lab, ARP_REQUEST, "an ARP request", 0);
    expect_frame(lab, ARP_REPLY, "an ARP reply", 0);
}

static void
play_ip6(struct la_lab *lab)
{
    send_request(lab, true);
    expect_frame(lab, SOLICITATION, "a neighbour solicitation", 1);
    expect_frame(lab, ADVERTISEMENT, "a neighbour advertisement", 1);
}

static void
play_udp(struct la_lab *lab)
{
    static const char text[DATAGRAM_BYTES + 1] = "is anybody at that port? ";
    struct la_stack *client = lab->bed->stack[LA_CLIENT];
    struct la_endpoint any = {.port = 0};
    struct la_endpoint closed = {la_bed_addr(LA_SERVER, false), CLOSED_PORT};
    la_handle udp = 0;
    uint8_t room[DATAGRAM_BYTES];
    size_t full_n;
    struct la_udp_from from;
    keep_frames(lab);
    la_err err = la_udp_open(client, &any, false, &udp);
    if (err == LA_OK)
        err = la_udp_connect(client, udp, &closed);
    la_lab_expect(lab, err == LA_OK, "no UDP socket: %s", la_strerror(err));
    la_ssize sent_n =
        la_udp_send(client, udp, NULL, &closed,
                    (struct la_bytes){(const uint8_t *)text, DATAGRAM_BYTES}, lab->bed->now);
    la_lab_expect(lab, sent_n == DATAGRAM_BYTES, "the datagram was not taken");
    la_lab_run(lab, 500);
    la_ssize n = la_udp_receive(client, udp, (struct la_room){room, sizeof(room)}, &full_n, &from);
    la_lab_expect(lab, n == LA_ERR_PORT_UNREACHABLE,
                  "the client was not told that nobody is there");
    err = la_udp_close(client, udp);
    la_lab_expect(lab, err == LA_OK, "the socket could not be closed");
    expect_frame(lab, DATAGRAM, "the datagram", 2);
    expect_frame(lab, ICMP, "the answer by ICMP", 2);
}

/* ---- telling ---------------------------------------------------------------------------- */

static void
tell_frame(const struct la_lab *lab, const struct la_story_cfg *story, enum what what,
           const char *title, bool sums)
{
    char text[160];
    struct la_lab_sum sum;
    const struct la_lab_frame *frame = find(lab, what);
    snprintf(text, sizeof(text), "--- %s: %zu octets", title, frame->n);
    la_lab_put_heading(story, text);
    la_lab_dissect(story, frame);
    if (sums && la_lab_sum_of_ip(&sum, frame))
        la_lab_sum_put(story, &sum);
    if (sums && la_lab_sum_of_upper(&sum, frame))
        la_lab_sum_put(story, &sum);
}

/* What this part had, in the order in which it was on the wire. */
static void
tell(const struct la_lab *lab, const struct la_story_cfg *story)
{
    static const struct {
        enum what what;
        const char *title;
        bool sums;
    } frames[] = {
        {ARP_REQUEST, "before the first packet, the client asks", false},
        {ARP_REPLY, "the server answers", false},
        {SOLICITATION, "before the first packet, the client asks", false},
        {ADVERTISEMENT, "the server answers", false},
        {TCP_TEXT, "the segment that carries the request", true},
        {DATAGRAM, "a datagram to a port that nobody has", true},
        {ICMP, "the answer", true},
    };
    bool udp = find(lab, DATAGRAM) != NULL; /* there the question about the card is known */
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
        if (find(lab, frames[i].what) != NULL && !(udp && frames[i].what <= ARP_REPLY)) {
            if (frames[i].what != DATAGRAM) /* before it there is no ladder */
                la_lab_put_text(&story->ladder, "\n");
            tell_frame(lab, story, frames[i].what, frames[i].title, frames[i].sums);
        }
}

static const struct la_lab_part layers_parts[] = {
    {"ARP, and a TCP segment over IPv4", setup_ethernet, play_ip4},
    {"neighbour discovery, and a TCP segment over IPv6", setup_ethernet, play_ip6},
    {"beside TCP: UDP and ICMP (no connection, so no ladder)", setup_ethernet, play_udp},
};

const struct la_scenario la_scenario_layers = {
    .name = "layers",
    .summary = "one segment taken apart: Ethernet, IP, TCP, data",
    .intro =
        "The two hosts are on one Ethernet. A segment travels in a packet, the packet in a frame: "
        "each layer puts its header before what the layer above gave it, and takes it off again at "
        "the other end. Below the ladder each frame is taken apart: where an octet stands, what "
        "it is, what its field is called, what it says. Then the checksums are computed in front "
        "of you: all 16-bit words are added, the carries come round to the other end, and the "
        "complement is what stands in the field (RFC 1071).\n"
        "IP knows hosts and Ethernet knows cards: before the first packet the client must ask "
        "which card has the server's address, by ARP (RFC 826) for IPv4 and by neighbour "
        "discovery (RFC 4861) for IPv6. RARP (RFC 903) asked the other way round: a machine "
        "without a "
        "disk knew its card and asked for its own address; BOOTP and then DHCP took its place.",
    .look =
        "Four layers: 14 octets from card to card, 20 (or 40) from host to host, 32 from program "
        "to program, and the data. Each type or protocol field names the layer above.\n"
        "The ARP request goes to everybody, the neighbour solicitation to a group that hardly "
        "anybody else is in; both answers go to the one who asked.\n"
        "TCP's checksum covers a pseudo-header too: a packet that came to the wrong host does "
        "not pass it. IPv6 has no checksum of its own: the layers above see to it.\n"
        "UDP adds ports and a checksum to IP and nothing else. A closed port is answered by "
        "ICMP, which quotes the packet; TCP would answer with RST (see 'refused').\n"
        "A real card puts a preamble before the frame and 4 octets of checksum behind it, and "
        "fills short frames up to 60 octets; the stack sees none of that.",
    .parts = layers_parts,
    .parts_n = 3,
    .tell = tell,
    .own_bytes = sizeof(struct own),
};
