/* SPDX-License-Identifier: MIT
 *
 * tcp.c - the TCP header (RFC 9293 3.1, 3.2)
 *
 * Read first: RFC 9293 3.1 and 3.2; RFC 7323 2.2, 3.2 and appendix A; RFC 2018 2 and 3; RFC 5482 3;
 * RFC 7413 4.1.1; RFC 9768 3.2.3.
 *
 * Byte order: network in the view's octets, host in struct la_tcp_seg.
 */
#include "wire/tcp.h"
#include "base/apart.h"
#include "base/assert.h"
#include "base/checksum.h"

#include <string.h>

enum {
    MSS_BYTES = 4,
    WSCALE_BYTES = 3,
    SACK_PERMITTED_BYTES = 2,
    TIMESTAMPS_BYTES = LA_TCP_TIMESTAMPS_OPTION_BYTES,
    USER_TIMEOUT_BYTES = 4,
    FAST_OPEN_HEAD_BYTES = 2,
    EXPERIMENT_ID_BYTES = 2,
    SACK_BLOCK_BYTES = 8,
    ACCECN_HEAD_BYTES = 2,
    ACCECN_FIELD_BYTES = 3,
    /* What each takes when it is emitted, NOPs included. */
    TIMESTAMPS_SPACE = 12,
    SACK_PERMITTED_SPACE = 4,
    WSCALE_SPACE = 4,
    SACK_HEAD_SPACE = 4
};

const char *
la_tcp_flag_name(unsigned bit)
{
    static const char *const names[LA_TCP_FLAGS_N] = {"FIN", "SYN", "RST", "PSH", "ACK",
                                                      "URG", "ECE", "CWR", "AE"};
    LA_ASSERT(bit < LA_TCP_FLAGS_N);
    return names[bit];
}

struct la_tcp_option_iter
la_tcp_option_iter(const struct la_tcp_view *view)
{
    return (struct la_tcp_option_iter){la_tcp_view_options(view), false};
}

bool
la_tcp_option_next(struct la_tcp_option_iter *it, struct la_tcp_option *out)
{
    if (it->malformed || it->rest.n == 0)
        return false;
    const uint8_t *p = it->rest.p;
    if (p[0] == LA_TCP_OPT_EOL)
        return false;
    size_t n = 1; /* NOP has no length (RFC 9293 3.2 case 1) */
    *out = (struct la_tcp_option){p[0], {p + 1, 0}};
    if (p[0] != LA_TCP_OPT_NOP) {
        if (it->rest.n < 2 || p[1] < 2 || p[1] > it->rest.n) {
            it->malformed = true; /* MUST-7: no way to find the next one */
            return false;
        }
        n = p[1];
        out->data = (struct la_bytes){p + 2, n - 2};
    }
    it->rest.p += n;
    it->rest.n -= n;
    return true;
}

/* RFC 2018 3: one to four blocks of 8 octets. The last SACK option counts. */
static bool
judge_sack(struct la_tcp_seg *seg, struct la_bytes data)
{
    if (data.n == 0 || data.n % SACK_BLOCK_BYTES != 0 ||
        data.n / SACK_BLOCK_BYTES > LA_TCP_SACK_MAX)
        return false;
    seg->sack_n = (uint8_t)(data.n / SACK_BLOCK_BYTES);
    for (unsigned i = 0; i < seg->sack_n; i++) {
        const uint8_t *p = data.p + (size_t)i * SACK_BLOCK_BYTES;
        seg->sack[i] = (struct la_tcp_sack){la_seq_of(la_get32(p)), la_seq_of(la_get32(p + 4))};
    }
    return true;
}

/* RFC 7413 4.1.1: none, or 4 to 16 octets, an even number. */
static bool
judge_cookie(struct la_tcp_seg *seg, struct la_bytes data, bool experiment)
{
    if (data.n != 0 &&
        (data.n < LA_TCP_COOKIE_BYTES_MIN || data.n > LA_TCP_COOKIE_BYTES_MAX || data.n % 2 != 0))
        return false;
    seg->cookie = (struct la_tcp_cookie){.n = (uint8_t)data.n, .experiment = experiment};
    memcpy(seg->cookie.bytes, data.p, data.n);
    seg->has |= LA_TCP_HAS_FAST_OPEN;
    return true;
}

