/* SPDX-License-Identifier: MIT
 *
 * sums.c - the Internet checksum, word by word
 *
 * Written out here and not taken from base/checksum.h: the point is that a reader can follow each
 * addition, and that two ways come to the same result.
 *
 * Read first: RFC 1071 1; RFC 9293 3.1 (pseudo-header), RFC 8200 8.1.
 */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "lab/dissect.h"
#include "lab/print.h"
#include "story/text.h"
#include "wire/ethernet.h"
#include "wire/ip.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

enum { CELL_COLUMNS = 17, INDENT = 2, WORD_BYTES = 2 };
enum { IP4_CHECKSUM_OFF = 10, TCP_CHECKSUM_OFF = 16, UDP_CHECKSUM_OFF = 6, ICMP_CHECKSUM_OFF = 2 };

/* ---- over what -------------------------------------------------------------------------- */

/* Frame octets from `off` on, n of them, behind what stands in the sum already. */
static bool
take(struct la_lab_sum *sum, const struct la_lab_frame *frame, size_t off, size_t n,
     size_t checksum_off)
{
    if (off + n > frame->n || checksum_off + WORD_BYTES > n)
        return false;
    memcpy(sum->octets + sum->pseudo_n, frame->octets + off, n);
    la_put16(sum->octets + sum->pseudo_n + checksum_off, 0);
    sum->n = sum->pseudo_n + n;
    sum->off = off;
    sum->field_off = off + checksum_off;
    sum->field = la_get16(frame->octets + sum->field_off);
    return true;
}

bool
la_lab_sum_of_ip(struct la_lab_sum *sum, const struct la_lab_frame *frame)
{
    struct la_ip4_view ip;
    struct la_bytes packet = {frame->octets + LA_ETH_HEADER_BYTES, frame->n - LA_ETH_HEADER_BYTES};
    *sum = (struct la_lab_sum){.name = "IPv4"};
    return frame->n > LA_ETH_HEADER_BYTES && la_ip4_view_init(&ip, packet) &&
           take(sum, frame, LA_ETH_HEADER_BYTES, ip.header_bytes, IP4_CHECKSUM_OFF);
}

static size_t
checksum_off(struct la_lab_sum *sum, uint8_t protocol)
{
    switch (protocol) {
    case LA_IP_TCP:
        sum->name = "TCP";
        return TCP_CHECKSUM_OFF;
    case LA_IP_UDP:
        sum->name = "UDP";
        return UDP_CHECKSUM_OFF;
    case LA_IP_ICMP:
        sum->name = "ICMP";
        return ICMP_CHECKSUM_OFF;
    case LA_IP_ICMPV6:
        sum->name = "ICMPv6";
        return ICMP_CHECKSUM_OFF;
    default:
        return LA_LAB_FRAME_BYTES_MAX;
    }
}

static bool
upper_of_ip4(struct la_lab_sum *sum, const struct la_lab_frame *frame, const struct la_ip4_view *ip)
{
    uint8_t protocol = la_ip4_view_protocol(ip);
    size_t total_bytes = la_ip4_view_total_bytes(ip);
    if (total_bytes < ip->header_bytes)
        return false;
    size_t n = total_bytes - ip->header_bytes;
    size_t field_off = checksum_off(sum, protocol);
    if (protocol != LA_IP_ICMP) { /* RFC 792: ICMP over IPv4 has no pseudo-header */
        memcpy(sum->octets, ip->p + 12, 8);
        sum->octets[9] = protocol;
        la_put16(sum->octets + 10, (uint16_t)n);
        sum->pseudo_n = 12;
    }
    return take(sum, frame, LA_ETH_HEADER_BYTES + (size_t)ip->header_bytes, n, field_off);
}

static bool
upper_of_ip6(struct la_lab_sum *sum, const struct la_lab_frame *frame, const struct la_ip6_view *ip)
{
    uint8_t protocol = la_ip6_view_next_header(ip);
    uint16_t n = la_ip6_view_payload_bytes(ip);
    memcpy(sum->octets, ip->p + 8, 32);
    la_put32(sum->octets + 32, n);
    sum->octets[39] = protocol;
    sum->pseudo_n = LA_LAB_PSEUDO_BYTES_MAX;
    return take(sum, frame, LA_ETH_HEADER_BYTES + LA_IP6_HEADER_BYTES, n,
                checksum_off(sum, protocol));
}

