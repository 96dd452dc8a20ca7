/* SPDX-License-Identifier: MIT
 *
 * pcap.c - pcap files, read
 *
 * Read first: draft-ietf-opsawg-pcap 4 and 5. Magic numbers tell resolution and, for some, how long
 * a record's header is; writers exist that kept the usual number and made longer headers (Nokia,
 * patched libpcap of 1999), so the length is the one with which the first records follow each
 * other.
 *
 * A record's header is believed when it is plausible: a fraction below a second, captured octets
 * within the limit and not more than the packet had, a time near the one before. One that is not
 * may still be right (clocks jump, writers err): it is taken when a plausible header or the end
 * of the file follows it. Else the next place is looked for where three records, or all up to the
 * end, follow each other plausibly.
 *
 * Byte order: the file's, read octet by octet.
 */
#include "capture/order.h"
#include "capture/pcap.h"

enum {
    FILE_BYTES = 24,
    RECORD_BYTES = 16,
    RECORD_BYTES_NOKIA = 20,
    RECORD_BYTES_1999_04 = 24, /* the headers of "modified" pcap, and of Linux before */
    RECORD_BYTES_1999_09 = 28,
    IXIA_SIZE_BYTES = 4,       /* behind the file's header: octets of all records */
    CAP_BYTES_MAX = 256 << 10, /* tcpdump's largest snapshot length */
    CAP_BYTES_LIMIT = 16 << 20,
    NEAR_S = 10 * 86400,
    CHAIN_N = 3,
    CHAIN_BEGIN_N = 12
};

static const struct variant {
    uint32_t magic;
    uint32_t unit_n;
    uint8_t behind_header_bytes;
    uint8_t record_bytes[3]; /* candidates, the likeliest first; 0: no more */
} variants[] = {
    {0xa1b2c3d4, 1000000, 0, {RECORD_BYTES, RECORD_BYTES_NOKIA, RECORD_BYTES_1999_04}},
    {0xa1b23c4d, 1000000000, 0, {RECORD_BYTES}},
    {0xa1b2cd34, 1000000, 0, {RECORD_BYTES_1999_04, RECORD_BYTES_1999_09}},
    {0xa1b234cd, 1000000, 0, {RECORD_BYTES, RECORD_BYTES_1999_04}}, /* Mesquita's */
    {0xa12b3c4d, 1000000, 0, {RECORD_BYTES}},                       /* Navtel's */
    {0x1c0001ac, 1000000000, IXIA_SIZE_BYTES, {RECORD_BYTES}},      /* by hardware */
    {0x1c0001ab, 1000000, IXIA_SIZE_BYTES, {RECORD_BYTES}},         /* by software */
};

static const struct variant *
variant_of(const uint8_t magic[4], bool *big_endian)
{
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        for (int big = 0; big < 2; big++)
            if (la_order_get32(magic, big != 0) == variants[i].magic) {
                *big_endian = big != 0;
                return &variants[i];
            }
    return NULL;
}

bool
la_pcap_is(const uint8_t magic[4])
{
    bool big_endian;
    return variant_of(magic, &big_endian) != NULL;
}

struct record {
    uint32_t s, fraction, cap_bytes, wire_bytes;
};

static inline struct record
record_in_order(const uint8_t *p, bool big_endian)
{
    return (struct record){la_order_get32(p, big_endian), la_order_get32(p + 4, big_endian),
                           la_order_get32(p + 8, big_endian), la_order_get32(p + 12, big_endian)};
}

static struct record
record_at(const struct la_pcap *pcap, const uint8_t *p)
{
    return record_in_order(p, pcap->big_endian);
}

static bool
is_near(uint32_t s, uint32_t other_s)
{
    return (uint32_t)(s - other_s + NEAR_S) <= 2 * NEAR_S;
}

/* A jump may be one of the clock, or a wrong octet in this one stamp: then the next one is near
 * those before it. */
