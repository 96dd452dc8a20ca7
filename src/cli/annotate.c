/* SPDX-License-Identifier: MIT
 *
 * annotate.c - `lastack annotate`: the same capture with what the analyser says, as packet comments
 *
 * The capture is read twice: what a packet means is often known only by later ones. The first time
 * each remark is kept with the frame that it stands on; the second time packets are copied and get
 * theirs.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "capture/captures.h"
#include "cli/annotate.h"
#include "cli/cli.h"
#include "cli/explain.h"
#include "story/story.h"

enum { FLUSH_BYTES = 1 << 20, IFACES_N_MAX = 65536 };
enum { COMMENT_BYTES = 2 * LA_EXPLAIN_TEXT_BYTES };
#define MEMORY_BYTES (UINT64_C(1) << 30)

static const char help[] =
    "usage: lastack annotate CAPTURE -o OUT.pcapng\n"
    "\n"
    "Writes the same capture with comments on its packets: the states of both ends of\n"
    "the connection, each change of state with the paragraph that rules it, why a\n"
    "segment was sent again, and what else was noticed. Wireshark shows them beside\n"
    "its own; 'lastack explain' says the same in words.\n"
    "\n"
    "  -o, --output FILE  pcapng; '-': standard output\n"
    "      --names NAMES  states as rfc (FIN-WAIT-1), linux (FIN_WAIT1) or bsd\n"
    "  -h, --help         this text\n"
    "\n"
    "Exit status: 0; 1 a file could not be read or written; 2 a mistake in the\n"
    "command line; 3 the capture is damaged, and what could be understood was\n"
    "written.\n";

static int
complain(const char *what, const char *why)
{
    (void)fprintf(stderr, "lastack annotate: %s: %s\n", la_cli_shown(what), why);
    return LA_CLI_FAILED;
}

struct la_captures *
la_annotate_open(const struct annotator *a)
{
    bool is_mistaken;
    char error[LA_CAPTURE_LINE_BYTES];
    struct la_captures_options options = {0};
    struct la_captures *captures = la_captures_new(&options, &is_mistaken, error);
    if (captures != NULL && la_captures_add_file(captures, a->in, error))
        return captures;
    (void)complain(a->in, error);
    if (captures != NULL)
        la_captures_free(captures);
    return NULL;
}

/* ---- comments --------------------------------------------------------------------------- */

static const char *
end_name(unsigned end)
{
    return end == LA_END_CLIENT ? "client" : "server";
}

static void
say(struct annotator *a, const char *words, const char *cite)
{
    struct text line = la_remark_line(words, cite);
    la_pcapng_comment(&a->options, line.p);
}

static void
say_transition(struct annotator *a, const struct la_explain_transition *t)
{
    char from[LA_EXPLAIN_TEXT_BYTES], to[LA_EXPLAIN_TEXT_BYTES];
    struct text words = text_empty(), cite = text_empty();
    la_words_change(&words, end_name(t->end), la_explain_states(t->from, (uint32_t)a->names, from),
                    la_explain_states(t->to, (uint32_t)a->names, to), "→");
    la_words_because(&words, (enum la_tcp_event)t->event);
    la_text_add(&cite, t->certainty == LA_CERTAINTY_SEEN ? "%s" : "%s; inferred", t->section);
    say(a, words.p, cite.p);
}

static void
say_finding(struct annotator *a, const struct la_explain_finding *finding)
{
    char sentence[LA_EXPLAIN_TEXT_BYTES];
    say(a, la_explain_finding_text(finding, sentence, sizeof(sentence)),
        la_finding_section((enum la_finding)finding->id));
}

static void
say_states(struct annotator *a, uint32_t conn)
{
    char text[COMMENT_BYTES], client[LA_EXPLAIN_TEXT_BYTES], server[LA_EXPLAIN_TEXT_BYTES];
    const struct states *states = &a->conns[conn];
    (void)snprintf(text, sizeof(text), "#%" PRIu32 ": client %s, server %s", conn,
                   la_explain_states(states->of[LA_END_CLIENT], (uint32_t)a->names, client),
                   la_explain_states(states->of[LA_END_SERVER], (uint32_t)a->names, server));
    la_pcapng_comment(&a->options, text);
}

/* What somebody has written before stays. */
static void
keep_comment(struct annotator *a, struct la_bytes comment)
{
    char *text = comment.n == 0 ? NULL : strndup((const char *)comment.p, comment.n);
    if (text != NULL)
        la_pcapng_comment(&a->options, text);
    a->no_memory |= comment.n != 0 && text == NULL;
    free(text);
}

/* *next: the first remark that is not behind the frame; moves on. The states are those behind all
 * changes that the frame has caused. */
static void
comment(struct annotator *a, const struct la_capture_packet *packet, size_t *next)
{
    uint64_t frame = packet->frame_n;
    size_t first = *next;
    la_capture_buf_reset(&a->options);
    keep_comment(a, packet->comment);
    while (*next < a->remarks_n && a->remarks[*next].frame <= frame) {
        const struct remark *r = &a->remarks[(*next)++];
        if (r->kind == REMARK_TRANSITION)
            a->conns[r->conn].of[r->transition.end] = r->transition.to;
    }
    if (frame >= a->marks_n || a->marks[frame].conn == 0)
        return;
    say_states(a, a->marks[frame].conn - 1);
    for (size_t i = first; i < *next; i++) {
        if (a->remarks[i].frame != frame)
            continue;
        if (a->remarks[i].kind == REMARK_WORDS)
            la_pcapng_comment(&a->options, a->remarks[i].words);
        else if (a->remarks[i].kind == REMARK_TRANSITION)
            say_transition(a, &a->remarks[i].transition);
        else
            say_finding(a, &a->remarks[i].finding);
    }
}

