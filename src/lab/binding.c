/* SPDX-License-Identifier: MIT
 *
 * binding.c - scenario: which end belongs to whom: addresses, ports, four-tuples
 */
#include <stdio.h>
#include <string.h>

#include "lab/print.h"
#include "lab/scenario.h"
#include "story/text.h"

enum { OTHER_HOST = 3, PREFIX_LEN = 24, OTHER_PORT = 4243, ROWS_N_MAX = 8, ROW_BYTES = 56 };
enum { FIRST_PORT = 50000, SECOND_PORT = 50001, FIRST_BYTES = 10, SECOND_BYTES = 20 };
enum { THIRD_BYTES = 30, EPHEMERAL_N = 8, FROM_COL = 2, TO_COL = 20, BECAME_COL = 38 };

/* One OPEN and what became of it, for the table below the ladder. */
struct own {
    struct {
        struct la_endpoint from, to;
        char became[ROW_BYTES];
    } row[ROWS_N_MAX];
    size_t rows_n;
};

/* ---- opening ---------------------------------------------------------------------------- */

static struct la_endpoint
second_address(uint16_t port)
{
    return (struct la_endpoint){la_addr_v4(10, 0, 0, OTHER_HOST), port};
}

static void
give_second_address(struct la_lab *lab)
{
    struct la_addr addr = second_address(0).addr;
    la_err err = la_stack_addr_add(lab->bed->stack[LA_SERVER], 0, &addr, PREFIX_LEN);
    la_lab_expect(lab, err == LA_OK, "no second address: %s", la_strerror(err));
    lab->accepts = false;
}

static la_handle
listen_at(struct la_lab *lab, const struct la_endpoint *local)
{
    la_handle listener = 0;
    la_err err = la_listener_open(lab->bed->stack[LA_SERVER], local, LA_LAB_BACKLOG_N, NULL,
                                  &listener, lab->bed->now);
    la_lab_expect(lab, err == LA_OK, "passive OPEN failed: %s", la_strerror(err));
    return listener;
}

/* Opens and waits for what comes of it; returns the connection at the client. */
static la_handle
open_to(struct la_lab *lab, uint16_t port, const struct la_endpoint *to, const char *became)
{
    struct own *own = lab->own;
    la_lab_open(lab, LA_CLIENT, port, to);
    la_lab_run(lab, 100);
    const struct la_event *syn = NULL, *next;
    for (size_t nth = 0; (next = la_lab_sent(lab, LA_CLIENT, LA_TCP_SYN, LA_TCP_SYN, nth)) != NULL;
         nth++)
        syn = next;
    if (syn != NULL && own->rows_n < ROWS_N_MAX) {
        own->row[own->rows_n].from = syn->local;
        own->row[own->rows_n].to = syn->remote;
        snprintf(own->row[own->rows_n++].became, ROW_BYTES, "%s", became);
    }
    return lab->end[LA_CLIENT].conn;
}

static void
expect_waiting(struct la_lab *lab, la_handle listener, const char *name, unsigned n)
{
    struct la_listener_status status = {.accept_queue_n = 0};
    la_err err = la_listener_status(lab->bed->stack[LA_SERVER], listener, &status);
    la_lab_expect(lab, err == LA_OK && status.accept_queue_n == n,
                  "%u connections came to the listener at %s, not %u",
                  (unsigned)status.accept_queue_n, name, n);
}

/* ---- addresses -------------------------------------------------------------------------- */