static void
time_take(struct la_pcap *pcap, uint32_t s)
{
    if (!pcap->has_last)
        pcap->before_s = s;
    else if (!is_near(s, pcap->last_s))
        pcap->before_s = pcap->last_s;
    pcap->last_s = s;
    pcap->has_last = true;
}

static bool
is_plausible(const struct la_pcap *pcap, const struct record *r)
{
    bool in_time = !pcap->has_last || is_near(r->s, pcap->last_s) || is_near(r->s, pcap->before_s);
    return in_time && r->fraction < pcap->unit_n && r->cap_bytes <= pcap->cap_bytes_max &&
           r->cap_bytes <= r->wire_bytes && r->wire_bytes > 0;
}

struct chain {
    unsigned n;  /* records that follow each other plausibly, at most so many as were asked for */
    bool to_end; /* and the file ends behind the last one */
    bool more;   /* too little is there to tell, and more may come */
};

/* Looks `off` octets on. */
static struct chain
chain_at(const struct la_pcap *pcap, struct la_capture_source *src, size_t off, unsigned n_max)
{
    struct chain chain = {0};
    struct la_pcap as = *pcap; /* as it would be behind each of them */
    while (chain.n < n_max && la_capture_source_has(src, off + pcap->record_bytes)) {
        struct record r = record_at(pcap, src->at + off);
        if (!is_plausible(&as, &r))
            return chain;
        time_take(&as, r.s);
        off += pcap->record_bytes + (size_t)r.cap_bytes;
        if (!la_capture_source_has(src, off))
            break;
        chain.n++;
    }
    chain.more = chain.n < n_max && !src->ended;
    chain.to_end = src->ended && chain.n > 0 && la_capture_source_left(src) == off;
    return chain;
}

/* The length of record headers with which the first records follow each other longest. One record
 * proves nothing: then it is the usual length. */
static void
record_bytes_find(struct la_pcap *pcap, struct la_capture_source *src,
                  const struct variant *variant)
{
    unsigned best_n = 1;
    pcap->record_bytes = variant->record_bytes[0];
    for (size_t i = 0; i < sizeof variant->record_bytes && variant->record_bytes[i] != 0; i++) {
        struct la_pcap as = *pcap;
        as.record_bytes = variant->record_bytes[i];
        struct chain chain = chain_at(&as, src, 0, CHAIN_BEGIN_N);
        if (chain.n > best_n) {
            best_n = chain.n;
            pcap->record_bytes = variant->record_bytes[i];
        }
    }
}

bool
la_pcap_begin(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes)
{
    static const char key[] = "header-cut";
    const struct variant *variant = variant_of(src->at, &pcap->big_endian);
    size_t n = FILE_BYTES + variant->behind_header_bytes;
    *pcap = (struct la_pcap){
        .big_endian = pcap->big_endian,
        .unit_n = variant->unit_n,
        .unit_ns = 1000000000 / variant->unit_n,
        .record_bytes = variant->record_bytes[0],
    };
    if (!la_capture_source_has(src, n)) {
        if (!src->ended)
            return false;
        size_t left = la_capture_source_left(src);
        la_capture_notes_add(notes, key, 0, true,
                             "the file is cut within its header (%zu of %zu octets); no packets",
                             left, n);
        la_capture_source_skip(src, left);
        return true;
    }
    uint32_t snap_bytes = la_order_get32(src->at + 16, pcap->big_endian);
    pcap->link_type = (uint16_t)la_order_get32(src->at + 20, pcap->big_endian);
    pcap->cap_bytes_max = snap_bytes <= CAP_BYTES_MAX     ? CAP_BYTES_MAX
                          : snap_bytes <= CAP_BYTES_LIMIT ? snap_bytes
                                                          : CAP_BYTES_LIMIT;
    la_capture_source_skip(src, n);
    record_bytes_find(pcap, src, variant);
    return true;
}

