/* SPDX-License-Identifier: MIT
 *
 * names.c - the vocabulary in words: states, events, reasons, causes
 */
#include <lastack/event.h>

/* Every spelling of a state, for output and for input. `also` is what ss and netstat say besides.
 */
enum { SPELLINGS_N = LA_NAMES_COUNT + 1 };

static const char *const states[LA_TCP_STATE_COUNT][SPELLINGS_N] = {
    /* LA_NAMES_RFC, LA_NAMES_LINUX, LA_NAMES_BSD, also */
    [LA_TCP_CLOSED] = {"CLOSED", "CLOSE", "CLOSED", "UNCONN"},
    [LA_TCP_LISTEN] = {"LISTEN", "LISTEN", "LISTEN", "LISTENING"},
    [LA_TCP_SYN_SENT] = {"SYN-SENT", "SYN_SENT", "SYN_SENT", NULL},
    [LA_TCP_SYN_RECEIVED] = {"SYN-RECEIVED", "SYN_RECV", "SYN_RCVD", NULL},
    [LA_TCP_SYN_RECEIVED_ACTIVE] = {"SYN-RECEIVED", "SYN_RECV", "SYN_RCVD", NULL},
    [LA_TCP_ESTABLISHED] = {"ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "ESTAB"},
    [LA_TCP_FIN_WAIT_1] = {"FIN-WAIT-1", "FIN_WAIT1", "FIN_WAIT_1", NULL},
    [LA_TCP_FIN_WAIT_2] = {"FIN-WAIT-2", "FIN_WAIT2", "FIN_WAIT_2", NULL},
    [LA_TCP_CLOSE_WAIT] = {"CLOSE-WAIT", "CLOSE_WAIT", "CLOSE_WAIT", NULL},
    [LA_TCP_CLOSING] = {"CLOSING", "CLOSING", "CLOSING", NULL},
    [LA_TCP_LAST_ACK] = {"LAST-ACK", "LAST_ACK", "LAST_ACK", NULL},
    [LA_TCP_TIME_WAIT] = {"TIME-WAIT", "TIME_WAIT", "TIME_WAIT", NULL},
};

static const char *const namings[LA_NAMES_COUNT] = {"rfc", "linux", "bsd"};

#define BIT(state) (UINT32_C(1) << LA_TCP_##state)
#define ALL_STATES ((UINT32_C(1) << LA_TCP_STATE_COUNT) - BIT(CLOSED))
#define CONNECTED (ALL_STATES & ~(BIT(LISTEN) | BIT(CLOSED)))
#define SMALL (BIT(SYN_RECEIVED) | BIT(SYN_RECEIVED_ACTIVE) | BIT(TIME_WAIT))

/* Groups as ss has them (ss(8), STATE-FILTER). */
static const struct {
    const char *name;
    uint32_t states;
} groups[] = {
    {"ALL", ALL_STATES}, {"CONNECTED", CONNECTED},     {"SYNCHRONIZED", CONNECTED & ~BIT(SYN_SENT)},
    {"BUCKET", SMALL},   {"BIG", ALL_STATES & ~SMALL},
};

static const struct {
    const char *name, *text;
} events[LA_TCP_EV_COUNT] = {
#define EVENT(name, text) {#name, text},
#include <lastack/tcp_event.def>
#undef EVENT
};

static const struct {
    const char *name, *section, *text;
} reasons[LA_REASON_COUNT] = {
    {"NONE", "-", "none"},
#define REASON(name, section, text) {#name, section, text},
#include <lastack/reason.def>
#undef REASON
};

static const char *const kinds[LA_EVENT_KIND_COUNT] = {
    "SEGMENT_SENT", "SEGMENT_ARRIVED", "WIRE", "STATE",      "DROP",  "TIMER",  "RTT",
    "CONGESTION",   "WINDOW",          "CALL", "NEGOTIATED", "ERROR", "URGENT", "ECN",
    "LOSS",
};

static const struct {
    const char *name, *text;
} causes[LA_CAUSE_COUNT] = {
    [LA_CAUSE_NONE] = {"NONE", "cause not known"},
    [LA_CAUSE_OPEN] = {"OPEN", "opening"},
    [LA_CAUSE_DATA] = {"DATA", "new data"},
    [LA_CAUSE_FIN] = {"FIN", "nothing more to send"},
    [LA_CAUSE_ACK] = {"ACK", "acknowledgement due at once"},
    [LA_CAUSE_ACK_DELAYED] = {"ACK_DELAYED", "delayed acknowledgement"},
    [LA_CAUSE_ACK_DUPLICATE] = {"ACK_DUPLICATE", "duplicate acknowledgement: a gap or old data"},
    [LA_CAUSE_ACK_CHALLENGE] = {"ACK_CHALLENGE", "challenge acknowledgement"},
    [LA_CAUSE_WINDOW_UPDATE] = {"WINDOW_UPDATE", "window update"},
    [LA_CAUSE_RETRANSMIT_RTO] = {"RETRANSMIT_RTO", "retransmission timeout"},
    [LA_CAUSE_RETRANSMIT_FAST] = {"RETRANSMIT_FAST", "fast retransmit: third duplicate ACK"},
    [LA_CAUSE_RETRANSMIT_PARTIAL] = {"RETRANSMIT_PARTIAL", "partial ACK during recovery"},
    [LA_CAUSE_RETRANSMIT_SACK] = {"RETRANSMIT_SACK", "hole between SACK blocks"},
    [LA_CAUSE_RETRANSMIT_RACK] = {"RETRANSMIT_RACK", "a later segment was acknowledged first"},
    [LA_CAUSE_RETRANSMIT_SYN_TEXT] = {"RETRANSMIT_SYN_TEXT", "the SYN alone was acknowledged"},
    [LA_CAUSE_RETRANSMIT_MTU] = {"RETRANSMIT_MTU", "it was larger than the path takes"},
    [LA_CAUSE_MTU_PROBE] = {"MTU_PROBE", "does the path take so much?"},
    [LA_CAUSE_TAIL_PROBE] = {"TAIL_PROBE", "tail loss probe"},
    [LA_CAUSE_WINDOW_PROBE] = {"WINDOW_PROBE", "zero-window probe"},
    [LA_CAUSE_KEEPALIVE] = {"KEEPALIVE", "keep-alive probe"},
    [LA_CAUSE_RST_REFUSED] = {"RST_REFUSED", "no such connection"},
    [LA_CAUSE_RST_ABORT] = {"RST_ABORT", "aborted"},
    [LA_CAUSE_RST_TIMEOUT] = {"RST_TIMEOUT", "gave up"},
};

static const char *const timers[LA_TIMER_COUNT] = {
    "RETRANSMIT", "PERSIST", "DELAYED_ACK", "KEEPALIVE", "FIN_WAIT_2",
    "TIME_WAIT",  "USER",    "REORDER",     "PROBE",
};

static const char *const calls[LA_CALL_COUNT] = {
    "OPEN_ACTIVE", "OPEN_PASSIVE", "SEND", "RECEIVE", "CLOSE", "ABORT", "RELEASE", "SEND_URGENT",
};

static const char *const cc_whys[LA_CC_WHY_COUNT] = {
    [LA_CC_WHY_PHASE] = "PHASE",       [LA_CC_WHY_CSS_BEGINS] = "CSS_BEGINS",
    [LA_CC_WHY_CSS_ENDS] = "CSS_ENDS", [LA_CC_WHY_RESTED] = "RESTED",
    [LA_CC_WHY_UNUSED] = "UNUSED",
};

static const char *const phases[LA_CC_PHASE_COUNT] = {
    "SLOW_START", "AVOIDANCE",  "RECOVERY",   "LOSS",   "BBR_STARTUP",   "BBR_DRAIN",
    "BBR_DOWN",   "BBR_CRUISE", "BBR_REFILL", "BBR_UP", "BBR_PROBE_RTT",
};

static const char *const fates[] = {
    "?", "DELIVERED", "DROPPED", "CORRUPTED", "DUPLICATED", "REORDERED", "MARKED",
};

static const char *const ecn_steps[LA_ECN_STEP_END] = {
    "?",       "SYN_PLAIN", "MARK_SEEN", "REDUCED",    "ECHO_ENDS",
    "COUNTED", "MANGLED",   "ZEROED",    "ALL_MARKED",
};

static const char *const loss_rules[LA_LOSS_RULE_END] = {
    "?",
    "DUP_ACKS",
    "SACK",
    "RACK",
    "PROBE_REPAIRED",
    "UNDONE_EIFEL",
    "UNDONE_DSACK",
    "UNDONE_FRTO",
    "MTU_TOLD",
    "MTU_KNOWN",
    "MTU_BLACK_HOLE",
    "MTU_PROBE_LOST",
    "MTU_PROBED",
};

static const char *const ip_ecns[] = {"Not-ECT", "ECT(1)", "ECT(0)", "CE"};

#define PICK(table, i) ((size_t)(i) < sizeof(table) / sizeof((table)[0]) ? (table)[i] : "?")
#define PICK_FIELD(table, i, field)                                                                \
    ((size_t)(i) < sizeof(table) / sizeof((table)[0]) ? (table)[i].field : "?")

const char *
la_tcp_state_name(enum la_tcp_state state, enum la_names names)
{
    if (state < LA_TCP_CLOSED || state >= LA_TCP_STATE_COUNT)
        return "?";
    return states[state][(unsigned)names < LA_NAMES_COUNT ? names : LA_NAMES_RFC];
}

/* Letters without case, '_' as '-'. */
static bool
same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a == '_' ? '-' : *a;
        char y = *b == '_' ? '-' : *b;
        if (x >= 'a' && x <= 'z')
            x = (char)(x - 'a' + 'A');
        if (y >= 'a' && y <= 'z')
            y = (char)(y - 'a' + 'A');
        if (x != y)
            return false;
        if (x == 0)
            return true;
    }
}

