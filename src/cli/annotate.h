/* SPDX-License-Identifier: MIT
 *
 * annotate.h - what is remarked about the packets of a capture, and who writes it into a copy
 */
#ifndef LA_CLI_ANNOTATE_H
#define LA_CLI_ANNOTATE_H

#include <lastack/explain.h>
#include <lastack/story.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/output.h"
#include "capture/pcapng.h"

struct la_captures;
struct la_mem;

/* What a segment was, by its frame. */
struct mark {
    uint32_t conn; /* 1 + id; 0: no segment of a connection */
};

enum remark_kind { REMARK_WORDS, REMARK_TRANSITION, REMARK_FINDING };

struct remark {
    uint64_t frame;
    uint32_t ordinal;
    uint32_t conn;
    uint8_t kind; /* enum remark_kind */
    char *words;
    struct la_explain_transition transition;
    struct la_explain_finding finding;
};

struct states {
    uint16_t of[2];
};

struct annotator {
    const char *in, *out;
    enum la_names names;
    struct la_trace story; /* says why a segment was sent */
    struct mark *marks;
    size_t marks_n, marks_room;
    struct remark *remarks;
    size_t remarks_n, remarks_room;
    struct states *conns; /* by id: as they are at the frame at hand */
    size_t conns_n;
    bool no_memory, damaged, unread;
    /* the second reading */
    struct la_capture_output output;
    struct la_capture_buf blocks, options;
    uint64_t *ifaces; /* link types and numbers that have a block */
    size_t ifaces_n;
};

/* annotate.c. NULL: it was said why not. */
struct la_captures *la_annotate_open(const struct annotator *a);

/* annotate_remarks.c: the first reading. False: it was said why not, or there is no memory. */
bool la_annotate_remark(struct annotator *a, struct la_mem *mem);

#endif