static inline void
packet_fill(const struct la_pcap *pcap, const uint8_t *at, const struct record *r,
            struct la_capture_packet *packet)
{
    packet->at.ns = (int64_t)r->s * 1000000000 + (int64_t)r->fraction * pcap->unit_ns;
    packet->data = at + pcap->record_bytes;
    packet->cap_bytes = r->cap_bytes;
    packet->wire_bytes = r->wire_bytes >= r->cap_bytes ? r->wire_bytes : r->cap_bytes;
    packet->link_type = pcap->link_type;
    packet->iface_idx = 0;
    packet->file_idx = 0;
    packet->direction = LA_CAPTURE_DIRECTION_UNKNOWN;
    packet->has_time = true;
    packet->comment = (struct la_bytes){NULL, 0};
}

static void
record_take(struct la_pcap *pcap, struct la_capture_source *src, const struct record *r,
            struct la_capture_packet *packet)
{
    packet_fill(pcap, src->at, r, packet);
    time_take(pcap, r->s);
    pcap->last_off = src->off;
    la_capture_source_skip(src, pcap->record_bytes + (size_t)r->cap_bytes);
}

/* Looks for the next place where records follow each other. In a mapped file from behind the header
 * of the latest record, whose length may be what is wrong. */
static enum la_capture_next
resynchronise(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes)
{
    static const char key[] = "record-bad";
    uint64_t bad_off = src->off;
    if (src->map != NULL && pcap->has_last) {
        size_t back = (size_t)(src->off - pcap->last_off) - pcap->record_bytes;
        src->at -= back;
        src->off -= back;
    } else {
        la_capture_source_skip(src, 1);
    }
    while (la_capture_source_has(src, pcap->record_bytes)) {
        struct chain chain = chain_at(pcap, src, 0, CHAIN_N);
        if (chain.more)
            return LA_CAPTURE_IDLE;
        if (chain.n == CHAIN_N || chain.to_end) {
            la_capture_notes_add(notes, key, bad_off, true,
                                 "no record header at offset %llu; went on at offset %llu",
                                 (unsigned long long)bad_off, (unsigned long long)src->off);
            return LA_CAPTURE_PACKET;
        }
        la_capture_source_skip(src, 1);
    }
    if (!src->ended)
        return LA_CAPTURE_IDLE;
    la_capture_source_skip(src, la_capture_source_left(src));
    la_capture_notes_add(notes, key, bad_off, true,
                         "no record header at offset %llu and none behind it; left %llu octets out",
                         (unsigned long long)bad_off, (unsigned long long)(src->off - bad_off));
    return LA_CAPTURE_END;
}

/* The file ends within a record. */
static enum la_capture_next
cut(const struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes)
{
    static const char key[] = "cut";
    size_t left = la_capture_source_left(src);
    if (left >= pcap->record_bytes)
        la_capture_notes_add(notes, key, src->off, true,
                             "cut at offset %llu, within a packet (%llu of %llu octets); left that "
                             "out",
                             (unsigned long long)(src->off + left),
                             (unsigned long long)(left - pcap->record_bytes),
                             (unsigned long long)record_at(pcap, src->at).cap_bytes);
    else if (left > 0)
        la_capture_notes_add(notes, key, src->off, true,
                             "cut at offset %llu, within the header of a record; left that out",
                             (unsigned long long)(src->off + left));
    la_capture_source_skip(src, left);
    return LA_CAPTURE_END;
}

/* Files that were written behind each other (cat a.pcap b.pcap). */
static bool
another_begins(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes)
{
    static const char key[] = "another";
    bool big_endian;
    if (!la_capture_source_has(src, FILE_BYTES) || variant_of(src->at, &big_endian) == NULL ||
        src->at[4 + big_endian] != 2)
        return false;
    la_capture_notes_add(notes, key, src->off, false, "another capture follows at offset %llu",
                         (unsigned long long)src->off);
    return la_pcap_begin(pcap, src, notes);
}

/* A record that is not plausible, or not all there. LA_CAPTURE_PACKET: one that can be taken begins
 * at the place now. */