/* RFC 9768 3.2.3: whole fields count, whatever the length; a fourth there is not. */
static bool
judge_accecn(struct la_tcp_seg *seg, struct la_bytes data, uint8_t order)
{
    size_t n = data.n / ACCECN_FIELD_BYTES;
    seg->accecn = (struct la_tcp_accecn_option){
        .order = order,
        .n = (uint8_t)(n < LA_TCP_ACCECN_FIELDS ? n : (size_t)LA_TCP_ACCECN_FIELDS)};
    for (unsigned i = 0; i < seg->accecn.n; i++) {
        const uint8_t *p = data.p + (size_t)i * ACCECN_FIELD_BYTES;
        seg->accecn.field[i] = (uint32_t)p[0] << 16 | la_get16(p + 1);
    }
    seg->has |= LA_TCP_HAS_ACCECN;
    return true;
}

/* Others' experiments are none of ours. */
static bool
judge_experiment(struct la_tcp_seg *seg, struct la_bytes data)
{
    if (data.n >= EXPERIMENT_ID_BYTES && la_get16(data.p) == LA_TCP_FAST_OPEN_EXPERIMENT_ID)
        return judge_cookie(
            seg, (struct la_bytes){data.p + EXPERIMENT_ID_BYTES, data.n - EXPERIMENT_ID_BYTES},
            true);
    seg->has |= LA_TCP_HAS_UNKNOWN;
    return true;
}

/* One option; false when its length does not fit its kind. */
static bool
judge_option(struct la_tcp_seg *seg, const struct la_tcp_option *opt)
{
    const uint8_t *p = opt->data.p;
    switch (opt->kind) {
    case LA_TCP_OPT_NOP:
        return true;
    case LA_TCP_OPT_MSS:
        if (opt->data.n != MSS_BYTES - 2)
            return false;
        seg->mss = la_get16(p);
        seg->has |= LA_TCP_HAS_MSS;
        return true;
    case LA_TCP_OPT_WSCALE:
        if (opt->data.n != WSCALE_BYTES - 2)
            return false;
        seg->wscale = p[0];
        seg->has |= LA_TCP_HAS_WSCALE;
        return true;
    case LA_TCP_OPT_SACK_PERMITTED:
        if (opt->data.n != SACK_PERMITTED_BYTES - 2)
            return false;
        seg->has |= LA_TCP_HAS_SACK_PERMITTED;
        return true;
    case LA_TCP_OPT_SACK:
        return judge_sack(seg, opt->data);
    case LA_TCP_OPT_TIMESTAMPS:
        if (opt->data.n != TIMESTAMPS_BYTES - 2)
            return false;
        seg->ts_val = la_get32(p);
        seg->ts_ecr = la_get32(p + 4);
        seg->has |= LA_TCP_HAS_TIMESTAMPS;
        return true;
    case LA_TCP_OPT_USER_TIMEOUT:
        if (opt->data.n != USER_TIMEOUT_BYTES - 2)
            return false;
        seg->user_timeout = la_get16(p);
        seg->has |= LA_TCP_HAS_USER_TIMEOUT;
        return true;
    case LA_TCP_OPT_FAST_OPEN:
        return judge_cookie(seg, opt->data, false);
    case LA_TCP_OPT_ACCECN_0:
    case LA_TCP_OPT_ACCECN_1:
        return judge_accecn(seg, opt->data, opt->kind == LA_TCP_OPT_ACCECN_1);
    case LA_TCP_OPT_EXPERIMENT_1:
    case LA_TCP_OPT_EXPERIMENT_2:
        return judge_experiment(seg, opt->data);
    default:
        seg->has |= LA_TCP_HAS_UNKNOWN;
        return true;
    }
}

