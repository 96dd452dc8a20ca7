/* SPDX-License-Identifier: MIT
 *
 * live.c - packets of an interface, by libpcap
 *
 * Read first: pcap(3PCAP), pcap_get_selectable_fd(3PCAP).
 *
 * The waiting is done here and not in libpcap, which goes on when a signal interrupts it: Ctrl-C
 * must end a capture on which nothing happens.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if LA_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "base/link_type.h"
#include "capture/live.h"
#include "capture/notes.h"

#if LA_HAVE_PCAP

enum {
    SNAP_BYTES = 256 << 10,
    KERNEL_BUFFER_BYTES = 16 << 20,
    KERNEL_WAIT_MS = 50, /* packets are handed over at least this often */
    LINK_RAW = 101
};

struct la_capture_live {
    pcap_t *pcap;
    uint16_t link_type;
    bool ended;
    struct la_capture_notes notes;
};

static bool
fail(char error[LA_CAPTURE_LINE_BYTES], const char *what, const char *why)
{
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "%s: %.180s", what, why);
    return false;
}

static bool
activate(pcap_t *pcap, const struct la_capture_live_options *options,
         char error[LA_CAPTURE_LINE_BYTES])
{
    int snap_bytes = options->snap_bytes == 0 || options->snap_bytes > SNAP_BYTES
                         ? SNAP_BYTES
                         : (int)options->snap_bytes;
    (void)pcap_set_snaplen(pcap, snap_bytes);
    (void)pcap_set_promisc(pcap, options->promiscuous);
    (void)pcap_set_timeout(pcap, KERNEL_WAIT_MS);
    (void)pcap_set_buffer_size(pcap, KERNEL_BUFFER_BYTES);
    (void)pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
    int result = pcap_activate(pcap);
    if (result == PCAP_ERROR_PERM_DENIED || result == PCAP_ERROR_PROMISC_PERM_DENIED)
        return fail(error, "no permission to capture",
                    "root or CAP_NET_RAW is needed, such as with sudo");
    if (result == PCAP_ERROR_NO_SUCH_DEVICE)
        return fail(error, "no such interface", "'ip link' lists those that there are");
    if (result == PCAP_ERROR_IFACE_NOT_UP)
        return fail(error, "the interface is down", "'ip link set up dev NAME' starts it");
    if (result < 0)
        return fail(error, "cannot capture", pcap_geterr(pcap));
    return true;
}

/* The cooked header that names the interface, where there is a choice (any). */
static void
link_choose(struct la_capture_live *live)
{
    int dlt = pcap_datalink(live->pcap);
    if (dlt == DLT_LINUX_SLL && pcap_set_datalink(live->pcap, DLT_LINUX_SLL2) == 0)
        dlt = DLT_LINUX_SLL2;
    live->link_type = dlt == DLT_RAW ? LA_LINKTYPE_RAW : (uint16_t)dlt;
}

static bool
filter_set(struct la_capture_live *live, const struct la_capture_filter *filter,
           char error[LA_CAPTURE_LINE_BYTES])
{
    struct bpf_program code;
    if (filter == NULL)
        return true;
    if (pcap_compile(live->pcap, &code, la_capture_filter_text(filter), 1, PCAP_NETMASK_UNKNOWN) !=
        0)
        return fail(error, "the filter does not suit the interface", pcap_geterr(live->pcap));
    bool ok = pcap_setfilter(live->pcap, &code) == 0;
    pcap_freecode(&code);
    return ok || fail(error, "the filter cannot be set", pcap_geterr(live->pcap));
}