static enum la_capture_next
doubtful(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes)
{
    if (!la_capture_source_has(src, pcap->record_bytes))
        return src->ended ? cut(pcap, src, notes) : LA_CAPTURE_IDLE;
    struct record r = record_at(pcap, src->at);
    size_t whole = pcap->record_bytes + (size_t)r.cap_bytes;
    if (r.cap_bytes > pcap->cap_bytes_max)
        return resynchronise(pcap, src, notes);
    if (!la_capture_source_has(src, whole)) {
        if (!src->ended)
            return LA_CAPTURE_IDLE;
        return is_plausible(pcap, &r) ? cut(pcap, src, notes) : resynchronise(pcap, src, notes);
    }
    struct la_pcap as = *pcap;
    time_take(&as, r.s);
    struct chain chain = chain_at(&as, src, whole, 1);
    if (chain.more)
        return LA_CAPTURE_IDLE;
    bool at_end = src->ended && la_capture_source_left(src) == whole;
    return chain.n == 1 || at_end ? LA_CAPTURE_PACKET /* only unusual */
                                  : resynchronise(pcap, src, notes);
}

enum la_capture_next
la_pcap_next(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes,
             struct la_capture_packet *packet)
{
    do {
        if (!la_capture_source_has(src, pcap->record_bytes))
            break;
        struct record r = record_at(pcap, src->at);
        if (is_plausible(pcap, &r) &&
            la_capture_source_has(src, pcap->record_bytes + (size_t)r.cap_bytes)) {
            record_take(pcap, src, &r, packet);
            return LA_CAPTURE_PACKET;
        }
    } while (another_begins(pcap, src, notes));
    enum la_capture_next next = doubtful(pcap, src, notes);
    if (next != LA_CAPTURE_PACKET)
        return next;
    struct record r = record_at(pcap, src->at);
    record_take(pcap, src, &r, packet);
    return LA_CAPTURE_PACKET;
}

/* Packets with nothing unusual about them; whatever else there is ends the run, and is looked at
 * by la_pcap_next(). */
static inline size_t
plain_run(struct la_pcap *pcap, struct la_capture_source *src, uint64_t frame_n,
          struct la_capture_packet *packets, size_t max, bool big_endian)
{
    const struct la_pcap as = *pcap; /* Nothing that is filled can be part of it. */
    const uint8_t *at = src->at, *const end = src->end, *last = at;
    uint32_t last_s = as.last_s;
    size_t n = 0;
    while (n < max && (size_t)(end - at) >= as.record_bytes) {
        struct record r = record_in_order(at, big_endian);
        size_t bytes = as.record_bytes + (size_t)r.cap_bytes;
        if (!is_near(r.s, last_s) || r.fraction >= as.unit_n || r.wire_bytes == 0 ||
            r.cap_bytes > as.cap_bytes_max || r.cap_bytes > r.wire_bytes ||
            (size_t)(end - at) < bytes)
            break;
        packet_fill(&as, at, &r, &packets[n++]);
        packets[n - 1].frame_n = frame_n + n;
        last_s = r.s;
        last = at;
        at += bytes;
        /* Header and packet of the next one, while this one is being looked at. */
        __builtin_prefetch(at + bytes);
        __builtin_prefetch(at + bytes + 64);
    }
    pcap->last_s = last_s;
    if (n > 0)
        pcap->last_off = src->off + (uint64_t)(last - src->at);
    la_capture_source_skip(src, (size_t)(at - src->at));
    return n;
}

size_t
la_pcap_more(struct la_pcap *pcap, struct la_capture_source *src, struct la_capture_notes *notes,
             struct la_capture_packet *packets, size_t max)
{
    if (!pcap->has_last)
        return 0;
    size_t n = pcap->big_endian ? plain_run(pcap, src, notes->frame_n, packets, max, true)
                                : plain_run(pcap, src, notes->frame_n, packets, max, false);
    notes->frame_n += n;
    return n;
}