static bool
is_spelling(const char *text, unsigned state)
{
    for (unsigned i = 0; i < SPELLINGS_N; i++)
        if (states[state][i] != NULL && same_word(text, states[state][i]))
            return true;
    return false;
}

enum la_tcp_state
la_tcp_state_parse(const char *text)
{
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++)
        if (is_spelling(text, s))
            return (enum la_tcp_state)s;
    return (enum la_tcp_state)0;
}

uint32_t
la_tcp_states_parse(const char *text)
{
    uint32_t found = 0;
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++)
        if (is_spelling(text, s))
            found |= UINT32_C(1) << s;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (same_word(text, groups[i].name))
            found = groups[i].states;
    return found;
}

bool
la_names_parse(const char *text, enum la_names *out)
{
    for (unsigned i = 0; i < LA_NAMES_COUNT; i++) {
        if (same_word(text, namings[i])) {
            *out = (enum la_names)i;
            return true;
        }
    }
    return false;
}

const char *
la_tcp_event_name(enum la_tcp_event event)
{
    return PICK_FIELD(events, event, name);
}

const char *
la_tcp_event_text(enum la_tcp_event event)
{
    return PICK_FIELD(events, event, text);
}

const char *
la_reason_name(enum la_reason reason)
{
    return PICK_FIELD(reasons, reason, name);
}

