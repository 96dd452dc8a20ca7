/* SPDX-License-Identifier: MIT
 *
 * explain.c - `lastack explain`: the connections of a capture
 */
#include "capture/reader.h"
#include "cli/cli.h"

#include <lastack/explain.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n);
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

static void
print_states(uint16_t set)
{
    const char *between = "";
    for (unsigned s = 1; s < LA_TCP_STATE_COUNT; s++)
        if ((set >> s & 1) != 0) {
            (void)printf("%s%s", between, la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC));
            between = "/";
        }
}

static void
print_conn(const struct la_explain_conn *conn)
{
    char client[LA_ADDR_TEXT_BYTES], server[LA_ADDR_TEXT_BYTES], text[256];
    (void)printf("%" PRIu64 "\t%s:%u\t%s:%u\topen=%s%s\tclose=%s\tby=%s\thalf-close=%s\treset=%s\t"
                 "reset-by=%s\ttap=%s\n",
                 conn->id, la_addr_format(&conn->at[0].addr, client), conn->at[0].port,
                 la_addr_format(&conn->at[1].addr, server), conn->at[1].port,
                 la_open_kind_name((enum la_open_kind)conn->open.kind),
                 conn->open.complete ? "" : " (incomplete)",
                 la_close_kind_name((enum la_close_kind)conn->close.kind),
                 la_who_name((enum la_who)conn->close.by),
                 la_who_name((enum la_who)conn->close.half_close_by),
                 la_reset_cause_name((enum la_reset_cause)conn->close.reset.cause),
                 la_who_name((enum la_who)conn->close.reset.by),
                 la_tap_place_name((enum la_tap_place)conn->tap));
    for (size_t i = 0; i < conn->transitions_n; i++) {
        const struct la_explain_transition *t = &conn->transitions[i];
        (void)printf("\t%s\t", t->end == LA_END_CLIENT ? "client" : "server");
        print_states(t->from);
        (void)printf(" -> ");
        print_states(t->to);
        (void)printf("\t%s\tframe %" PRIu64 "\t%s\t%s\n",
                     la_tcp_event_name((enum la_tcp_event)t->event), t->frame,
                     la_certainty_name((enum la_certainty)t->certainty), t->section);
    }
    for (unsigned end = 0; end < 2; end++) {
        (void)printf("\t%s at the end: ", end == LA_END_CLIENT ? "client" : "server");
        print_states(conn->proven[end]);
        (void)printf("\n");
    }
    for (size_t i = 0; i < conn->findings_n; i++)
        (void)printf("\t%s: %s (%s)\n", la_finding_name((enum la_finding)conn->findings[i].id),
                     la_explain_finding_text(&conn->findings[i], text, sizeof(text)),
                     la_finding_section((enum la_finding)conn->findings[i].id));
}

static void
explain_all(struct la_capture_reader *reader, struct la_explain *explain)
{
    struct la_capture_packet packet;
    struct la_explain_conn conn;
    while (la_capture_reader_next(reader, &packet) == LA_CAPTURE_PACKET) {
        struct la_explain_packet one = {
            .bytes = {packet.data, packet.cap_bytes},
            .wire_bytes = packet.wire_bytes,
            .link_type = packet.link_type,
            .iface = packet.iface_idx,
            .frame = packet.frame_n,
            .at = packet.at,
        };
        la_explain_packet(explain, &one);
        while (la_explain_next(explain, &conn))
            print_conn(&conn);
    }
    la_explain_finish(explain);
    while (la_explain_next(explain, &conn))
        print_conn(&conn);
}

int
la_cli_explain(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: lastack explain FILE\n");
        return LA_CLI_USAGE;
    }
    char error[LA_CAPTURE_LINE_BYTES];
    struct la_capture_reader_options options = {0};
    struct la_capture_reader *reader = la_capture_reader_open(argv[1], &options, error);
    if (reader == NULL) {
        (void)fprintf(stderr, "lastack explain: %s\n", error);
        return LA_CLI_FAILED;
    }
    struct la_alloc alloc = {take, give, NULL};
    struct la_mem *mem = la_mem_new(&alloc, UINT64_C(64) << 20);
    struct la_explain_cfg cfg;
    la_explain_cfg_init(&cfg);
    struct la_explain *explain = NULL;
    int status = LA_CLI_OK;
    if (mem == NULL || la_explain_new(&cfg, mem, &explain) != LA_OK) {
        (void)fprintf(stderr, "lastack explain: out of memory\n");
        status = LA_CLI_FAILED;
    } else {
        explain_all(reader, explain);
    }
    la_explain_free(explain);
    if (mem != NULL)
        la_mem_unref(mem);
    la_capture_reader_close(reader);
    return status;
}
