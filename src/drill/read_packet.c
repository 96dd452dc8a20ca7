/* SPDX-License-Identifier: MIT
 *
 * read_packet.c - packet lines: ports, IP marks, flags, numbers, UDP
 *
 * Read first: RFC 9293 3.1 (header).
 */
#include "drill/scan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "wire/tcp.h"

/* ---- what stands before the protocol ---------------------------------------------------- */

static bool
read_mark(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    static const char *const names[] = {"noecn", "ect1", "ect0", "ce"};
    int64_t number = 0;
    for (uint8_t i = 0; i < 4; i++)
        if (la_drill_try_word(s, names[i])) {
            packet->has_ecn = true;
            packet->ecn = i;
            return true;
        }
    if (la_drill_try_word(s, "ect01")) {
        packet->has_ecn = packet->any_ecn = true;
        packet->ecn = LA_IP_ECT_0;
        return true;
    }
    if (la_drill_try_word(s, "tos") || la_drill_try_word(s, "class")) {
        packet->has_tos = la_drill_number(s, 0, UINT8_MAX, &number);
        packet->tos = (uint8_t)number;
        return packet->has_tos;
    }
    if (la_drill_try_word(s, "ttl") || la_drill_try_word(s, "hlim")) {
        packet->has_ttl = la_drill_number(s, 0, UINT8_MAX, &number);
        packet->ttl = (uint8_t)number;
        return packet->has_ttl;
    }
    if (la_drill_try_word(s, "bad_checksum")) {
        packet->bad_checksum = true;
        return !packet->out || la_drill_wrong(s, "bad_checksum is for packets that come in");
    }
    if (la_drill_try_word(s, "reserved")) {
        bool good = la_drill_number(s, 0, 15, &number);
        packet->reserved = (uint8_t)number;
        return good;
    }
    return la_drill_wrong(s, "in [] stand noecn, ect0, ect1, ect01, ce, tos N, ttl N, reserved N "
                             "and bad_checksum");
}

static bool
read_marks(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    const char *closing = la_drill_try(s, "[") ? "]" : la_drill_try(s, "(") ? ")" : NULL;
    if (closing != NULL)
        do {
            if (!read_mark(s, packet))
                return false;
        } while (la_drill_try(s, ",") || !la_drill_try(s, closing));
    return true;
}

/* SRC > DST */
static bool
read_ports(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    int64_t src = 0, dst = 0;
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || *s->p < '0' || *s->p > '9')
        return true;
    packet->has_ports = la_drill_number(s, 0, UINT16_MAX, &src) && la_drill_need(s, ">") &&
                        la_drill_number(s, 0, UINT16_MAX, &dst);
    packet->src_port = (uint16_t)src;
    packet->dst_port = (uint16_t)dst;
    return packet->has_ports;
}

/* ---- TCP -------------------------------------------------------------------------------- */

enum { ACE_UNIT = LA_TCP_ECE }; /* the lowest bit of AE, CWR, ECE (RFC 9768 3.2.2) */

static bool
read_flags(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    static const char letters[] = "FSRP.UEWA";
    bool any = false;
    if (la_drill_try(s, "-"))
        return true;
    la_drill_skip(s);
    for (; !la_drill_at_end(s) && *s->p != ' ' && *s->p != '\t'; s->p++) {
        const char *letter = *s->p == 0 ? NULL : strchr(letters, *s->p);
        if (letter != NULL)
            packet->flags |= (uint16_t)(1u << (letter - letters));
        else if (*s->p >= '0' && *s->p <= '7')
            packet->flags |= (uint16_t)(ACE_UNIT * (*s->p - '0'));
        else
            return la_drill_wrong(s,
                                  "flags are F S R P . (ACK) U E W A, 0 to 7 for the ACE field, "
                                  "or - for none, not '%c'",
                                  *s->p);
        any = true;
    }
    struct la_drill_scan at = *s;
    la_drill_skip_blanks(s);
    if (any && la_drill_try_word(s, ".")) /* F . as some write it */
        packet->flags |= LA_TCP_ACK;
    else
        *s = at;
    return any || la_drill_wrong(s, "the flags are missing");
}