/* The layout of a SYN as Linux sends it, and this library. */
static bool
judge_usual_syn(struct la_tcp_seg *seg, struct la_bytes options)
{
    static const uint8_t before_mss[2] = {LA_TCP_OPT_MSS, MSS_BYTES};
    static const uint8_t before_stamps[4] = {LA_TCP_OPT_SACK_PERMITTED, SACK_PERMITTED_BYTES,
                                             LA_TCP_OPT_TIMESTAMPS, TIMESTAMPS_BYTES};
    static const uint8_t before_shift[3] = {LA_TCP_OPT_NOP, LA_TCP_OPT_WSCALE, WSCALE_BYTES};
    const uint8_t *p = options.p;
    if (options.n != MSS_BYTES + TIMESTAMPS_SPACE + WSCALE_SPACE ||
        memcmp(p, before_mss, sizeof before_mss) != 0 ||
        memcmp(p + 4, before_stamps, sizeof before_stamps) != 0 ||
        memcmp(p + 16, before_shift, sizeof before_shift) != 0)
        return false;
    seg->mss = la_get16(p + 2);
    seg->ts_val = la_get32(p + 8);
    seg->ts_ecr = la_get32(p + 12);
    seg->wscale = p[19];
    seg->has =
        LA_TCP_HAS_MSS | LA_TCP_HAS_SACK_PERMITTED | LA_TCP_HAS_TIMESTAMPS | LA_TCP_HAS_WSCALE;
    return true;
}

static void
judge_each_option(struct la_tcp_seg *seg, struct la_tcp_option_iter it)
{
    struct la_tcp_option opt;
    while (la_tcp_option_next(&it, &opt)) {
        if (!judge_option(seg, &opt))
            seg->has |= LA_TCP_HAS_MALFORMED;
    }
    if (it.malformed)
        seg->has |= LA_TCP_HAS_MALFORMED;
}

LA_APART void
la_tcp_options_judge(struct la_tcp_seg *seg, struct la_tcp_view view)
{
    if (!judge_usual_syn(seg, la_tcp_view_options(&view)))
        judge_each_option(seg, la_tcp_option_iter(&view));
}

void
la_tcp_seg_judge(struct la_tcp_seg *seg, const struct la_tcp_view *view, uint32_t text_bytes)
{
    la_tcp_seg_take(seg, view, text_bytes);
}

/* With NOPs to the next four octets. */
static size_t
accecn_space(const struct la_tcp_seg *seg)
{
    size_t n = ACCECN_HEAD_BYTES + (size_t)seg->accecn.n * ACCECN_FIELD_BYTES;
    return (n + 3) / 4 * 4;
}

/* Octets of all options but SACK and the cookie. */
static size_t
fixed_bytes(const struct la_tcp_seg *seg)
{
    size_t n = 0;
    if (seg->has & LA_TCP_HAS_MSS)
        n += MSS_BYTES;
    if (seg->has & LA_TCP_HAS_TIMESTAMPS)
        n += TIMESTAMPS_SPACE; /* SACK-permitted takes the place of its NOPs */
    else if (seg->has & LA_TCP_HAS_SACK_PERMITTED)
        n += SACK_PERMITTED_SPACE;
    if (seg->has & LA_TCP_HAS_ACCECN)
        n += accecn_space(seg);
    if (seg->has & LA_TCP_HAS_WSCALE)
        n += WSCALE_SPACE;
    if (seg->has & LA_TCP_HAS_USER_TIMEOUT)
        n += USER_TIMEOUT_BYTES;
    return n;
}

/* With NOPs to the next four octets; 0: there is none, or no room. */
static size_t
cookie_space(const struct la_tcp_seg *seg)
{
    size_t head = FAST_OPEN_HEAD_BYTES + (seg->cookie.experiment ? (size_t)EXPERIMENT_ID_BYTES : 0);
    size_t space = (head + seg->cookie.n + 3) / 4 * 4;
    bool fits = fixed_bytes(seg) + space <= LA_TCP_HEADER_BYTES_MAX - LA_TCP_HEADER_BYTES;
    return (seg->has & LA_TCP_HAS_FAST_OPEN) != 0 && fits ? space : 0;
}

