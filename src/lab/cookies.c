/* SPDX-License-Identifier: MIT
 *
 * cookies.c - scenario: SYN cookies, with timestamps and without, and what they cannot do
 *
 * Read first: RFC 4987 3.6 and appendix A; stack/cookie.h says what is encoded where.
 */
#include "lab/scenario.h"

enum { REQUEST_BYTES = 100, ANSWER_BYTES = 20000, GREETING_BYTES = 50, PATIENCE_MS = 30000 };
enum { MSS_ODD = 1400, MSS_OF_TABLE = 1380 };

static void
cookies_always(struct la_lab *lab)
{
    la_lab_set(lab, LA_SETTING_SYN_COOKIES, LA_SYN_COOKIES_ALWAYS);
    la_lab_listen(lab, LA_LAB_BACKLOG_N);
}

/* After the SYN,ACK: nothing is kept of the client. */
static void
expect_forgotten(struct la_lab *lab, enum la_reason reason)
{
    struct la_listener_status status = la_lab_queues(lab);
    la_lab_expect(lab, status.syn_queue_n == 0 && status.cookies_sent_n == 1,
                  "the SYN was not answered with a cookie");
    la_lab_expect(lab, la_lab_count(lab, LA_SERVER, LA_EVENT_DROP, reason) == 1,
                  "no event says that");
}

static void
open_with_cookie(struct la_lab *lab, enum la_reason reason)
{
    struct la_endpoint server = la_lab_server(false);
    cookies_always(lab);
    la_lab_open(lab, LA_CLIENT, 0, &server);
    la_lab_await_state(lab, LA_CLIENT, LA_TCP_ESTABLISHED);
    expect_forgotten(lab, reason);
}

static void
exchange(struct la_lab *lab)
{
    la_lab_send(lab, LA_CLIENT, REQUEST_BYTES);
    la_lab_await_state(lab, LA_SERVER, LA_TCP_ESTABLISHED);
    la_lab_await_octets(lab, LA_SERVER, REQUEST_BYTES);
    la_lab_send(lab, LA_SERVER, ANSWER_BYTES);
    la_lab_await_octets(lab, LA_CLIENT, ANSWER_BYTES);
    la_lab_run(lab, 100);
    la_lab_expect_octets(lab, LA_CLIENT, ANSWER_BYTES);
}

static struct la_conn_status
server_status(struct la_lab *lab)
{
    struct la_conn_status status = {.state = 0};
    la_err err = la_conn_status(lab->bed->stack[LA_SERVER], lab->end[LA_SERVER].conn, &status);
    la_lab_expect(lab, err == LA_OK, "the server has no connection: %s", la_strerror(err));
    return status;
}

/* ---- with timestamps -------------------------------------------------------------------- */

static void
setup_all_options(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].ecn = LA_ECN_ASK;
}

static void
play_stamped(struct la_lab *lab)
{
    open_with_cookie(lab, LA_REASON_SYN_COOKIE);
    exchange(lab);
    struct la_conn_status status = server_status(lab);
    la_lab_expect(lab,
                  status.timestamps && status.sack && status.ecn && status.wscale_send != 255 &&
                      status.wscale_receive != 255,
                  "the cookie did not keep all options");
}

/* ---- without ---------------------------------------------------------------------------- */

static void
setup_plain(struct la_bed_cfg *cfg)
{
    cfg->tcp[LA_CLIENT].timestamps = false;
    cfg->tcp[LA_CLIENT].mss_bytes_max = MSS_ODD;
}

static void
play_plain(struct la_lab *lab)
{
    open_with_cookie(lab, LA_REASON_SYN_COOKIE_PLAIN);
    exchange(lab);
    struct la_conn_status status = server_status(lab);
    la_lab_expect(lab, !status.timestamps && !status.sack && status.wscale_send == 255,
                  "options came from nowhere");
    la_lab_expect(lab, status.mss_send == MSS_OF_TABLE, "the MSS is %u, not %d", status.mss_send,
                  MSS_OF_TABLE);
}

