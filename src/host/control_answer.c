/* SPDX-License-Identifier: MIT
 *
 * control_answer.c - what an instance says to one client of its control socket, line by line
 */
#include "host/control_answer.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line is written whole or not at all. */
static void
put(struct la_control_answer *a, const struct la_report *report)
{
    char *at = a->out + a->out_n;
    json_t *object = la_report_encode(report, a->now);
    size_t n = object != NULL ? json_dumpb(object, at, LA_REPORT_LINE_BYTES - 1, JSON_COMPACT) : 0;
    json_decref(object);
    if (n == 0 || n > LA_REPORT_LINE_BYTES - 1)
        return; /* no memory */
    at[n] = '\n';
    a->out_n += n + 1;
    a->lines_n++;
}

bool
la_control_answer_has_room(const struct la_control_answer *a)
{
    return sizeof(a->out) - a->out_n >= LA_REPORT_LINE_BYTES;
}

static struct la_report
report_new(const struct la_control_answer *a, enum la_report_kind kind)
{
    struct la_report r = {.kind = kind, .instance = (uint32_t)getpid()};
    if (kind != LA_REPORT_INSTANCE && kind != LA_REPORT_END && kind != LA_REPORT_ERROR)
        (void)snprintf(r.end, sizeof(r.end), "%s", a->cfg->end[a->end_idx].name);
    return r;
}

static void
finish_with(struct la_control_answer *a, const struct la_report *last)
{
    put(a, last);
    a->finished = true;
}

void
la_control_answer_refuse(struct la_control_answer *a, const char *text)
{
    struct la_report r = report_new(a, LA_REPORT_ERROR);
    (void)snprintf(r.u.text, sizeof(r.u.text), "%s", text);
    finish_with(a, &r);
}

static void
put_instance(struct la_control_answer *a)
{
    const struct la_control_cfg *cfg = a->cfg;
    struct la_report r = report_new(a, LA_REPORT_INSTANCE);
    struct la_report_instance *in = &r.u.instance;
    struct la_mem_stats mem;
    size_t n = 0;
    la_mem_stats_get(la_stack_mem(cfg->end[0].stack), &mem);
    in->pid = r.instance;
    (void)snprintf(in->command, sizeof(in->command), "%s", cfg->command);
    (void)snprintf(in->lastack, sizeof(in->lastack), "%s", la_version());
    for (size_t i = 0; cfg->argv != NULL && cfg->argv[i] != NULL && n < sizeof(in->program); i++)
        n += (size_t)snprintf(in->program + n, sizeof(in->program) - n, "%s%s", i > 0 ? " " : "",
                              cfg->argv[i]);
    in->uptime_us = (uint64_t)((a->now.ns - a->began_at.ns) / 1000);
    in->memory_used_bytes = mem.used_bytes;
    in->memory_peak_bytes = mem.peak_bytes;
    in->memory_budget_bytes = mem.budget_bytes;
    put(a, &r);
}

/* One step of a walk. False: it is at its end. */
static bool
step(struct la_control_answer *a, enum la_report_kind kind)
{
    const struct la_control_end *end = &a->cfg->end[a->end_idx];
    struct la_report r = report_new(a, kind);
    la_err err = LA_ERR_BAD_HANDLE;
    uint64_t user = 0;
    bool more = false;
    switch (kind) {
    case LA_REPORT_LISTENER:
        more = la_listener_next(end->stack, &a->cursor, &r.handle);
        err = la_listener_status(end->stack, r.handle, &r.u.listener);
        user = r.u.listener.user;
        break;
    case LA_REPORT_CONNECTION:
        more = la_conn_next(end->stack, &a->cursor, &r.handle);
        err = la_conn_status(end->stack, r.handle, &r.u.conn);
        user = r.u.conn.user;
        break;
    case LA_REPORT_REQUEST:
        more = la_forward_next(end->stack, &a->cursor, &r.handle);
        err = la_forward_request(end->stack, r.handle, &r.u.request);
        break;
    case LA_REPORT_UDP:
        more = la_udp_next(end->stack, &a->cursor, &r.handle);
        err = la_udp_status(end->stack, r.handle, &r.u.udp);
        user = r.u.udp.user;
        break;
    case LA_REPORT_INSTANCE:
    case LA_REPORT_COUNTERS:
    case LA_REPORT_END:
    case LA_REPORT_ERROR:
    case LA_REPORT_KIND_COUNT:
        break;
    }
    if (err != LA_OK)
        return more;
    if (user != 0 && end->owner != NULL)
        end->owner(end->ctx, user, &r.owner);
    put(a, &r);
    return more;
}