static void
play_addresses(struct la_lab *lab)
{
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), LA_LAB_PORT}, first = la_lab_server(false);
    struct la_endpoint second = second_address(LA_LAB_PORT);
    struct la_endpoint first_only = {first.addr, OTHER_PORT};
    struct la_endpoint not_there = second_address(OTHER_PORT);
    la_handle again;
    give_second_address(lab);
    la_handle at_any = listen_at(lab, &any);
    la_handle at_second = listen_at(lab, &second);
    la_handle at_first = listen_at(lab, &first_only);
    la_err err = la_listener_open(lab->bed->stack[LA_SERVER], &second, LA_LAB_BACKLOG_N, NULL,
                                  &again, lab->bed->now);
    la_lab_expect(lab, err == LA_ERR_ADDRESS_IN_USE, "the same address was given twice");
    open_to(lab, 0, &first, "listener *:4242");
    open_to(lab, 0, &second, "listener 10.0.0.3:4242: it says more");
    open_to(lab, 0, &first_only, "listener 10.0.0.2:4243");
    open_to(lab, 0, &not_there, "refused: nobody has this pair");
    expect_waiting(lab, at_any, "*:4242", 1);
    expect_waiting(lab, at_second, "10.0.0.3:4242", 1);
    expect_waiting(lab, at_first, "10.0.0.2:4243", 1);
    la_lab_expect(lab,
                  la_lab_count(lab, LA_SERVER, LA_EVENT_SEGMENT_SENT, LA_CAUSE_RST_REFUSED) == 1,
                  "the connection to the other address was not refused");
}

/* ---- the four-tuple --------------------------------------------------------------------- */

static void
send_on(struct la_lab *lab, la_handle conn, size_t n)
{
    static const uint8_t octets[THIRD_BYTES];
    la_ssize sent_n = la_conn_send(lab->bed->stack[LA_CLIENT], conn, (struct la_bytes){octets, n},
                                   false, lab->bed->now);
    la_lab_expect(lab, sent_n == (la_ssize)n, "SEND did not take all");
    la_lab_run(lab, 100);
}

/* The server's connection between these two has received n octets, and there is one. */
static void
expect_received(struct la_lab *lab, uint16_t from_port, const struct la_endpoint *to, uint64_t n)
{
    const struct la_stack *server = lab->bed->stack[LA_SERVER];
    uint32_t cursor = 0;
    la_handle conn;
    size_t found_n = 0;
    while (la_conn_next(server, &cursor, &conn)) {
        struct la_conn_status status;
        if (la_conn_status(server, conn, &status) != LA_OK || status.remote.port != from_port ||
            !la_addr_equal(&status.local.addr, &to->addr))
            continue;
        found_n++;
        la_lab_expect(lab, status.bytes_received == n, "%llu octets came from port %u, not %llu",
                      (unsigned long long)status.bytes_received, from_port, (unsigned long long)n);
    }
    la_lab_expect(lab, found_n == 1, "%zu connections from port %u", found_n, from_port);
}

static void
play_four_tuple(struct la_lab *lab)
{
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), LA_LAB_PORT}, first = la_lab_server(false);
    struct la_endpoint second = second_address(LA_LAB_PORT), local = {.port = FIRST_PORT};
    la_handle again;
    give_second_address(lab);
    la_handle listener = listen_at(lab, &any);
    la_handle one = open_to(lab, FIRST_PORT, &first, "10 octets");
    la_handle two = open_to(lab, SECOND_PORT, &first, "20 octets: the client's port differs");
    la_handle three = open_to(lab, FIRST_PORT, &second, "30 octets: the server's address differs");
    la_err err =
        la_conn_open(lab->bed->stack[LA_CLIENT], &local, &first, NULL, &again, lab->bed->now);
    la_lab_expect(lab, err == LA_ERR_ADDRESS_IN_USE, "the same four-tuple was given twice");
    send_on(lab, three, THIRD_BYTES);
    send_on(lab, one, FIRST_BYTES);
    send_on(lab, two, SECOND_BYTES);
    expect_waiting(lab, listener, "*:4242", 3);
    expect_received(lab, FIRST_PORT, &first, FIRST_BYTES);
    expect_received(lab, SECOND_PORT, &first, SECOND_BYTES);
    expect_received(lab, FIRST_PORT, &second, THIRD_BYTES);
}

/* ---- ports by chance -------------------------------------------------------------------- */

