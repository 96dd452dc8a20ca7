/* SPDX-License-Identifier: MIT
 *
 * report_fields.c - which keys each kind of report has, and where they stand in struct la_report
 */
#include "host/report_fields.h"

#include <stddef.h>

#define AT(member) offsetof(struct la_report, member)
#define FIELD(key, type, member)                                                                   \
    {                                                                                              \
        key, type, AT(member), sizeof(((struct la_report *)0)->member)                             \
    }

const struct la_report_field la_report_owner_fields[LA_REPORT_OWNER_FIELDS_N] = {
    FIELD("pid", LA_FIELD_U32, owner.pid),
    FIELD("process", LA_FIELD_TEXT, owner.process),
};

static const struct la_report_field instance_fields[] = {
    FIELD("pid", LA_FIELD_U32, u.instance.pid),
    FIELD("command", LA_FIELD_TEXT, u.instance.command),
    FIELD("program", LA_FIELD_TEXT, u.instance.program),
    FIELD("lastack", LA_FIELD_TEXT, u.instance.lastack),
    FIELD("uptime_us", LA_FIELD_U64, u.instance.uptime_us),
    FIELD("memory_used_bytes", LA_FIELD_U64, u.instance.memory_used_bytes),
    FIELD("memory_peak_bytes", LA_FIELD_U64, u.instance.memory_peak_bytes),
    FIELD("memory_budget_bytes", LA_FIELD_U64, u.instance.memory_budget_bytes),
};