struct la_capture_live *
la_capture_live_open(const char *name, const struct la_capture_live_options *options,
                     const struct la_capture_filter *filter, char error[LA_CAPTURE_LINE_BYTES])
{
    char pcap_error[PCAP_ERRBUF_SIZE] = "";
    struct la_capture_live *live = calloc(1, sizeof(*live));
    if (live == NULL) {
        (void)fail(error, "cannot capture", "no memory");
        return NULL;
    }
    live->pcap = pcap_create(name, pcap_error);
    if (live->pcap == NULL)
        (void)fail(error, "cannot capture", pcap_error);
    if (live->pcap != NULL && activate(live->pcap, options, error)) {
        link_choose(live);
        if (filter_set(live, filter, error)) {
            if (pcap_setnonblock(live->pcap, 1, pcap_error) == 0)
                return live;
            (void)fail(error, "cannot capture", pcap_error);
        }
    }
    la_capture_live_close(live);
    return NULL;
}

static enum la_capture_next
take(struct la_capture_live *live, const struct pcap_pkthdr *header, const uint8_t *data,
     struct la_capture_packet *packet)
{
    *packet = (struct la_capture_packet){
        /* With nanosecond precision the microseconds are nanoseconds. */
        .at = {(int64_t)header->ts.tv_sec * 1000000000 + header->ts.tv_usec},
        .frame_n = ++live->notes.frame_n,
        .data = data,
        .cap_bytes = header->caplen,
        .wire_bytes = header->len,
        .link_type = live->link_type,
        .has_time = true,
    };
    if (pcap_get_tstamp_precision(live->pcap) == PCAP_TSTAMP_PRECISION_MICRO)
        packet->at.ns += (int64_t)header->ts.tv_usec * 999;
    return LA_CAPTURE_PACKET;
}

int
la_capture_live_fd(const struct la_capture_live *live)
{
    return pcap_get_selectable_fd(live->pcap);
}

enum la_capture_next
la_capture_live_next(struct la_capture_live *live, struct la_capture_packet *packet)
{
    static const char key[] = "live";
    struct pcap_pkthdr *header;
    const u_char *data;
    int result = live->ended ? 0 : pcap_next_ex(live->pcap, &header, &data);
    if (result == 1)
        return take(live, header, data, packet);
    if (result < 0) {
        la_capture_notes_add(&live->notes, key, 0, true, "capturing stopped: %.180s",
                             pcap_geterr(live->pcap));
        live->ended = true;
    }
    return live->ended ? LA_CAPTURE_END : LA_CAPTURE_IDLE;
}

size_t
la_capture_live_notes(struct la_capture_live *live, const struct la_capture_note **out)
{
    static const char key[] = "dropped";
    struct pcap_stat stat;
    if (pcap_stats(live->pcap, &stat) == 0 && (stat.ps_drop > 0 || stat.ps_ifdrop > 0)) {
        unsigned long long dropped_n = (unsigned long long)stat.ps_drop + stat.ps_ifdrop;
        la_capture_notes_set(&live->notes, key, false,
                             "%llu packets were dropped for lack of time or room: they are missing",
                             dropped_n);
    }
    *out = live->notes.note;
    return live->notes.n;
}

void
la_capture_live_close(struct la_capture_live *live)
{
    if (live == NULL)
        return;
    if (live->pcap != NULL)
        pcap_close(live->pcap);
    free(live);
}

#else

struct la_capture_live {
    struct la_capture_notes notes;
};

struct la_capture_live *
la_capture_live_open(const char *name, const struct la_capture_live_options *options,
                     const struct la_capture_filter *filter, char error[LA_CAPTURE_LINE_BYTES])
{
    (void)name;
    (void)options;
    (void)filter;
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES,
                   "interfaces need libpcap, and this program was built without it: install "
                   "libpcap-dev and build again");
    return NULL;
}

int
la_capture_live_fd(const struct la_capture_live *live)
{
    (void)live;
    return -1;
}

enum la_capture_next
la_capture_live_next(struct la_capture_live *live, struct la_capture_packet *packet)
{
    (void)live;
    (void)packet;
    return LA_CAPTURE_END;
}

size_t
la_capture_live_notes(struct la_capture_live *live, const struct la_capture_note **out)
{
    *out = live->notes.note;
    return live->notes.n;
}

void
la_capture_live_close(struct la_capture_live *live)
{
    free(live);
}

#endif
