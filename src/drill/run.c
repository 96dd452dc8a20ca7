/* SPDX-License-Identifier: MIT
 *
 * run.c - plays a script: events one by one, and virtual time between them
 */
#include "drill/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/time.h"
#include "drill/names.h"
#include "ways/layout.h"

enum { BEGIN_S = 1000000, STEPS_N_MAX = 5000000, ROUNDS_N_MAX = 4096, BURST_N = 32 };
enum { TIMERS_N = 1024, ANY_WAIT_S = 1000000 };

/* ---- words ------------------------------------------------------------------------------ */

bool
la_drill_fail(struct la_drill_run *run, const char *format, ...)
{
    struct la_drill_result *result = run->result;
    if (run->failed)
        return false;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(result->mistake.text, sizeof(result->mistake.text), format, args);
    va_end(args);
    run->failed = true;
    result->outcome = LA_DRILL_FAILED;
    result->mistake.line = run->line;
    return false;
}

static const char *
clock_text(int64_t us, char out[32])
{
    (void)snprintf(out, 32, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
    return out;
}

void
la_drill_fail_came(struct la_drill_run *run, const char *came)
{
    (void)snprintf(run->result->came, sizeof(run->result->came), "%s", came);
}

la_instant
la_drill_now(const struct la_drill_run *run)
{
    return la_instant_add_us((la_instant){BEGIN_S * LA_NS_PER_S}, run->now_us);
}

/* ---- what can be done now --------------------------------------------------------------- */

static bool
keep(struct la_drill_run *run, struct la_frame *frame)
{
    size_t n = la_frame_len(frame);
    struct la_drill_sent *sent = malloc(sizeof(*sent) + n);
    if (sent == NULL || run->sent_n == LA_DRILL_SENT_N_MAX) {
        free(sent);
        return la_drill_fail(run, "the stack sends more and more that no line expects");
    }
    *sent = (struct la_drill_sent){run->now_us, la_frame_copy_out(frame, 0, sent->bytes, n), NULL};
    if (run->ways.layout_bsd)
        la_ways_layout_bsd(sent->bytes, sent->n);
    if (run->sent_first == NULL)
        run->sent_first = sent;
    else
        run->sent_last->next = sent;
    run->sent_last = sent;
    run->sent_n++;
    return true;
}

static bool
collect(struct la_drill_run *run, bool *any)
{
    struct la_frame *frames[BURST_N];
    size_t n;
    do {
        n = la_stack_output(run->stack, 0, frames, BURST_N, la_drill_now(run));
        for (size_t i = 0; i < n; i++) {
            if (!run->failed)
                keep(run, frames[i]);
            la_frame_free(frames[i]);
        }
        *any |= n != 0;
    } while (n == BURST_N && !run->failed);
    return !run->failed;
}

bool
la_drill_move(struct la_drill_run *run)
{
    bool any = la_stack_run(run->stack, la_drill_now(run), TIMERS_N);
    return collect(run, &any);
}

/* The call that waits: what it gave, and whether it was time. */
static bool
take_answer(struct la_drill_run *run, const struct la_drill_event *event,
            const struct la_drill_answer *answer)
{
    const struct la_drill_call *call = event->call;
    char came[LA_DRILL_MESSAGE_BYTES], at[32], due[32];
    bool named = call->error != NULL || call->result >= 0; /* -1 alone is any error */
    bool wrong_error =
        named && ((answer->error == NULL) != (call->error == NULL) ||
                  (call->error != NULL && !la_drill_same_errno(call->error, answer->error)));
    if (!call->any_result && (answer->value != call->result || wrong_error)) {
        (void)snprintf(came, sizeof(came), "%s() = %lld %s", call->name, (long long)answer->value,
                       answer->error == NULL ? "" : answer->error);
        la_drill_fail(run, "the call gave something else");
        la_drill_fail_came(run, came);
        return false;
    }
    if (event->when.has_end && event == run->pending) {
        int64_t off = run->now_us - run->pending_end_us;
        int64_t tolerance_us =
            la_drill_tolerance_us(run, run->pending_end_us - run->pending_from_us);
        if (off > tolerance_us || off < -tolerance_us)
            return la_drill_fail(run, "the call returned at %s, not at %s",
                                 clock_text(run->now_us, at), clock_text(run->pending_end_us, due));
    }
    return true;
}

static bool
go_on(struct la_drill_run *run, bool *any)
{
    struct la_drill_answer answer = {0};
    const struct la_drill_event *event = run->pending;
    if (event == NULL)
        return true;
    uint32_t line = run->line;
    run->line = event->line;
    uint64_t moved_n = run->moved_n;
    bool good = la_drill_do(run, event, &answer);
    if (good && !answer.blocked) {
        good = take_answer(run, event, &answer);
        run->pending = NULL;
    }
    *any |= run->pending == NULL || run->moved_n != moved_n;
    run->line = line;
    return good;
}

bool
la_drill_settle(struct la_drill_run *run)
{
    bool any = true;
    for (unsigned round = 0; any && round < ROUNDS_N_MAX; round++) {
        any = la_stack_run(run->stack, la_drill_now(run), TIMERS_N);
        if (!collect(run, &any))
            return false;
        any |= la_drill_heard(run);
        if (!go_on(run, &any))
            return false;
        if (++run->steps_n > STEPS_N_MAX)
            return la_drill_fail(run, "the script takes more than %d steps", STEPS_N_MAX);
    }
    return !run->failed;
}

/* ---- time ------------------------------------------------------------------------------- */

static int64_t
deadline_us(const struct la_drill_run *run)
{
    la_instant at = la_stack_deadline(run->stack);
    if (la_instant_is_never(at))
        return INT64_MAX;
    int64_t us = (at.ns - BEGIN_S * LA_NS_PER_S + LA_NS_PER_US - 1) / LA_NS_PER_US;
    return us > run->now_us ? us : run->now_us + 1; /* an early deadline is asked again */
}

int64_t
la_drill_tolerance_us(const struct la_drill_run *run, int64_t after_us)
{
    enum { PERMILL = 125 }; /* packetdrill's: how far Linux's timers may be off */
    const struct la_drill_cfg *cfg = &run->script->cfg;
    int64_t permill = cfg->tolerance_permill >= 0 ? cfg->tolerance_permill
                      : run->strict               ? 0
                                                  : PERMILL;
    int64_t part_us = after_us / 1000 * permill;
    return part_us > cfg->tolerance_us ? part_us : cfg->tolerance_us;
}

bool
la_drill_advance(struct la_drill_run *run, int64_t until_us, bool stop_at_sent)
{
    while (la_drill_settle(run)) {
        if (stop_at_sent && run->sent_first != NULL)
            return true;
        int64_t next_us = deadline_us(run);
        if (run->pending != NULL && run->pending_end_us > run->now_us &&
            run->pending_end_us < next_us)
            next_us = run->pending_end_us; /* the time-out of poll() */
        if (next_us > until_us) {
            if (until_us > run->now_us && until_us != INT64_MAX) {
                run->now_us = until_us;
                return la_drill_settle(run);
            }
            return true;
        }
        run->now_us = next_us;
    }
    return false;
}

static int64_t
due_us(const struct la_drill_run *run, const struct la_drill_when *when, int64_t us)
{
    return when->clock == LA_DRILL_ABSOLUTE ? us : run->event_us + us;
}

/* ---- events ----------------------------------------------------------------------------- */

static bool
came_in_time(struct la_drill_run *run, const struct la_drill_event *event, int64_t from_us,
             int64_t until_us, int64_t at_us)
{
    char came[LA_DRILL_MESSAGE_BYTES], at[32], due[32];
    int64_t tolerance_us = la_drill_tolerance_us(run, from_us - run->event_us);
    if (event->when.clock == LA_DRILL_ANY || (at_us >= from_us - tolerance_us && at_us <= until_us))
        return true;
    (void)snprintf(came, sizeof(came), "the same at %s", clock_text(at_us, at));
    la_drill_fail(run, "the packet came at %s, not at %s", at, clock_text(from_us, due));
    la_drill_fail_came(run, came);
    return false;
}

static bool
play_out(struct la_drill_run *run, const struct la_drill_event *event)
{
    const struct la_drill_when *when = &event->when;
    int64_t from_us = 0, until_us = run->now_us + ANY_WAIT_S * INT64_C(1000000), at_us = 0;
    struct la_drill_seen seen;
    void *taken;
    if (when->clock != LA_DRILL_ANY) {
        from_us = due_us(run, when, when->from_us);
        until_us = when->has_range ? due_us(run, when, when->until_us) : from_us;
        until_us += la_drill_tolerance_us(run, from_us - run->event_us);
    }
    bool good = la_drill_gather(run, event, until_us, &seen, &at_us, &taken) &&
                la_drill_match(run, event, &seen) &&
                came_in_time(run, event, from_us, until_us, at_us);
    free(taken);
    bool exact = when->clock != LA_DRILL_ANY && !when->has_range;
    run->event_us = !run->strict ? run->now_us : exact ? from_us : at_us;
    return good;
}

/* With packetdrill the first SYN to a socket that has begun to listen comes from another port than
 * those to the sockets before it. */
static bool
is_new_peer(struct la_drill_run *run, const struct la_drill_packet *packet)
{
    bool is = run->listens_anew && !packet->has_ports && packet->protocol == LA_DRILL_TCP &&
              (packet->flags & (LA_TCP_SYN | LA_TCP_ACK)) == LA_TCP_SYN;
    run->listens_anew &= !is;
    return is;
}

static bool
play_in(struct la_drill_run *run, const struct la_drill_packet *packet)
{
    uint8_t octets[LA_DRILL_PACKET_BYTES];
    const struct la_drill_cfg *cfg = &run->script->cfg;
    struct la_drill_flow *flow = run->flow;
    if (is_new_peer(run, packet)) {
        struct la_endpoint local = {la_drill_addr(cfg, true), cfg->bind_port};
        struct la_endpoint remote = {la_drill_addr(cfg, false),
                                     (uint16_t)(cfg->peer_port + run->peers_n++)};
        flow = la_drill_flow_get(run, &local, &remote);
    } else if (flow == NULL || packet->has_ports) {
        struct la_endpoint local = {la_drill_addr(cfg, true),
                                    packet->has_ports ? packet->dst_port : cfg->bind_port};
        struct la_endpoint remote = {la_drill_addr(cfg, false),
                                     packet->has_ports ? packet->src_port : cfg->peer_port};
        flow = la_drill_flow_get(run, &local, &remote);
    }
    if (flow == NULL)
        return false;
    run->flow = flow;
    if ((packet->flags & LA_TCP_SYN) != 0 && !flow->irs_known) {
        flow->irs = packet->seq;
        flow->irs_known = true;
    } else if ((packet->flags & LA_TCP_SYN) != 0 && packet->seq != flow->irs) {
        flow->irs_next = packet->seq;
        flow->fresh = true;
    }
    size_t n = la_drill_make(run, flow, packet, (struct la_room){octets, sizeof(octets)});
    if (n == 0)
        return la_drill_fail(run, "the packet has no room for all of that");
    struct la_frame *frame = la_frame_from_bytes(run->mem, (struct la_bytes){octets, n});
    if (frame == NULL)
        return la_drill_fail(run, "out of memory");
    la_stack_input(run->stack, 0, &frame, 1, la_drill_now(run));
    return la_drill_settle(run);
}

/* A call that waits though the script does not say so: there is nothing else to be done, and only
 * time passes until it returns. */
static bool
wait_alone(struct la_drill_run *run, const struct la_drill_event *event)
{
    run->pending = event;
    run->pending_end_us = -1;
    if (!la_drill_settle(run))
        return false;
    while (run->pending != NULL) {
        int64_t next_us = deadline_us(run);
        if (next_us == INT64_MAX)
            return la_drill_fail(run, "the call waits, and nothing is left that could end that");
        if (!la_drill_advance(run, next_us, false))
            return false;
    }
    return true;
}

static bool
play_call(struct la_drill_run *run, const struct la_drill_event *event, int64_t end_us)
{
    struct la_drill_answer answer = {0};
    if (run->pending != NULL)
        return la_drill_fail(run, "the call of line %u has not returned yet", run->pending->line);
    run->moved_n = run->syn_n = 0;
    run->opened = false;
    run->pending_from_us = run->now_us;
    if (!la_drill_do(run, event, &answer))
        return false;
    if (answer.blocked && !event->when.has_end && !run->strict)
        return wait_alone(run, event);
    if (answer.blocked && !event->when.has_end)
        return la_drill_fail(run, "the call waits here: say when it returns (+0...0.1), or set "
                                  "O_NONBLOCK");
    if (answer.blocked) {
        run->pending = event;
        run->pending_end_us = end_us;
        return la_drill_settle(run);
    }
    if (event->when.has_end && event->when.until_us != event->when.from_us)
        return la_drill_fail(run, "the call returned at once");
    return take_answer(run, event, &answer) && la_drill_settle(run);
}

static bool
play_event(struct la_drill_run *run, const struct la_drill_event *event)
{
    run->line = event->line;
    if (event->kind == LA_DRILL_PACKET && event->packet->out)
        return play_out(run, event);
    int64_t due = due_us(run, &event->when, event->when.from_us);
    int64_t end_us = due_us(run, &event->when, event->when.until_us); /* of a call */
    if (due < run->event_us && (run->strict || due + run->script->cfg.tolerance_us < run->event_us))
        return la_drill_fail(run, "the event lies before the one above it");
    if (!run->strict && event->kind == LA_DRILL_CALL && due <= run->now_us)
        due = run->now_us + 1; /* a call is made later than what was before it */
    if (!la_drill_advance(run, due, false))
        return false;
    run->event_us = run->strict ? due : run->now_us;
    if (run->pending != NULL &&
        run->now_us > run->pending_end_us +
                          la_drill_tolerance_us(run, run->pending_end_us - run->pending_from_us))
        return la_drill_fail(run, "the call of line %u has not returned", run->pending->line);
    switch ((enum la_drill_event_kind)event->kind) {
    case LA_DRILL_PACKET:
        return play_in(run, event->packet);
    case LA_DRILL_CALL:
        return play_call(run, event, end_us);
    case LA_DRILL_CHECK:
        return la_drill_settle(run) && la_drill_check(run, event);
    case LA_DRILL_COMMAND:
        return la_drill_settle(run) && la_drill_command(run, event);
    }
    return true;
}

/* Behind the last event: calls return, and nothing was sent that no line expects. */
static bool
play_end(struct la_drill_run *run)
{
    struct la_drill_seen seen;
    char came[LA_DRILL_MESSAGE_BYTES];
    if (run->pending != NULL) {
        const struct la_drill_event *event = run->pending;
        run->line = event->line;
        int64_t span_us = run->pending_end_us - run->pending_from_us;
        if (!la_drill_advance(run, run->pending_end_us + la_drill_tolerance_us(run, span_us),
                              false))
            return false;
        if (run->pending != NULL)
            return la_drill_fail(run, "the call has not returned");
    }
    const struct la_drill_sent *sent = run->sent_first;
    if (sent == NULL || !run->strict) /* packetdrill looks no further */
        return true;
    la_drill_fail(run, "the stack sent a packet that no line expects");
    if (la_drill_look(&seen, (struct la_bytes){sent->bytes, sent->n})) {
        struct la_drill_flow *flow = la_drill_flow_get(run, &seen.src, &seen.dst);
        if (flow != NULL) {
            la_drill_show(run, flow, &seen, came);
            la_drill_fail_came(run, came);
        }
    }
    return false;
}

/* Scripts for another stack are judged as packetdrill judges them. */
static bool
is_strict(const struct la_drill_script *script, const struct la_drill_origin *origin)
{
    if (script->cfg.strict != LA_DRILL_STRICT_BY_ORIGIN)
        return script->cfg.strict == LA_DRILL_STRICT;
    return origin->profile == NULL || strcmp(origin->profile, "default") == 0;
}

/* A script may hold anything; what is said about it are lines. */
static void
make_printable(char *text)
{
    for (; *text != 0; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = *text == '\t' ? ' ' : '?';
}

void
la_drill_play(struct la_drill_script *script, const struct la_trace *hears,
              struct la_drill_result *result)
{
    struct la_drill_run *run = calloc(1, sizeof(*run));
    *result = (struct la_drill_result){.outcome = LA_DRILL_PASSED};
    if (run == NULL) {
        result->outcome = LA_DRILL_FAILED;
        (void)snprintf(result->mistake.text, sizeof(result->mistake.text), "out of memory");
        return;
    }
    run->script = script;
    run->result = result;
    la_drill_origin_find(script, &result->origin);
    run->strict = is_strict(script, &result->origin);
    run->segments_strict = run->strict || script->cfg.strict_segments;
    const struct la_drill_event *event = script->events;
    if (la_drill_stack_make(run, hears)) {
        while (event != NULL && play_event(run, event)) {
            result->events_n++;
            event = event->next;
        }
        if (!run->failed && !play_end(run))
            event = NULL;
    }
    if (run->failed && event != NULL)
        (void)snprintf(result->expected, sizeof(result->expected), "%.*s", (int)event->source.n,
                       (const char *)event->source.p);
    make_printable(result->mistake.text);
    make_printable(result->expected);
    make_printable(result->came);
    result->time_us = run->now_us;
    if (run->stack != NULL) /* what ends with the script is not its story */
        la_stack_trace_set(run->stack, &(struct la_trace){NULL, NULL, 0});
    la_drill_stack_end(run);
    free(run);
}
