/* SPDX-License-Identifier: MIT
 *
 * share.h - one capture analysed by several instances, each of which has a share of its flows
 *
 * Read first: docs/explain.md, "Several at once".
 *
 *   packets --> intake --> batch --+--> part 0 --> outbox --+--> whole --> connections, the file
 *                                  +--> part 1 --> outbox --+
 *
 * The intake reads what belongs to no one flow (time, fragments, whether checksums can be believed)
 * and says whose share each packet is. Parts look at the same batches, and each analyses its own
 * flows; they have nothing in common, so that each may have a thread. The whole puts together what
 * they noted, in the order in which one instance would have met it: how many there are does not
 * show. A part that is alone needs no batches: it takes packets as they come, and does the intake's
 * work with what it has decoded (part.c). Nothing here knows of threads: the caller sees to it
 * that a batch is not changed while a part looks at it, and that an outbox is read when its part
 * has left it.
 */
#ifndef LA_EXPLAIN_SHARE_H
#define LA_EXPLAIN_SHARE_H

#include "explain/parts.h"
#include "explain/track.h"

enum {
    LA_PARTS_MAX = 64,
    LA_BATCH_N = 2048,
    LA_LOT_N = 64,
    LA_LOTS_N = LA_BATCH_N / LA_LOT_N + LA_PARTS_MAX,
    LA_SHARE_NOBODY = 255,
    LA_BUCKETS_BITS = 10
};

/* ---- notes: what a part tells the whole ------------------------------------------------------ */

/* When within one packet. */
enum la_note_phase { LA_NOTE_CLOSED, LA_NOTE_OPENING, LA_NOTE_SEGMENT, LA_NOTE_FINISH };

static inline uint64_t
la_note_order(enum la_note_phase phase, uint64_t n)
{
    return (uint64_t)phase << 60 | n;
}

enum la_note_kind {
    LA_NOTE_BEGIN,      /* a connection begins */
    LA_NOTE_HALF_OPEN,  /* its SYN was answered */
    LA_NOTE_COMPLETE,   /* it is half-open no longer */
    LA_NOTE_END
};

/* What became of a connection, for its listener. */
enum la_ending {
    LA_ENDING_ANSWERED = 1,
    LA_ENDING_ANSWERED_AGAIN = 2,
    LA_ENDING_COMPLETE = 4,
    LA_ENDING_REFUSED = 8,
    LA_ENDING_UNANSWERED = 16,
    LA_ENDING_UNFINISHED = 32,
    LA_ENDING_FORGOTTEN = 64,
    LA_ENDING_IGNORED = 128,
    LA_ENDING_BACKLOG_RST = 256
};

struct la_note {
    uint64_t packet_n, order; /* in this order the whole takes the notes of all parts */
    int64_t at_ns;
    uint32_t track;           /* its index: within its part, that of one connection at a time */
    uint16_t ending;          /* enum la_ending */
    uint8_t kind;             /* enum la_note_kind */
    bool by_syn;              /* BEGIN: there is a listener */
    struct la_endpoint server;/* BEGIN */
    struct la_addr client;
    uint32_t conn;            /* END: index of the result; NONE: it is not wanted */
};

/* A result, with its lists in the outbox's own. */
struct la_told {
    struct la_explain_conn conn;
    size_t transitions_at, findings_at, amounts_at;
};

/* What a part has to say about one batch. Arrays grow as they are needed, and stay. */
struct la_outbox {
    struct la_mem *mem;
    struct la_note *notes;
    struct la_told *told;
    struct la_explain_transition *transitions;
    struct la_explain_finding *findings;
    uint64_t *amounts;  /* throughput of both directions */
    size_t amounts_n, amounts_cap;
    size_t notes_n, notes_cap, told_n, told_cap, transitions_n, transitions_cap, findings_n,
        findings_cap;
    bool is_incomplete; /* no memory: something is missing */
    struct la_copies copies; /* of the part so far */
};