static void
put_counters(struct la_control_answer *a)
{
    const struct la_stack *stack = a->cfg->end[a->end_idx].stack;
    struct la_report r = report_new(a, LA_REPORT_COUNTERS);
    r.u.counters.stats = *la_stack_stats(stack);
    la_stack_state_counts(stack, r.u.counters.state_n);
    put(a, &r);
}

static bool
is_wanted(const struct la_control_answer *a)
{
    return (a->ends & (1u << a->end_idx)) != 0;
}

/* The first part of the next end that is wanted. */
static void
next_end(struct la_control_answer *a, unsigned idx)
{
    unsigned end_n = a->cfg->end_n;
    for (a->end_idx = idx; a->end_idx < end_n && !is_wanted(a);)
        a->end_idx++;
    a->cursor = 0;
    a->part = a->end_idx >= end_n ? LA_ANSWER_END
              : a->summary        ? LA_ANSWER_COUNTERS
                                  : LA_ANSWER_LISTENERS;
}

void
la_control_answer_advance(struct la_control_answer *a, la_instant now)
{
    static const enum la_report_kind kinds[] = {
        [LA_ANSWER_LISTENERS] = LA_REPORT_LISTENER,
        [LA_ANSWER_CONNS] = LA_REPORT_CONNECTION,
        [LA_ANSWER_REQUESTS] = LA_REPORT_REQUEST,
        [LA_ANSWER_UDP] = LA_REPORT_UDP,
    };
    struct la_report end;
    a->now = now;
    switch (a->part) {
    case LA_ANSWER_INSTANCE:
        put_instance(a);
        next_end(a, 0);
        break;
    case LA_ANSWER_LISTENERS:
    case LA_ANSWER_CONNS:
    case LA_ANSWER_REQUESTS:
    case LA_ANSWER_UDP:
        if (!step(a, kinds[a->part])) {
            a->part++;
            a->cursor = 0;
        }
        break;
    case LA_ANSWER_COUNTERS:
        put_counters(a);
        next_end(a, a->end_idx + 1);
        break;
    case LA_ANSWER_END:
        end = report_new(a, LA_REPORT_END);
        end.u.lines_n = a->lines_n;
        finish_with(a, &end);
        break;
    }
}

void
la_control_answer_begin(struct la_control_answer *a, char *request)
{
    const struct la_control_cfg *cfg = a->cfg;
    char *rest = NULL;
    const char *word[3];
    for (unsigned i = 0; i < 3; i++)
        word[i] = strtok_r(i == 0 ? request : NULL, " \r", &rest);
    if (word[0] == NULL || strcmp(word[0], "lastack") != 0 || word[1] == NULL || word[2] == NULL)
        la_control_answer_refuse(a, "this is no request; docs/control.md describes them");
    else if (strcmp(word[1], "1") != 0)
        la_control_answer_refuse(a, "this instance speaks version 1");
    else if (strcmp(word[2], "status") != 0 && strcmp(word[2], "counters") != 0)
        la_control_answer_refuse(a, "there are the requests status and counters");
    if (a->finished)
        return;
    a->summary = strcmp(word[2], "counters") == 0;
    const char *name;
    unsigned all = (1u << cfg->end_n) - 1, named_n = 0;
    for (; (name = strtok_r(NULL, " \r", &rest)) != NULL; named_n++) {
        /* An end that this instance does not have is nothing to complain about. */
        for (unsigned i = 0; i < cfg->end_n; i++)
            a->ends |= strcmp(cfg->end[i].name, name) == 0 ? 1u << i : 0;
    }
    a->ends = named_n == 0 ? all : a->ends;
}
