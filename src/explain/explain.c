/* SPDX-License-Identifier: MIT
 *
 * explain.c - an instance of the analyser: packets in, connections out
 */
#include "base/rng.h"
#include "base/sane.h"
#include "explain/parts.h"

void
la_explain_cfg_init(struct la_explain_cfg *cfg)
{
    *cfg =
        (struct la_explain_cfg){.conns_n_max = 4000000, .closed_s = 240, .closed_packets = 16384};
}

/* The eighth part of the budget is kept for what comes while others leave. */
static uint64_t
spare_of(const struct la_mem *mem)
{
    struct la_mem_stats stats;
    la_mem_stats_get(mem, &stats);
    return stats.budget_bytes / 8;
}

/* All of a small capture; of a large one as much as costs nothing. */
enum { VERIFY_FIRST_N = 1 << 14, VERIFY_EVERY_N = 64 };

la_err
la_explain_new(const struct la_explain_cfg *cfg, struct la_mem *mem, struct la_explain **out)
{
    struct la_explain *explain = la_mem_take(mem, sizeof(*explain));
    *out = NULL;
    if (explain == NULL)
        return LA_ERR_NO_MEMORY;
    explain->mem = la_mem_ref(mem);
    explain->cfg = *cfg;
    explain->key = (struct la_key){cfg->seed, ~cfg->seed};
    explain->spare_bytes = spare_of(mem);
    explain->now_ns = INT64_MIN;
    bool flows = la_flows_init(explain), listeners = la_servers_init(explain);
    const struct la_decode_options options = {
        .verify_control = true, .verify_first_n = VERIFY_FIRST_N, .verify_every_n = VERIFY_EVERY_N};
    bool decoder = la_decoder_init(&explain->decoder, mem, &options);
    if (!flows || !listeners || !decoder) {
        la_explain_free(explain);
        return LA_ERR_NO_MEMORY;
    }
    la_possible_init(explain);
    *out = explain;
    return LA_OK;
}

void
la_explain_free(struct la_explain *explain)
{
    if (explain == NULL)
        return;
    struct la_mem *mem = explain->mem;
    la_flows_fini(explain);
    la_servers_fini(explain);
    la_decoder_fini(&explain->decoder);
    la_mem_give(mem, explain->transitions,
                explain->transitions_cap * sizeof(explain->transitions[0]));
    la_mem_give(mem, explain->findings, explain->findings_cap * sizeof(explain->findings[0]));
    la_mem_give(mem, explain, sizeof(*explain));
    la_mem_unref(mem);
}

static void
take_back(struct la_explain *explain)
{
    if (explain->lent == NONE)
        return;
    la_flows_free(explain, la_track_at(explain, explain->lent));
    explain->lent = NONE;
}

/* An ICMP error quotes a segment of an end that the tap may have seen. */
static void
take_icmp(struct la_explain *explain, const struct la_explain_packet *packet, int64_t at_ns,
          const struct la_seen *seen)
{
    uint8_t about;
    struct la_track *track = la_flows_find(explain, seen, &about);
    explain->file.icmp_errors++;
    if (track == NULL)
        return;
    struct la_track_rare *rare = la_track_rare(explain, track);
    if (rare == NULL || rare->has_icmp)
        return;
    rare->has_icmp = true;
    rare->icmp = seen->icmp;
    rare->icmp_about = about;
    rare->icmp_frame = packet->frame;
    rare->icmp_at_ns = at_ns;
}

void
la_explain_seen(struct la_explain *explain, const struct la_explain_packet *packet, int64_t at_ns,
                const struct la_seen *seen)
{
    if (seen->kind == LA_SEEN_ICMP_ERROR) {
        take_icmp(explain, packet, at_ns, seen);
    } else if (seen->kind == LA_SEEN_TCP) {
        explain->file.segments++;
        la_segment(explain, seen, packet->frame, packet->iface, at_ns);
    }
}

void
la_explain_packet(struct la_explain *explain, const struct la_explain_packet *packet)
{
    const int64_t at_ns = la_instant_sane(packet->at).ns;
    take_back(explain);
    explain->file.packets++;
    explain->now_ns =
        la_artefacts_time(&explain->file, at_ns, explain->now_ns, &explain->back_ns_max);
    explain->packet_n++;
    la_flows_expire(explain);
    struct la_decode_packet raw = {.bytes = packet->bytes,
                                   .wire_bytes = packet->wire_bytes,
                                   .link_type = packet->link_type,
                                   .at = {at_ns}};
    la_decode(&explain->decoder, &raw, &explain->seen);
    la_explain_seen(explain, packet, at_ns, &explain->seen);
}

void
la_explain_finish(struct la_explain *explain)
{
    take_back(explain);
    la_flows_line_up(explain);
    (void)la_flows_end_some(explain, UINT64_MAX);
    la_artefacts_finish(explain);
    la_servers_finish(explain);
}

bool
la_explain_next(struct la_explain *explain, struct la_explain_conn *out)
{
    take_back(explain);
    uint32_t first = explain->lists[LA_LIST_DONE].first;
    if (first == NONE)
        return false;
    explain->lent = first;
    la_result(explain, la_track_at(explain, first), out);
    return true;
}

void
la_explain_file_get(struct la_explain *explain, struct la_explain_file *out)
{
    *out = explain->file;
    out->live = explain->tracks.live_n - explain->lists[LA_LIST_DONE].n;
    out->findings_n = la_found_list(explain, explain->file_found_first);
    out->findings = explain->findings;
}
