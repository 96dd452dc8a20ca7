/* SPDX-License-Identifier: MIT
 *
 * fields.c - the numbers of a configuration by name, within their bounds
 */
#include "ways/ways.h"

#include <string.h>

struct la_ways_field {
    const char *name; /* as in lastack/conn.h */
    const char *key;  /* of --so_flags, where it is another */
    size_t at, bytes;
    uint32_t min, max;
};

enum { BUFFER_BYTES_MAX = 1 << 30, RTO_US_MAX = 600000000, IDLE_S_MAX = 32767 };

#define AT(field) offsetof(struct la_stack_cfg, field), sizeof(((struct la_stack_cfg *)NULL)->field)
#define TCP(field) AT(tcp.field)
#define SWITCH(field)                                                                              \
    {                                                                                              \
#field, NULL, TCP(field), 0, 1                                                             \
    }
static const struct la_ways_field fields[] = {
    {"sndbuf_bytes", "sndbuf", TCP(sndbuf_bytes), 0, BUFFER_BYTES_MAX},
    {"sndbuf_min", NULL, TCP(sndbuf.bytes_min), 1, BUFFER_BYTES_MAX},
    {"sndbuf_initial", NULL, TCP(sndbuf.bytes_initial), 1, BUFFER_BYTES_MAX},
    {"sndbuf_max", NULL, TCP(sndbuf.bytes_max), 1, BUFFER_BYTES_MAX},
    {"sndbuf_piece_bytes", "sndbuf_piece", TCP(sndbuf_piece_bytes), 0, BUFFER_BYTES_MAX},
    {"notsent_lowat_bytes", "notsent_lowat", TCP(notsent_lowat_bytes), 0, UINT32_MAX},
    {"rcvbuf_bytes", "rcvbuf", TCP(rcvbuf_bytes), 0, BUFFER_BYTES_MAX},
    {"rcvbuf_min", NULL, TCP(rcvbuf.bytes_min), 1, BUFFER_BYTES_MAX},
    {"rcvbuf_initial", NULL, TCP(rcvbuf.bytes_initial), 1, BUFFER_BYTES_MAX},
    {"rcvbuf_max", NULL, TCP(rcvbuf.bytes_max), 1, BUFFER_BYTES_MAX},
    {"mss_bytes_max", "mss", TCP(mss_bytes_max), 0, UINT16_MAX},
    SWITCH(mss_option),
    SWITCH(nagle),
    SWITCH(nagle_short),
    SWITCH(timestamps),
    SWITCH(window_scale),
    SWITCH(sack),
    SWITCH(rack),
    {"ecn", NULL, TCP(ecn), LA_ECN_OFF, LA_ECN_ACCURATE_ACCEPT},
    {"accecn_option", NULL, TCP(accecn_option), LA_ACCECN_OPTION_OFF, LA_ACCECN_OPTION_ALWAYS},
    SWITCH(ecn_fallback),
    SWITCH(ect_all),
    SWITCH(keepalive),
    {"keepalive_idle_s", NULL, TCP(keepalive_idle_s), 1, IDLE_S_MAX},
    {"keepalive_interval_s", NULL, TCP(keepalive_interval_s), 1, IDLE_S_MAX},
    {"keepalive_probes_n", "keepalive_probes", TCP(keepalive_probes_n), 1, 127},
    {"rto_us_initial", "rto_initial_us", TCP(rto_us_initial), 1000, RTO_US_MAX},
    {"rto_us_min", "rto_min_us", TCP(rto_us_min), 1000, RTO_US_MAX},
    {"rto_us_max", "rto_max_us", TCP(rto_us_max), 1000, RTO_US_MAX},
    SWITCH(rto_follows_peaks),
    {"delayed_ack_us", NULL, TCP(delayed_ack_us), 0, 499999},
    {"r1_n", "r1", TCP(r1_n), 0, 255},
    {"r2_n", "r2", TCP(r2_n), 0, 255},
    {"r2_syn_n", "r2_syn", TCP(r2_syn_n), 0, 255},
    {"user_timeout_ms", NULL, TCP(user_timeout_ms), 0, INT32_MAX},
    {"zero_window_ms", NULL, TCP(zero_window_ms), 0, INT32_MAX},
    SWITCH(user_timeout_option),
    {"fin_wait_2_ms", NULL, TCP(fin_wait_2_ms), 1, INT32_MAX},
    {"msl_ms", NULL, TCP(msl_ms), 1, 600000},
    {"ttl_hops", "ttl", TCP(ttl_hops), 1, 255},
    {"dscp_ecn", "tos", TCP(dscp_ecn), 0, 255},
    {"initial_window_n", "initial_window", TCP(initial_window_n), 0, 1000},
    {"slow_start_limit_n", "slow_start_limit", TCP(slow_start_limit_n), 0, 1000},
    SWITCH(slow_start_after_idle),
    SWITCH(usage_by_window),
    SWITCH(reduces_cwnd),
    SWITCH(reset_keeps_text),
    SWITCH(timestamps_may_lack),
    SWITCH(unsent_ack_silent),
    SWITCH(syn_ack_silent),
    SWITCH(too_big_at_once),
    SWITCH(probe_empty),
    SWITCH(shut_read_hears),
    SWITCH(ack_replies_later),
    SWITCH(idle_keeps),
    SWITCH(mtu_probing),
    SWITCH(push_bursts),
    {"burst_n_min", NULL, TCP(burst_n_min), 1, 1000},
    {"burst_window_part", NULL, TCP(burst_window_part), 0, 1000},
    SWITCH(more_until_ack),
    SWITCH(push_small_windows),
    SWITCH(pacing),
    SWITCH(window_slides),
    SWITCH(ack_every_second),
    SWITCH(fast_open),
    {"fast_open_n_max", "fast_open_n", TCP(fast_open_n_max), 0, UINT16_MAX},
    SWITCH(fast_open_bare),
    SWITCH(time_wait_holds),
    SWITCH(time_wait_exact),
    SWITCH(rst_challenged),
    SWITCH(syn_challenged),
    SWITCH(drop_syn_fin),
    SWITCH(fin_again),
    SWITCH(window_is_buffer),
    SWITCH(rcvbuf_whole),
    {"icmp_hard", NULL, TCP(icmp_hard), LA_ICMP_IGNORED, LA_ICMP_ALL},
    {"syn_ecn_n", NULL, TCP(syn_ecn_n), 0, 255},
    {"syn_linear_n", NULL, TCP(syn_linear_n), 0, 255},
    {"syn_options_n", NULL, TCP(syn_options_n), 0, 255},
    {"syn_queue_n_max", NULL, AT(syn_queue_n_max), 1, 1 << 24},
    {"accept_queue_n_max", NULL, AT(accept_queue_n_max), 1, 1 << 24},
    {"time_wait_n_max", NULL, AT(time_wait_n_max), 1, 1 << 24},
    {"port_ephemeral_min", NULL, AT(port_ephemeral_min), 1, UINT16_MAX},
    {"port_ephemeral_max", NULL, AT(port_ephemeral_max), 1, UINT16_MAX},
};
#undef SWITCH
#undef TCP
#undef AT

const struct la_ways_field *
la_ways_field_find(const char *name)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(fields[i].name, name) == 0 ||
            (fields[i].key != NULL && strcmp(fields[i].key, name) == 0))
            return &fields[i];
    return NULL;
}

void *
la_ways_field_at(struct la_ways *ways, const struct la_ways_field *field)
{
    return (uint8_t *)&ways->cfg + field->at;
}

bool
la_ways_field_store(struct la_ways *ways, const struct la_ways_field *field, uint64_t value)
{
    void *at = la_ways_field_at(ways, field);
    uint8_t octet = (uint8_t)value;
    uint16_t two = (uint16_t)value;
    uint32_t four = (uint32_t)value;
    if (value < field->min || value > field->max)
        return false;
    if (field->bytes == sizeof(octet))
        memcpy(at, &octet, sizeof(octet));
    else if (field->bytes == sizeof(two))
        memcpy(at, &two, sizeof(two));
    else
        memcpy(at, &four, sizeof(four));
    return true;
}