/* ---- the second reading ----------------------------------------------------------------- */

/* An interface has one link type in pcapng; false: no memory, or too many. */
static bool
iface_of(struct annotator *a, const struct la_capture_packet *packet, uint32_t *out)
{
    uint64_t key = (uint64_t)packet->iface_idx << 16 | packet->link_type;
    for (size_t i = 0; i < a->ifaces_n; i++)
        if (a->ifaces[i] == key) {
            *out = (uint32_t)i;
            return true;
        }
    uint64_t *grown =
        a->ifaces_n < IFACES_N_MAX ? realloc(a->ifaces, (a->ifaces_n + 1) * sizeof(*grown)) : NULL;
    if (grown == NULL)
        return false;
    a->ifaces = grown;
    *out = (uint32_t)a->ifaces_n;
    a->ifaces[a->ifaces_n++] = key;
    la_pcapng_iface(&a->blocks, &(struct la_pcapng_iface){.link_type = packet->link_type});
    return true;
}

static void
flush(struct annotator *a)
{
    la_capture_output_write(&a->output, (struct la_bytes){a->blocks.p, a->blocks.n});
    la_capture_buf_reset(&a->blocks);
}

static void
copy_packets(struct annotator *a, struct la_captures *captures)
{
    struct la_capture_packet packet;
    size_t next = 0;
    uint32_t iface;
    la_pcapng_section(&a->blocks, "lastack annotate");
    while (!a->no_memory && la_captures_next(captures, &packet) == LA_CAPTURE_PACKET) {
        if (!iface_of(a, &packet, &iface)) {
            a->no_memory = true;
            break;
        }
        comment(a, &packet, &next);
        la_pcapng_packet(&a->blocks,
                         &(struct la_pcapng_packet){
                             .iface = iface,
                             .at = packet.at,
                             .outbound = packet.direction == LA_CAPTURE_OUTBOUND,
                             .no_direction = packet.direction == LA_CAPTURE_DIRECTION_UNKNOWN,
                             .wire_bytes = packet.wire_bytes,
                             .bytes = {packet.data, packet.cap_bytes},
                             .options = {a->options.p, a->options.n},
                         });
        a->no_memory |= a->blocks.failed || a->options.failed;
        if (a->blocks.n >= FLUSH_BYTES)
            flush(a);
    }
    flush(a);
    const struct la_capture_note *notes;
    size_t notes_n = la_captures_notes(captures, 0, &notes);
    for (size_t i = 0; i < notes_n; i++) {
        a->damaged |= notes[i].is_damage;
        (void)complain(a->in, notes[i].text);
    }
}

static bool
is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int
write_out(struct annotator *a)
{
    struct la_captures *captures = la_annotate_open(a);
    if (captures == NULL)
        return LA_CLI_FAILED;
    int error = la_capture_output_open(&a->output, a->out);
    if (error == 0) {
        copy_packets(a, captures);
        error = la_capture_output_close(&a->output);
    }
    bool failed = la_captures_failed(captures); /* Its notes say why. */
    la_captures_free(captures);
    if (error != 0) {
        return la_cli_unwritten("annotate", a->out, error);
    }
    if (a->no_memory || (a->unread && !failed))
        return complain(a->in, "not enough memory for all of its comments");
    if (failed)
        return LA_CLI_FAILED;
    return a->damaged ? LA_EXPLAIN_STATUS_DAMAGED : LA_CLI_OK;
}

/* ---- the command line ------------------------------------------------------------------- */

static int
wrong(const char *what, const char *word)
{
    return la_cli_usage("annotate", what, word);
}

static int
annotate(struct annotator *a)
{
    struct la_mem *mem = la_mem_new(la_host_alloc(), MEMORY_BYTES);
    bool done = mem != NULL && la_annotate_remark(a, mem);
    if (mem != NULL)
        la_mem_unref(mem);
    int status = LA_CLI_FAILED;
    if (done)
        status = write_out(a);
    else if (mem == NULL || a->no_memory)
        (void)complain(a->in, "not enough memory for all of its comments");
    for (size_t i = 0; i < a->remarks_n; i++)
        free(a->remarks[i].words);
    free(a->marks);
    free(a->remarks);
    free(a->conns);
    free(a->ifaces);
    la_capture_buf_fini(&a->blocks);
    la_capture_buf_fini(&a->options);
    return status;
}

int
la_cli_annotate(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"names", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct annotator a = {.names = LA_NAMES_RFC};
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(help, stdout);
            return LA_CLI_OK;
        }
        if (option == ':')
            return wrong("a value is missing behind ", argv[optind - 1]);
        if (option == 'n' && !la_names_parse(optarg, &a.names))
            return wrong("--names is rfc, linux or bsd, not ", optarg);
        if (option == 'o')
            a.out = optarg;
        else if (option != 'n')
            return wrong("no option ", argv[optind - 1]);
    }
    if (optind + 1 != argc)
        return wrong("one capture is wanted", NULL);
    if (a.out == NULL)
        return wrong("the output is missing: -o OUT.pcapng", NULL);
    a.in = argv[optind];
    if (strcmp(a.in, "-") == 0)
        return wrong("the capture is read twice, so it cannot be standard input", NULL);
    if (is_same_file(a.in, a.out))
        return wrong("the output would overwrite the capture: ", a.out);
    return annotate(&a);
}