/* Octets of all options but SACK. */
static size_t
options_bytes(const struct la_tcp_seg *seg)
{
    return fixed_bytes(seg) + cookie_space(seg);
}

static size_t
sack_fit_n(const struct la_tcp_seg *seg, size_t used_bytes)
{
    if (seg->sack_n == 0)
        return 0;
    size_t left = LA_TCP_HEADER_BYTES_MAX - LA_TCP_HEADER_BYTES - used_bytes;
    if (left < SACK_HEAD_SPACE)
        return 0;
    left -= SACK_HEAD_SPACE;
    size_t fit_n = left / SACK_BLOCK_BYTES;
    size_t want_n = seg->sack_n < LA_TCP_SACK_MAX ? seg->sack_n : LA_TCP_SACK_MAX;
    return want_n < fit_n ? want_n : fit_n;
}

size_t
la_tcp_seg_header_bytes(const struct la_tcp_seg *seg)
{
    size_t used_bytes = options_bytes(seg);
    size_t sack_n = sack_fit_n(seg, used_bytes);
    if (sack_n > 0)
        used_bytes += SACK_HEAD_SPACE + sack_n * SACK_BLOCK_BYTES;
    return LA_TCP_HEADER_BYTES + used_bytes;
}

static uint8_t *
emit_timestamps(const struct la_tcp_seg *seg, uint8_t *p)
{
    bool sack_permitted = (seg->has & LA_TCP_HAS_SACK_PERMITTED) != 0;
    p[0] = sack_permitted ? LA_TCP_OPT_SACK_PERMITTED : LA_TCP_OPT_NOP;
    p[1] = sack_permitted ? SACK_PERMITTED_BYTES : LA_TCP_OPT_NOP;
    p[2] = LA_TCP_OPT_TIMESTAMPS;
    p[3] = TIMESTAMPS_BYTES;
    la_put32(p + 4, seg->ts_val);
    la_put32(p + 8, seg->ts_ecr);
    return p + TIMESTAMPS_SPACE;
}

static uint8_t *
emit_accecn(const struct la_tcp_seg *seg, uint8_t *p)
{
    uint8_t *end = p + accecn_space(seg);
    p[0] = seg->accecn.order == 0 ? LA_TCP_OPT_ACCECN_0 : LA_TCP_OPT_ACCECN_1;
    p[1] = (uint8_t)(ACCECN_HEAD_BYTES + seg->accecn.n * ACCECN_FIELD_BYTES);
    p += ACCECN_HEAD_BYTES;
    for (unsigned i = 0; i < seg->accecn.n; i++, p += ACCECN_FIELD_BYTES) {
        p[0] = (uint8_t)(seg->accecn.field[i] >> 16);
        la_put16(p + 1, (uint16_t)seg->accecn.field[i]);
    }
    while (p < end)
        *p++ = LA_TCP_OPT_NOP;
    return end;
}

static uint8_t *
emit_sack(const struct la_tcp_seg *seg, uint8_t *p, size_t sack_n)
{
    p[0] = LA_TCP_OPT_NOP;
    p[1] = LA_TCP_OPT_NOP;
    p[2] = LA_TCP_OPT_SACK;
    p[3] = (uint8_t)(2 + sack_n * SACK_BLOCK_BYTES);
    p += SACK_HEAD_SPACE;
    for (size_t i = 0; i < sack_n; i++, p += SACK_BLOCK_BYTES) {
        la_put32(p, seg->sack[i].left.v);
        la_put32(p + 4, seg->sack[i].right.v);
    }
    return p;
}