void la_outbox_init(struct la_outbox *outbox, struct la_mem *mem);
void la_outbox_fini(struct la_outbox *outbox);
/* NULL: no memory. Its place in the order and what the caller does not set are filled in. */
struct la_note *la_outbox_note(struct la_explain *part, const struct la_track *track,
                               enum la_note_kind kind, int64_t at_ns);

/* Takes a result in; *idx is its place. False: no memory. */
bool la_outbox_tell(struct la_outbox *outbox, const struct la_explain_conn *conn, uint32_t *idx);
void la_outbox_empty(struct la_outbox *outbox);

/* ---- batches, and the intake that fills them ------------------------------------------------ */

enum la_batch_mark {
    LA_BATCH_VERIFY = 1,     /* its checksum is verified, whatever it is */
    LA_BATCH_TRUST_SUMS = 2, /* a wrong checksum means that the packet was changed */
    LA_BATCH_DECODED = 4     /* `decoded` has it */
};

/* A packet for its part. It fills a line of the cache, which nobody but the part reads. */
struct la_given {
    struct la_explain_packet packet; /* at a sane time */
    int64_t now_ns;                  /* the latest time so far */
    uint16_t place;                  /* in the batch, of which others have other packets */
    uint8_t marks;                   /* enum la_batch_mark */
    uint16_t decoded_at;             /* with LA_BATCH_DECODED: its place */
};

_Static_assert(sizeof(struct la_given) == 64, "one line, and no part of another one's");
enum { LA_LOT_BYTES = LA_LOT_N * sizeof(struct la_given) };

/* Each part has its packets behind each other, in lots: as many as it needs, of those of all. */
struct la_batch {
    size_t n;
    uint64_t before_n;          /* packets of the capture before the first one */
    int64_t now_ns[LA_BATCH_N]; /* the latest time so far, with each packet */
    struct {
        struct la_given *at;    /* behind its last packet; NULL: it has none. Else: */
        uint16_t first, last;   /* lots */
    } of[LA_PARTS_MAX];
    uint16_t lots_n;
    uint16_t lot_next[LA_LOTS_N];
    /* What only the intake can decode: fragments, tunnels, ICMP. */
    struct la_decoded {
        struct la_seen seen;
        uint8_t header[LA_TCP_HEADER_BYTES_MAX];
    } *decoded;
    size_t decoded_n, decoded_cap;
    /* Where one ends shows in its address. */
    _Alignas(LA_LOT_BYTES) struct la_given lots[LA_LOTS_N][LA_LOT_N];
};

/* How many packets a part has in one of its lots. */
static inline size_t
la_batch_given_n(const struct la_batch *batch, unsigned part, size_t lot)
{
    return lot == batch->of[part].last ? (size_t)(batch->of[part].at - batch->lots[lot]) : LA_LOT_N;
}

enum { LA_SUMS_FIRST_N = 1 << 14, LA_SUMS_EVERY_N = 64 };

struct la_intake {
    struct la_mem *mem;
    struct la_decoder decoder;
    struct la_sum_counts sums; /* of the first segments, */
    uint32_t sums_n;     /* up to LA_SUMS_FIRST_N that were looked at */
    struct la_explain_file file; /* packets and times */
    int64_t back_ns_max, now_ns;
    unsigned parts_n;
    uint64_t taken_n[LA_PARTS_MAX];          /* packets that each part was given */
    uint32_t buckets_n[LA_PARTS_MAX];        /* and buckets of `part_of` */
    uint8_t part_of[1 << LA_BUCKETS_BITS];   /* flows by hash; LA_SHARE_NOBODY: none has come yet */
};

/* For so many parts. False: no memory. */
bool la_intake_init(struct la_intake *intake, struct la_mem *mem, unsigned parts_n) LA_MUST_CHECK;
void la_intake_fini(struct la_intake *intake);
/* `decoded` of a new batch is NULL, its size 0. */
void la_batch_fini(struct la_batch *batch, struct la_intake *intake);
void la_batch_begin(struct la_batch *batch, const struct la_intake *intake);
/* The next n packets, for which there is room, go into the batch. False: no memory; one or more are
 * left out. */