static const struct la_report_field conn_fields[] = {
    FIELD("handle", LA_FIELD_ID, handle),
    FIELD("state", LA_FIELD_STATE, u.conn.state),
    FIELD("local", LA_FIELD_ENDPOINT, u.conn.local),
    FIELD("remote", LA_FIELD_ENDPOINT, u.conn.remote),
    FIELD("passive", LA_FIELD_BOOL, u.conn.passive),
    FIELD("owned", LA_FIELD_BOOL, u.conn.owned),
    FIELD("half_open", LA_FIELD_BOOL, u.conn.half_open),
    FIELD("accept_waits", LA_FIELD_BOOL, u.conn.accept_waits),
    FIELD("err", LA_FIELD_ERR, u.conn.err),
    FIELD("err_soft", LA_FIELD_ERR, u.conn.err_soft),
    FIELD("receive_queue_bytes", LA_FIELD_U32, u.conn.receive_queue_bytes),
    FIELD("out_of_order_bytes", LA_FIELD_U32, u.conn.out_of_order_bytes),
    FIELD("send_queue_bytes", LA_FIELD_U32, u.conn.send_queue_bytes),
    FIELD("unsent_bytes", LA_FIELD_U32, u.conn.unsent_bytes),
    FIELD("flight_bytes", LA_FIELD_U32, u.conn.flight_bytes),
    FIELD("urgent_unread_bytes", LA_FIELD_U32, u.conn.urgent_unread_bytes),
    FIELD("urgent_unacked_bytes", LA_FIELD_U32, u.conn.urgent_unacked_bytes),
    FIELD("sndbuf_bytes", LA_FIELD_U32, u.conn.sndbuf_bytes),
    FIELD("rcvbuf_bytes", LA_FIELD_U32, u.conn.rcvbuf_bytes),
    FIELD("timer", LA_FIELD_TIMER, u.conn.timer),
    FIELD("timer_us", LA_FIELD_UNTIL, u.conn.timer_at),
    FIELD("backoff_n", LA_FIELD_U8, u.conn.backoff_n),
    FIELD("ack_us", LA_FIELD_UNTIL, u.conn.ack_at),
    FIELD("keepalive_us", LA_FIELD_UNTIL, u.conn.keepalive_at),
    FIELD("keepalive_sent_n", LA_FIELD_U8, u.conn.keepalive_sent_n),
    FIELD("heard_us", LA_FIELD_SINCE, u.conn.heard_at),
    FIELD("congestion_control", LA_FIELD_TEXT, u.conn.congestion_control),
    FIELD("phase", LA_FIELD_PHASE, u.conn.phase),
    FIELD("cwnd_bytes", LA_FIELD_U32, u.conn.cwnd_bytes),
    FIELD("ssthresh_bytes", LA_FIELD_U32, u.conn.ssthresh_bytes),
    FIELD("pacing_rate", LA_FIELD_U64, u.conn.pacing_rate),
    FIELD("srtt_us", LA_FIELD_U32, u.conn.srtt_us),
    FIELD("rttvar_us", LA_FIELD_U32, u.conn.rttvar_us),
    FIELD("rtt_us_min", LA_FIELD_U32, u.conn.rtt_us_min),
    FIELD("rto_us", LA_FIELD_U32, u.conn.rto_us),
    FIELD("mss_send", LA_FIELD_U32, u.conn.mss_send),
    FIELD("mss_receive", LA_FIELD_U32, u.conn.mss_receive),
    FIELD("snd_wnd", LA_FIELD_U32, u.conn.snd_wnd),
    FIELD("rcv_wnd", LA_FIELD_U32, u.conn.rcv_wnd),
    FIELD("wscale_send", LA_FIELD_SCALE, u.conn.wscale_send),
    FIELD("wscale_receive", LA_FIELD_SCALE, u.conn.wscale_receive),
    FIELD("timestamps", LA_FIELD_BOOL, u.conn.timestamps),
    FIELD("sack", LA_FIELD_BOOL, u.conn.sack),
    FIELD("ecn", LA_FIELD_BOOL, u.conn.ecn),
    FIELD("accurate_ecn", LA_FIELD_BOOL, u.conn.accurate_ecn),
    FIELD("sends_ect", LA_FIELD_BOOL, u.conn.sends_ect),
    FIELD("fast_opened", LA_FIELD_BOOL, u.conn.fast_opened),
    FIELD("sent_us", LA_FIELD_SINCE, u.conn.sent_at),
    FIELD("delivery_rate", LA_FIELD_U64, u.conn.delivery_rate),
    FIELD("busy_us", LA_FIELD_U64, u.conn.busy_us),
    FIELD("rwnd_limited_us", LA_FIELD_U64, u.conn.rwnd_limited_us),
    FIELD("sndbuf_limited_us", LA_FIELD_U64, u.conn.sndbuf_limited_us),
    FIELD("lost_bytes", LA_FIELD_U32, u.conn.lost_bytes),
    FIELD("reordering", LA_FIELD_BOOL, u.conn.reordering),
    FIELD("reordering_us", LA_FIELD_U32, u.conn.reordering_us),
    FIELD("user_timeout_ms", LA_FIELD_U32, u.conn.user_timeout_ms),
    FIELD("bytes_delivered", LA_FIELD_U64, u.conn.bytes_delivered),
    FIELD("bytes_sent", LA_FIELD_U64, u.conn.bytes_sent),
    FIELD("bytes_acked", LA_FIELD_U64, u.conn.bytes_acked),
    FIELD("bytes_received", LA_FIELD_U64, u.conn.bytes_received),
    FIELD("bytes_retransmitted", LA_FIELD_U64, u.conn.bytes_retransmitted),
    FIELD("segments_sent", LA_FIELD_U32, u.conn.segments_sent),
    FIELD("segments_received", LA_FIELD_U32, u.conn.segments_received),
    FIELD("retransmissions_n", LA_FIELD_U32, u.conn.retransmissions_n),
    FIELD("rto_n", LA_FIELD_U32, u.conn.rto_n),
    FIELD("fast_retransmits_n", LA_FIELD_U32, u.conn.fast_retransmits_n),
    FIELD("duplicate_acks_n", LA_FIELD_U32, u.conn.duplicate_acks_n),
    FIELD("received_ce_n", LA_FIELD_U32, u.conn.marked_in.ce_n),
    FIELD("received_ce_bytes", LA_FIELD_U32, u.conn.marked_in.ce_bytes),
    FIELD("received_ect_0_bytes", LA_FIELD_U32, u.conn.marked_in.ect_0_bytes),
    FIELD("received_ect_1_bytes", LA_FIELD_U32, u.conn.marked_in.ect_1_bytes),
    FIELD("delivered_ce_n", LA_FIELD_U32, u.conn.marked_out.ce_n),
    FIELD("delivered_ce_bytes", LA_FIELD_U32, u.conn.marked_out.ce_bytes),
    FIELD("delivered_ect_0_bytes", LA_FIELD_U32, u.conn.marked_out.ect_0_bytes),
    FIELD("delivered_ect_1_bytes", LA_FIELD_U32, u.conn.marked_out.ect_1_bytes),
};

