/* SPDX-License-Identifier: MIT
 *
 * ss_summary.c - `lastack ss --summary`: the counters of an instance in words
 */
#include "cli/ss.h"

#include <stdio.h>
#include <string.h>

typedef unsigned long long ull;

static void
print_instance(const struct la_report_instance *in)
{
    char program[LA_REPORT_PROGRAM_BYTES], command[LA_REPORT_NAME_BYTES];
    memcpy(program, in->program, sizeof(program));
    memcpy(command, in->command, sizeof(command));
    la_ss_clean(program);
    la_ss_clean(command);
    printf("lastack %s, pid %u, up %.1f s%s%s\n", command, in->pid, (double)in->uptime_us / 1e6,
           program[0] != '\0' ? ": " : "", program);
    printf("  memory       %llu octets now, %llu at most\n", (ull)in->memory_used_bytes,
           (ull)in->memory_peak_bytes);
}

static void
print_states(const struct la_ss_cfg *cfg, const struct la_report_counters *c)
{
    uint32_t n = 0;
    const char *before = ": ";
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++)
        n += c->state_n[s];
    printf("  connections  %u", n);
    for (unsigned s = LA_TCP_CLOSED; s < LA_TCP_STATE_COUNT; s++) {
        if (c->state_n[s] == 0)
            continue;
        printf("%s%s %u", before, la_tcp_state_name((enum la_tcp_state)s, cfg->names),
               c->state_n[s]);
        before = ", ";
    }
    printf("\n");
}

static void
print_counters(const struct la_ss_cfg *cfg, const struct la_report *r)
{
    const struct la_stack_stats *s = &r->u.counters.stats;
    char end[sizeof(r->end)];
    memcpy(end, r->end, sizeof(end));
    la_ss_clean(end);
    printf("%s\n", end);
    print_states(cfg, &r->u.counters);
    printf("  opened       %llu active, %llu passive, %llu in vain\n", (ull)s->tcp_active_opens,
           (ull)s->tcp_passive_opens, (ull)s->tcp_attempt_fails);
    printf("  segments     %llu in, %llu out, %llu again; RST %llu in, %llu out\n",
           (ull)s->tcp_segments_in, (ull)s->tcp_segments_out, (ull)s->tcp_retransmissions,
           (ull)s->tcp_resets_in, (ull)s->tcp_resets_out);
    printf("  frames       %llu in, %llu out; UDP %llu in, %llu out; ICMP %llu in, %llu out\n",
           (ull)s->frames_in, (ull)s->frames_out, (ull)s->udp_in, (ull)s->udp_out, (ull)s->icmp_in,
           (ull)s->icmp_out);
    for (unsigned i = 1; i < LA_REASON_COUNT; i++) {
        if (s->reason[i] != 0)
            printf("  %10llu  %s (%s)\n", (ull)s->reason[i], la_reason_name((enum la_reason)i),
                   la_reason_text((enum la_reason)i));
    }
}

void
la_ss_summary(const struct la_ss_cfg *cfg, const struct la_report *r)
{
    if (r->kind == LA_REPORT_INSTANCE)
        print_instance(&r->u.instance);
    else if (r->kind == LA_REPORT_COUNTERS)
        print_counters(cfg, r);
}