bool la_intake_take(struct la_intake *intake, struct la_batch *batch,
                    const struct la_explain_packet *packets, size_t n);

/* Is a segment now one of those that tell of checksums? */
static inline bool
la_intake_is_first(const struct la_intake *intake)
{
    return intake->sums_n < LA_SUMS_FIRST_N;
}

/* The same without a batch. The next packet, at a sane time: LA_BATCH_VERIFY, or 0. */
static inline uint8_t
la_intake_see(struct la_intake *intake, int64_t at_ns)
{
    uint64_t ordinal = ++intake->file.packets;
    intake->now_ns =
        la_artefacts_time(&intake->file, at_ns, intake->now_ns, &intake->back_ns_max);
    bool due = ordinal % LA_SUMS_EVERY_N == 0;
    return due | la_intake_is_first(intake) ? LA_BATCH_VERIFY : 0;
}

/* It was decoded. Does the intake want to know it? */
static inline bool
la_intake_wants(const struct la_intake *intake, const struct la_seen *seen)
{
    return !seen->is_bare || la_intake_is_first(intake);
}

/* Then. */
void la_intake_seen(struct la_intake *intake, struct la_seen *seen);

/* Of a segment from there: LA_BATCH_TRUST_SUMS or 0. */
static inline uint8_t
la_intake_trusts(const struct la_intake *intake, const struct la_addr *src)
{
    return la_sums_tell(&intake->sums, src) ? LA_BATCH_TRUST_SUMS : 0;
}

/* ---- parts -------------------------------------------------------------------------------- */

/* Is the result wanted by the whole? What la_result_brief() says is known of it. Called in the
 * part's thread. */
typedef bool la_part_wants(void *ctx, const struct la_explain_conn *conn);

struct la_part {
    struct la_explain *explain;
    unsigned share;           /* its number */
    la_part_wants *wants;     /* NULL: all */
    void *ctx;
};

void la_part_take(const struct la_part *part, const struct la_batch *batch,
                  struct la_outbox *outbox);
/* One of its connections is over: notes it, with the result if that is wanted. */
void la_part_ended(struct la_explain *explain, const struct la_track *track, uint16_t ending,
                   const struct la_explain_close *close);
/* All packets are the part's, and it has the intake for itself: up to LA_BATCH_N of them. */
void la_part_take_all(const struct la_part *part, struct la_intake *intake,
                      const struct la_explain_packet *packets, size_t n,
                      struct la_outbox *outbox);
/* The capture has ended at that time, with that many packets. */
void la_part_finish_begin(const struct la_part *part, int64_t now_ns, uint64_t packets_n);
/* The first frame of the n-th connection that is left; UINT64_MAX: there are no more than n. */
uint64_t la_part_left(const struct la_part *part, size_t n);
/* Ends those left that appeared before a frame. */
void la_part_finish_some(const struct la_part *part, uint64_t before_frame,
                         struct la_outbox *outbox);

/* ---- the whole ---------------------------------------------------------------------------- */

struct la_whole_slot {
    uint64_t id;
    uint32_t listener;
};

struct la_whole {
    struct la_explain *explain; /* listeners, and what is said of the file; watches nothing */
    struct {
        struct la_whole_slot *slots; /* by track */
        size_t cap;
    } part[LA_PARTS_MAX];
    uint64_t next_id;
    bool is_incomplete;
};

typedef void la_whole_tell(void *ctx, const struct la_explain_conn *conn);

la_err la_whole_init(struct la_whole *whole, const struct la_explain_cfg *cfg,
                     struct la_mem *mem) LA_MUST_CHECK;
void la_whole_fini(struct la_whole *whole);
/* What n parts had to say of one batch; empties their outboxes. */
void la_whole_collect(struct la_whole *whole, struct la_outbox *const outboxes[], unsigned n,
                      la_whole_tell *tell, void *ctx);
/* Everything was collected: whole->explain has the file. */
void la_whole_finish(struct la_whole *whole, const struct la_intake *intake,
                     const struct la_part parts[], unsigned n);

#endif