bool
la_lab_sum_of_upper(struct la_lab_sum *sum, const struct la_lab_frame *frame)
{
    struct la_ip4_view v4;
    struct la_ip6_view v6;
    *sum = (struct la_lab_sum){.name = ""};
    if (frame->n <= LA_ETH_HEADER_BYTES)
        return false;
    struct la_bytes packet = {frame->octets + LA_ETH_HEADER_BYTES, frame->n - LA_ETH_HEADER_BYTES};
    if (la_ip4_view_init(&v4, packet))
        return upper_of_ip4(sum, frame, &v4);
    return la_ip6_view_init(&v6, packet) && upper_of_ip6(sum, frame, &v6);
}

/* ---- the sum ---------------------------------------------------------------------------- */

/* An odd last octet is filled up with zero. */
static uint16_t
word_at(const struct la_lab_sum *sum, size_t off)
{
    return off + 1 < sum->n ? la_get16(sum->octets + off) : (uint16_t)(sum->octets[off] << 8);
}

static uint32_t
plain_sum(const struct la_lab_sum *sum)
{
    uint32_t total = 0;
    for (size_t off = 0; off < sum->n; off += WORD_BYTES)
        total += word_at(sum, off);
    return total;
}

uint16_t
la_lab_sum_result(const struct la_lab_sum *sum)
{
    uint32_t total = plain_sum(sum);
    while (total > UINT16_MAX)
        total = (total >> 16) + (total & UINT16_MAX);
    return (uint16_t)~total;
}

/* ---- shown ------------------------------------------------------------------------------ */

static uint32_t
put_words(const struct la_story_cfg *story, const struct la_lab_sum *sum, size_t from, size_t to,
          uint32_t total)
{
    uint32_t width = story->width == 0 ? 80 : story->width;
    uint32_t cells_n = (width - INDENT) / CELL_COLUMNS;
    struct canvas canvas;
    la_canvas_clear(&canvas, width);
    uint32_t cell = 0;
    for (size_t off = from; off < to; off += WORD_BYTES) {
        char text[32];
        total += word_at(sum, off);
        snprintf(text, sizeof(text), "+ %04x", word_at(sum, off));
        uint32_t col = INDENT + cell * CELL_COLUMNS;
        col = la_canvas_put(&canvas, col, STYLE_PLAIN, text);
        snprintf(text, sizeof(text), " = %5x", (unsigned)total);
        la_canvas_put(&canvas, col, STYLE_DIM, text);
        if (++cell == cells_n || off + WORD_BYTES >= to) {
            la_canvas_write(&canvas, story->flags, &story->ladder);
            la_canvas_clear(&canvas, width);
            cell = 0;
        }
    }
    return total;
}

/* The carries come round to the other end until there are none. */
static void
put_fold(const struct la_story_cfg *story, const struct la_lab_sum *sum, uint32_t total)
{
    char text[160];
    size_t n = 0;
    n += (size_t)snprintf(text, sizeof(text), "%s: %x", total > UINT16_MAX ? "carry" : "no carry",
                          (unsigned)total);
    while (total > UINT16_MAX && n < sizeof(text)) {
        uint32_t carry = total >> 16, low = total & UINT16_MAX;
        total = carry + low;
        n += (size_t)snprintf(text + n, sizeof(text) - n, " is %x + %04x = %04x", (unsigned)carry,
                              (unsigned)low, (unsigned)total);
    }
    la_lab_put_prose(story, "  ", text);
    unsigned result = (uint16_t)~total;
    snprintf(text, sizeof(text),
             "complement: ffff - %04x = %04x, and octets %zu and %zu of the frame say %04x: %s",
             (unsigned)total, result, sum->field_off, sum->field_off + 1, sum->field,
             result == sum->field ? "equal" : "NOT equal");
    la_lab_put_prose(story, "  ", text);
}

void
la_lab_sum_put(const struct la_story_cfg *story, const struct la_lab_sum *sum)
{
    char text[160];
    snprintf(text, sizeof(text), "The checksum of %s (RFC 1071)", sum->name);
    la_lab_put_heading(story, text);
    uint32_t total = 0;
    if (sum->pseudo_n != 0) {
        la_lab_put_prose(story, "  ",
                         "The pseudo-header, which is counted and not sent: source, destination, "
                         "protocol, length.");
        total = put_words(story, sum, 0, sum->pseudo_n, total);
    }
    snprintf(text, sizeof(text), "Octets %zu to %zu of the frame, the checksum's own place as 0%s",
             sum->off, sum->off + sum->n - sum->pseudo_n - 1,
             sum->n % 2 != 0 ? ", one octet of 0 behind the odd end." : ".");
    la_lab_put_prose(story, "  ", text);
    total = put_words(story, sum, sum->pseudo_n, sum->n, total);
    put_fold(story, sum, total);
}