static const struct la_report_field listener_fields[] = {
    FIELD("handle", LA_FIELD_ID, handle),
    FIELD("local", LA_FIELD_ENDPOINT, u.listener.local),
    FIELD("syn_queue_n", LA_FIELD_U32, u.listener.syn_queue_n),
    FIELD("syn_queue_n_max", LA_FIELD_U32, u.listener.syn_queue_n_max),
    FIELD("accept_queue_n", LA_FIELD_U32, u.listener.accept_queue_n),
    FIELD("backlog_n", LA_FIELD_U32, u.listener.backlog_n),
    FIELD("undelivered_n", LA_FIELD_U32, owner.undelivered_n),
    FIELD("accepted_n", LA_FIELD_U64, u.listener.accepted_n),
    FIELD("syn_dropped_n", LA_FIELD_U64, u.listener.syn_dropped_n),
    FIELD("accept_dropped_n", LA_FIELD_U64, u.listener.accept_dropped_n),
};

static const struct la_report_field request_fields[] = {
    FIELD("handle", LA_FIELD_ID, handle),
    FIELD("local", LA_FIELD_ENDPOINT, u.request.local),
    FIELD("remote", LA_FIELD_ENDPOINT, u.request.remote),
};

static const struct la_report_field udp_fields[] = {
    FIELD("handle", LA_FIELD_ID, handle),
    FIELD("local", LA_FIELD_ENDPOINT, u.udp.local),
    FIELD("remote", LA_FIELD_ENDPOINT, u.udp.remote),
    FIELD("connected", LA_FIELD_BOOL, u.udp.connected),
    FIELD("any_port", LA_FIELD_BOOL, u.udp.any_port),
    FIELD("receive_queue_n", LA_FIELD_U32, u.udp.receive_queue_n),
    FIELD("receive_queue_bytes", LA_FIELD_U32, u.udp.receive_queue_bytes),
};

#define STATS(name) FIELD(#name, LA_FIELD_U64, u.counters.stats.name)

static const struct la_report_field counters_fields[] = {
    STATS(frames_in),
    STATS(frames_out),
    STATS(tcp_segments_in),
    STATS(tcp_segments_out),
    STATS(tcp_retransmissions),
    STATS(tcp_active_opens),
    STATS(tcp_passive_opens),
    STATS(tcp_attempt_fails),
    STATS(tcp_resets_in),
    STATS(tcp_resets_out),
    STATS(udp_in),
    STATS(udp_out),
    STATS(icmp_in),
    STATS(icmp_out),
};

static const struct la_report_field end_fields[] = {FIELD("lines_n", LA_FIELD_U32, u.lines_n)};
static const struct la_report_field error_fields[] = {FIELD("text", LA_FIELD_TEXT, u.text)};

#define TABLE(name, fields, owned)                                                                 \
    {                                                                                              \
        name, fields, sizeof(fields) / sizeof((fields)[0]), owned                                  \
    }

const struct la_report_form la_report_forms[LA_REPORT_KIND_COUNT] = {
    [LA_REPORT_INSTANCE] = TABLE("INSTANCE", instance_fields, false),
    [LA_REPORT_LISTENER] = TABLE("LISTENER", listener_fields, true),
    [LA_REPORT_CONNECTION] = TABLE("CONNECTION", conn_fields, true),
    [LA_REPORT_REQUEST] = TABLE("REQUEST", request_fields, false),
    [LA_REPORT_UDP] = TABLE("UDP", udp_fields, true),
    [LA_REPORT_COUNTERS] = TABLE("COUNTERS", counters_fields, false),
    [LA_REPORT_END] = TABLE("END", end_fields, false),
    [LA_REPORT_ERROR] = TABLE("ERROR", error_fields, false),
};