bool
la_drill_read_sequence(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    uint32_t last;
    if (!la_drill_u32(s, &packet->seq) || !la_drill_need(s, ":") || !la_drill_u32(s, &last) ||
        !la_drill_need(s, "(") || !la_drill_u32(s, &packet->len) || !la_drill_need(s, ")"))
        return false;
    packet->absolute_seq = la_drill_try(s, "!");
    if (packet->seq + packet->len != last)
        return la_drill_wrong(s, "%u:%u is not %u octets long", packet->seq, last, packet->len);
    packet->has_seq = true;
    if (packet->len > LA_DRILL_PAYLOAD_BYTES_MAX)
        return la_drill_wrong(s, "a packet has at most %d octets", LA_DRILL_PAYLOAD_BYTES_MAX);
    return true;
}

static bool
read_text(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    la_drill_skip_blanks(s);
    if (la_drill_at_end(s) || *s->p != '"')
        return true;
    s->p++;
    packet->has_text = la_drill_string(s, &packet->text);
    if (packet->has_text && packet->text.n != packet->len)
        return la_drill_wrong(s, "the string has %zu octets, the packet %u", packet->text.n,
                              packet->len);
    return packet->has_text;
}

/* Is `<` here the beginning of options, and not of the next packet on a line without a time? */
static bool
options_follow(struct la_drill_scan *s)
{
    la_drill_skip_blanks(s);
    return !la_drill_at_end(s) && *s->p == '<';
}

static bool
read_tcp(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    int64_t number = 0;
    if (!read_flags(s, packet) || !la_drill_read_sequence(s, packet))
        return false;
    if (la_drill_try_word(s, "ack")) {
        packet->has_ack = la_drill_u32(s, &packet->ack);
        if (!packet->has_ack)
            return false;
        packet->absolute_ack = la_drill_try(s, "!");
    }
    if (la_drill_try_word(s, "win")) {
        packet->has_win = la_drill_number(s, 0, UINT16_MAX, &number);
        packet->win = (uint16_t)number;
        if (!packet->has_win)
            return false;
    }
    if (la_drill_try_word(s, "urg")) {
        packet->has_urg = la_drill_number(s, 0, UINT16_MAX, &number);
        packet->urg = (uint16_t)number;
        if (!packet->has_urg)
            return false;
    }
    if (options_follow(s)) {
        s->p++;
        if (!la_drill_read_options(s, packet))
            return false;
    }
    return read_text(s, packet);
}

/* ---- ICMP and UDP ----------------------------------------------------------------------- */

/* [first:last(len)] before the word icmp, as packetdrill had it first. */
static bool
read_quoted(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    struct la_drill_scan at = *s;
    la_drill_skip_blanks(s);
    if (la_drill_try(s, "[") && !la_drill_at_end(s) && isdigit((unsigned char)*s->p))
        return la_drill_read_sequence(s, packet) && la_drill_need(s, "]");
    *s = at;
    return true;
}

static bool
read_udp(struct la_drill_scan *s, struct la_drill_packet *packet)
{
    packet->protocol = LA_DRILL_UDP;
    return la_drill_need(s, "(") && la_drill_u32(s, &packet->len) && la_drill_need(s, ")") &&
           (packet->len <= LA_DRILL_PAYLOAD_BYTES_MAX ||
            la_drill_wrong(s, "a packet has at most %d octets", LA_DRILL_PAYLOAD_BYTES_MAX)) &&
           read_text(s, packet);
}

bool
la_drill_read_packet(struct la_drill_scan *s, bool out, struct la_drill_packet **result)
{
    struct la_drill_packet *packet = la_drill_scan_take(s, sizeof(*packet));
    *result = packet;
    if (packet == NULL)
        return false;
    packet->out = out;
    if (!read_quoted(s, packet) || !read_marks(s, packet) || !read_ports(s, packet))
        return false;
    if (la_drill_try_word(s, "icmp") || la_drill_try_word(s, "icmpv4") ||
        la_drill_try_word(s, "icmpv6"))
        return la_drill_read_icmp(s, packet);
    if (la_drill_try_word(s, "udp"))
        return read_udp(s, packet);
    packet->protocol = LA_DRILL_TCP;
    return read_tcp(s, packet);
}