/* ---- the third segment is lost ---------------------------------------------------------- */

static void
lose_third(struct la_lab *lab)
{
    la_lab_lose(lab, LA_CLIENT,
                (struct la_lab_pick){
                    .flags_mask = LA_TCP_SYN | LA_TCP_ACK, .flags = LA_TCP_ACK, .times_n = 1});
}

static void
play_client_speaks(struct la_lab *lab)
{
    lose_third(lab);
    open_with_cookie(lab, LA_REASON_SYN_COOKIE);
    la_lab_run(lab, 100);
    la_lab_expect(lab, lab->end[LA_SERVER].conn == 0, "the server remembered something");
    exchange(lab);
}

/* The server would greet, as mail servers do; it has nobody to greet. */
static void
play_server_speaks(struct la_lab *lab)
{
    lose_third(lab);
    open_with_cookie(lab, LA_REASON_SYN_COOKIE);
    la_lab_mark(lab);
    la_lab_run(lab, PATIENCE_MS);
    la_lab_expect(lab,
                  lab->end[LA_SERVER].conn == 0 && lab->end[LA_CLIENT].state == LA_TCP_ESTABLISHED,
                  "the two did not hang");
    la_lab_expect(lab,
                  la_lab_sent(lab, LA_SERVER, 0, 0, 0) == NULL &&
                      la_lab_sent(lab, LA_CLIENT, 0, 0, 0) == NULL,
                  "somebody sent something");
    la_lab_abort(lab, LA_CLIENT);
    la_lab_run(lab, 100);
    la_lab_expect_octets(lab, LA_CLIENT, 0);
}

static const struct la_lab_part syn_cookies_parts[] = {
    {"a client with timestamps: nothing is missing", setup_all_options, play_stamped},
    {"a client without timestamps", setup_plain, play_plain},
    {"the third segment is lost, and the client speaks first", NULL, play_client_speaks},
    {"the third segment is lost, and the server should speak first", NULL, play_server_speaks},
};

const struct la_scenario la_scenario_syn_cookies = {
    .name = "syn-cookies",
    .summary = "a SYN is answered and forgotten: the client keeps the cookie",
    .intro =
        "Against a flood of SYNs ('syn-flood') a listener can answer without remembering "
        "(RFC 4987 3.6). The initial sequence number of its SYN,ACK is a keyed hash of the "
        "addresses, the ports and the client's number, with an index into a table of eight MSS "
        "values in its lowest bits: the cookie. The third segment of a handshake acknowledges it, "
        "and so brings it back; if the hash is right, there was a SYN, and the connection begins "
        "then. The listener uses cookies for every SYN here; by default only those that find the "
        "SYN queue full get one.\n"
        "Three bits say an MSS, and nothing else. What the client offered besides, window scale, "
        "SACK and ECN, goes into the lowest bits of our timestamp, which the client echoes. "
        "Without timestamps there is no such place: these options are not agreed upon, and the MSS "
        "is the next lower one of the table, 1380 for 1400.\n"
        "Nobody remembers the SYN, so nobody sends the SYN,ACK again. When the third segment is "
        "lost, the client's first octets bring the cookie once more (part 3). When the client "
        "waits for the server to speak, as in SMTP or SSH, both wait (part 4).",
    .look = "The server is in no state between the SYN and the third segment; in SYN-RECEIVED "
            "there is nobody.\n"
            "Part 1 agrees on what a connection without a cookie would. Part 2 says what is "
            "missing, in the SYN,ACK and in a note.\n"
            "Part 4: 30 seconds of nothing. The client believes in a connection that the server "
            "does not have; only its own application can end that. Without cookies the SYN,ACK "
            "would have come again after a second.",
    .parts = syn_cookies_parts,
    .parts_n = 4,
};
