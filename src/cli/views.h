/* SPDX-License-Identifier: MIT
 *
 * views.h - what a command shows of the story: ladder, JSON, capture
 *
 * One trace that feeds them all.
 */
#ifndef LA_CLI_VIEWS_H
#define LA_CLI_VIEWS_H

#include <lastack/capture.h>
#include <lastack/event.h>
#include <lastack/tcp.h>

#include <stdbool.h>
#include <stdio.h>

struct la_views_cfg {
    bool watch;       /* ladder and summaries on standard error */
    const char *json; /* a file name, "-": standard output; NULL: no */
    const char *pcap; /* the same */
    bool one_sided;   /* only one end's story is told */
    bool ethernet;    /* the capture is of Ethernet frames, not of IP packets */
    bool serving;     /* the program may be reached from outside */
};

struct la_story;
struct la_story_cfg;

struct la_views {
    struct la_story *story;            /* NULL: no view is wanted */
    FILE *json;
    const char *json_name, *pcap_name;
    struct la_capture_writer *capture; /* NULL: none */
    uint32_t capture_iface;
    la_instant flushed_at;
    char ladder_buf[65536];            /* of standard error while it shows the ladder */
    bool watched;                      /* the ladder goes to standard error */
    bool failed;                       /* something could not be written; it was said */
};

/* Flags of a story that calls states so. */
uint32_t la_views_names(enum la_names names);
/* The story's remarks become comments on the packets of a capture. */
void la_views_comments(struct la_story_cfg *story, struct la_capture_writer *capture);
/* Something was left out of the story for lack of memory. */
bool la_views_story_is_short(const struct la_story *story);
/* Opens what is asked for. False: it was said on standard error why not, and nothing is open. */
bool la_views_open(struct la_views *views, const struct la_views_cfg *cfg);
/* A trace for stacks and wires; it refers to `views`. */
struct la_trace la_views_trace(struct la_views *views);
/* Nothing happens at the moment: what is complete is written out. ctx is the struct la_views. */
void la_views_idle(void *ctx, la_instant now);
/* Writes the rest. False: something could not be written; it was said. */
bool la_views_close(struct la_views *views);

#endif