const char *
la_reason_section(enum la_reason reason)
{
    return PICK_FIELD(reasons, reason, section);
}

const char *
la_reason_text(enum la_reason reason)
{
    return PICK_FIELD(reasons, reason, text);
}

const char *
la_event_kind_name(enum la_event_kind kind)
{
    return PICK(kinds, kind);
}

const char *
la_cause_name(enum la_cause cause)
{
    return PICK_FIELD(causes, cause, name);
}

const char *
la_cause_text(enum la_cause cause)
{
    return PICK_FIELD(causes, cause, text);
}

const char *
la_timer_name(enum la_timer_kind timer)
{
    return PICK(timers, timer);
}

const char *
la_call_name(enum la_call call)
{
    return PICK(calls, call);
}

const char *
la_cc_phase_name(enum la_cc_phase phase)
{
    return PICK(phases, phase);
}

const char *
la_cc_why_name(enum la_cc_why why)
{
    return PICK(cc_whys, why);
}

const char *
la_wire_fate_name(enum la_wire_fate fate)
{
    return PICK(fates, fate);
}

const char *
la_ecn_step_name(enum la_ecn_step step)
{
    return PICK(ecn_steps, step);
}

const char *
la_loss_rule_name(enum la_loss_rule rule)
{
    return PICK(loss_rules, rule);
}

const char *
la_ip_ecn_name(enum la_ip_ecn ecn)
{
    return PICK(ip_ecns, ecn);
}