static void
play_ephemeral(struct la_lab *lab)
{
    struct la_endpoint any = {la_addr_v4(0, 0, 0, 0), LA_LAB_PORT}, first = la_lab_server(false);
    const struct own *own = lab->own;
    struct la_stack_cfg defaults;
    size_t next_n = 0;
    la_stack_cfg_init(&defaults);
    lab->accepts = false;
    la_handle listener = listen_at(lab, &any);
    for (size_t i = 0; i < EPHEMERAL_N; i++)
        open_to(lab, 0, &first, "");
    expect_waiting(lab, listener, "*:4242", EPHEMERAL_N);
    for (size_t i = 0; i < own->rows_n; i++) {
        uint16_t port = own->row[i].from.port;
        la_lab_expect(lab,
                      port >= defaults.port_ephemeral_min && port <= defaults.port_ephemeral_max,
                      "port %u is not an ephemeral one", port);
        for (size_t j = 0; j < i; j++)
            la_lab_expect(lab, port != own->row[j].from.port, "port %u was given twice", port);
        next_n += i > 0 && port == own->row[i - 1].from.port + 1;
    }
    la_lab_expect(lab, next_n < EPHEMERAL_N - 1, "the ports follow each other");
}

/* ---- told ------------------------------------------------------------------------------- */

static void
tell(const struct la_lab *lab, const struct la_story_cfg *story)
{
    const struct own *own = lab->own;
    la_lab_put_text(&story->ladder, "\n");
    la_lab_put_heading(story, "  from              to                what became of it");
    for (size_t i = 0; i < own->rows_n; i++) {
        struct canvas canvas;
        struct text from = text_empty(), to = text_empty(), line = text_empty();
        la_text_endpoint(&from, &own->row[i].from);
        la_text_endpoint(&to, &own->row[i].to);
        const char *left = own->row[i].became[0] != 0 ? own->row[i].became : "a connection";
        la_canvas_clear(&canvas, story->width);
        la_canvas_put(&canvas, FROM_COL, STYLE_PLAIN, from.p);
        la_canvas_put(&canvas, TO_COL, STYLE_PLAIN, to.p);
        while (*left != 0) {
            left = la_text_wrap(left, story->width - BECAME_COL, &line);
            la_canvas_put(&canvas, BECAME_COL, STYLE_PLAIN, line.p);
            la_canvas_write(&canvas, story->flags, &story->ladder);
            la_canvas_clear(&canvas, story->width);
        }
    }
}

static const struct la_lab_part binding_parts[] = {
    {"a wildcard, and specific addresses", NULL, play_addresses},
    {"one server port, three connections", NULL, play_four_tuple},
    {"ports that the stack chooses", NULL, play_ephemeral},
};

const struct la_scenario la_scenario_binding = {
    .name = "binding",
    .summary = "addresses, ports, and the four-tuple that a connection is",
    .intro =
        "A listener is bound to a port at one address of its host, or at all of them: the "
        "wildcard, 0.0.0.0 (RFC 9293 3.9.1.1, MUST-43 to MUST-46). The server has two addresses "
        "here, 10.0.0.2 and 10.0.0.3. In the first part three listeners share two ports; a SYN "
        "goes to the one that says most about its destination.\n"
        "A connection is known by four things: both addresses and both ports (3.3.1). In the "
        "second part three connections have the same server port, and two of them the same client "
        "port. In the third part the client does not care which port it has: the stack takes one "
        "at random between 49152 and 65535 (RFC 6056), because a guesser must not know it.",
    .look = "Nobody listens at 10.0.0.3:4243, though the port is open at 10.0.0.2: refused.\n"
            "The server's end has port 4242 on every connection: accept() gives no new port.\n"
            "A second listener at the same address and port, and a second connection with the same "
            "four-tuple, are \"address already in use\".",
    .parts = binding_parts,
    .parts_n = 3,
    .tell = tell,
    .own_bytes = sizeof(struct own),
};