static uint8_t *
emit_cookie(const struct la_tcp_seg *seg, uint8_t *p, size_t space)
{
    uint8_t *end = p + space;
    size_t head = FAST_OPEN_HEAD_BYTES;
    p[0] = seg->cookie.experiment ? LA_TCP_OPT_EXPERIMENT_2 : LA_TCP_OPT_FAST_OPEN;
    if (seg->cookie.experiment) {
        la_put16(p + head, LA_TCP_FAST_OPEN_EXPERIMENT_ID);
        head += EXPERIMENT_ID_BYTES;
    }
    p[1] = (uint8_t)(head + seg->cookie.n);
    memcpy(p + head, seg->cookie.bytes, seg->cookie.n);
    for (p += p[1]; p < end; p++)
        *p = LA_TCP_OPT_NOP;
    return end;
}

static uint8_t *
emit_options(const struct la_tcp_seg *seg, uint8_t *p)
{
    if (seg->has & LA_TCP_HAS_MSS) {
        p[0] = LA_TCP_OPT_MSS;
        p[1] = MSS_BYTES;
        la_put16(p + 2, seg->mss);
        p += MSS_BYTES;
    }
    bool stamped = (seg->has & LA_TCP_HAS_TIMESTAMPS) != 0;
    if (stamped)
        p = emit_timestamps(seg, p);
    if (seg->has & LA_TCP_HAS_ACCECN)
        p = emit_accecn(seg, p);
    if (!stamped && (seg->has & LA_TCP_HAS_SACK_PERMITTED) != 0) {
        p[0] = LA_TCP_OPT_NOP;
        p[1] = LA_TCP_OPT_NOP;
        p[2] = LA_TCP_OPT_SACK_PERMITTED;
        p[3] = SACK_PERMITTED_BYTES;
        p += SACK_PERMITTED_SPACE;
    }
    if (seg->has & LA_TCP_HAS_WSCALE) {
        p[0] = LA_TCP_OPT_NOP;
        p[1] = LA_TCP_OPT_WSCALE;
        p[2] = WSCALE_BYTES;
        p[3] = seg->wscale;
        p += WSCALE_SPACE;
    }
    if (seg->has & LA_TCP_HAS_USER_TIMEOUT) {
        p[0] = LA_TCP_OPT_USER_TIMEOUT;
        p[1] = USER_TIMEOUT_BYTES;
        la_put16(p + 2, seg->user_timeout);
        p += USER_TIMEOUT_BYTES;
    }
    size_t sack_n = seg->sack_n == 0 ? 0 : sack_fit_n(seg, options_bytes(seg));
    if (sack_n > 0)
        p = emit_sack(seg, p, sack_n);
    size_t space = (seg->has & LA_TCP_HAS_FAST_OPEN) != 0 ? cookie_space(seg) : 0;
    return space > 0 ? emit_cookie(seg, p, space) : p;
}

size_t
la_tcp_seg_emit(const struct la_tcp_seg *seg, struct la_room room)
{
    size_t header_bytes = la_tcp_seg_header_bytes(seg);
    LA_ASSERT(room.n >= header_bytes);
    LA_ASSERT(header_bytes <= LA_TCP_HEADER_BYTES_MAX);
    uint8_t *p = room.p;
    la_put16(p, seg->src_port);
    la_put16(p + 2, seg->dst_port);
    la_put32(p + 4, seg->seq.v);
    la_put32(p + 8, seg->ack.v);
    la_put16(p + 12, (uint16_t)(header_bytes / 4 << 12 | (seg->flags & LA_TCP_FLAGS_MASK)));
    la_put16(p + 14, seg->wnd);
    la_put16(p + 16, 0);
    la_put16(p + 18, seg->up);
    uint8_t *end = emit_options(seg, p + LA_TCP_HEADER_BYTES);
    LA_ASSERT(end == p + header_bytes);
    return header_bytes;
}

bool
la_tcp_seg_has_dsack(const struct la_tcp_seg *seg)
{
    const struct la_tcp_sack *first = &seg->sack[0];
    if (seg->sack_n == 0 || la_seq_ge(first->left, first->right))
        return false;
    if (la_seq_le(first->right, seg->ack))
        return true;
    const struct la_tcp_sack *second = &seg->sack[1];
    return seg->sack_n > 1 && la_seq_ge(first->left, second->left) &&
           la_seq_le(first->right, second->right);
}
