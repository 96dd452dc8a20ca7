/* SPDX-License-Identifier: MIT
 *
 * names.c - the analyser's vocabulary in words
 */
#include <lastack/explain.h>

#include "explain/words.h"
#include "proto/tcp_fsm.h"

#define NAME_OF(names, i) ((size_t)(i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "?")

static const char *const certainties[] = {"unknown", "inferred", "seen"};
static const char *const whos[] = {"none", "client", "server", "both", "third-party", "unknown"};
static const char *const opens[] = {
    "mid-stream", "three-way",  "fast-open", "simultaneous", "split",
    "half-open",  "unanswered", "refused",   "unreachable",
};
static const char *const closes[] = {
    "open",    "four-segment", "three-segment", "simultaneous", "reset",     "fin-then-reset",
    "refused", "unreachable",  "syn-timeout",   "timeout",      "half-open",
};
static const char *const causes[] = {
    "none",        "unknown",      "refused",          "backlog",
    "unread-data", "linger-abort", "data-after-close", "half-open-peer",
    "timeout",     "middlebox",    "injected",         "stray",
};
static const char *const places[] = {"unknown", "near-client", "near-server", "between"};
static const char *const families[] = {"unknown", "reno", "cubic", "bbr"};

static const struct {
    const char *name, *requirement, *section, *text;
} findings[] = {
#define FINDING(name, requirement, section, text) {#name, requirement, section, text},
#include <lastack/finding.def>
#undef FINDING
};

_Static_assert(sizeof(certainties) / sizeof(certainties[0]) == LA_CERTAINTY_COUNT, "all named");
_Static_assert(sizeof(whos) / sizeof(whos[0]) == LA_WHO_COUNT, "all named");
_Static_assert(sizeof(opens) / sizeof(opens[0]) == LA_OPEN_KIND_COUNT, "all named");
_Static_assert(sizeof(closes) / sizeof(closes[0]) == LA_CLOSE_KIND_COUNT, "all named");
_Static_assert(sizeof(causes) / sizeof(causes[0]) == LA_RESET_CAUSE_COUNT, "all named");
_Static_assert(sizeof(places) / sizeof(places[0]) == LA_TAP_PLACE_COUNT, "all named");
_Static_assert(sizeof(families) / sizeof(families[0]) == LA_CONGESTION_FAMILY_COUNT, "all named");

const char *
la_certainty_name(enum la_certainty certainty)
{
    return NAME_OF(certainties, certainty);
}

const char *
la_who_name(enum la_who who)
{
    return NAME_OF(whos, who);
}

const char *
la_open_kind_name(enum la_open_kind kind)
{
    return NAME_OF(opens, kind);
}

const char *
la_close_kind_name(enum la_close_kind kind)
{
    return NAME_OF(closes, kind);
}

const char *
la_reset_cause_name(enum la_reset_cause cause)
{
    return NAME_OF(causes, cause);
}

const char *
la_tap_place_name(enum la_tap_place place)
{
    return NAME_OF(places, place);
}

const char *
la_congestion_family_name(enum la_congestion_family family)
{
    return NAME_OF(families, family);
}

const char *
la_finding_name(enum la_finding finding)
{
    return (size_t)finding < LA_FINDING_COUNT ? findings[finding].name : "?";
}

const char *
la_finding_requirement(enum la_finding finding)
{
    return (size_t)finding < LA_FINDING_COUNT ? findings[finding].requirement : "";
}

const char *
la_finding_section(enum la_finding finding)
{
    return (size_t)finding < LA_FINDING_COUNT ? findings[finding].section : "";
}

/* ---- a finding as a sentence -------------------------------------------------------------- */

struct text {
    char *p;
    size_t n, cap; /* cap leaves room for the zero octet */
};

static void
put(struct text *text, const char *s)
{
    for (; *s != '\0' && text->n < text->cap; s++)
        text->p[text->n++] = *s;
}

static void
put_number(struct text *text, int64_t value)
{
    char digits[24];
    size_t n = sizeof(digits) - 1;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    digits[n] = '\0';
    do {
        digits[--n] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--n] = '-';
    put(text, digits + n);
}

/* Three digits: "312 us", "40.2 ms", "1.02 s", "65.3 s", "3600 s". */
static void
put_duration(struct text *text, int64_t us)
{
    static const struct {
        int64_t us;
        const char *unit;
    } units[] = {{1000000, " s"}, {1000, " ms"}};
    for (size_t i = 0; i < 2; i++) {
        if (us < units[i].us)
            continue;
        int64_t hundredths = us / (units[i].us / 100);
        put_number(text, hundredths / 100);
        if (hundredths < 10000) {
            char fraction[4] = {'.', (char)('0' + hundredths / 10 % 10),
                                (char)('0' + hundredths % 10), '\0'};
            fraction[hundredths < 1000 ? 3 : 2] = '\0';
            put(text, fraction);
        }
        put(text, units[i].unit);
        return;
    }
    put_number(text, us);
    put(text, " us");
}

/* The two kinds of SYN-RECEIVED have one name. */
static void
put_states(struct text *text, int64_t set)
{
    bool first = true;
    if ((set & LA_TCP_STATE_BIT(LA_TCP_SYN_RECEIVED)) != 0)
        set &= ~(int64_t)LA_TCP_STATE_BIT(LA_TCP_SYN_RECEIVED_ACTIVE);
    for (unsigned s = 1; s < LA_TCP_STATE_COUNT; s++)
        if ((set >> s & 1) != 0) {
            put(text, first ? "" : "/");
            put(text, la_tcp_state_name((enum la_tcp_state)s, LA_NAMES_RFC));
            first = false;
        }
    put(text, first ? "no state" : "");
}

static bool
is_unit(const char *unit, size_t n, const char *name)
{
    size_t i = 0;
    while (i < n && name[i] == unit[i] && name[i] != '\0')
        i++;
    return i == n && name[i] == '\0';
}

/* " packets": of one, without the s. */
static void
put_counted(struct text *text, int64_t value, const char *word, size_t n)
{
    put_number(text, value);
    for (size_t i = 0; i < n && !(value == 1 && i + 1 == n && word[i] == 's'); i++)
        put(text, (const char[]){word[i], '\0'});
}

/* One placeholder, p behind its brace; returns what is behind the closing one. */
static const char *
put_value(struct text *text, const struct la_explain_finding *finding, const char *p)
{
    int64_t value = finding->values[(*p - '0') % LA_FINDING_VALUES_MAX];
    const char *unit = ++p;
    while (*p != '}' && *p != '\0')
        p++;
    size_t n = (size_t)(p - unit);
    if (is_unit(unit, n, "us"))
        put_duration(text, value);
    else if (is_unit(unit, n, "states"))
        put_states(text, value);
    else if (is_unit(unit, n, "event"))
        put(text, la_tcp_event_text((enum la_tcp_event)value));
    else if (is_unit(unit, n, "icmp"))
        put(text, la_explain_icmp_words(value, finding->values[1], finding->values[2]));
    else
        put_counted(text, value, unit, n);
    return *p == '}' ? p + 1 : p;
}

char *
la_explain_finding_text(const struct la_explain_finding *finding, char *out, size_t n)
{
    struct text text = {out, 0, n > 0 ? n - 1 : 0};
    const char *p = finding->id < LA_FINDING_COUNT ? findings[finding->id].text : "?";
    while (*p != '\0') {
        if (*p == '{') {
            p = put_value(&text, finding, p + 1);
        } else {
            char one[2] = {*p++, '\0'};
            put(&text, one);
        }
    }
    if (n > 0)
        out[text.n] = '\0';
    return out;
}
