/* SPDX-License-Identifier: MIT
 *
 * filter.c - libpcap's filter language on packets of any link type
 *
 * A program is compiled for a link type when the first packet of it comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if LA_HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "base/link_type.h"
#include "capture/filter.h"

#if LA_HAVE_PCAP

enum { SNAP_BYTES = 256 << 10, LINK_TYPES_MAX = 16 };

struct program {
    uint16_t link_type;
    bool usable, lacks_memory;
    struct bpf_program code;
    char error[LA_CAPTURE_LINE_BYTES];
};

struct la_capture_filter {
    char *text;
    struct program programs[LINK_TYPES_MAX];
    unsigned programs_n;
    unsigned latest; /* the one that was used last */
};

/* Files store LINKTYPE numbers, libpcap's calls take DLT numbers; of those that are read here only
 * raw IP's differ. */
static int
dlt_of(uint16_t link_type)
{
    return link_type == LA_LINKTYPE_RAW ? DLT_RAW : link_type;
}

static void
compile(struct program *program, const char *text, uint16_t link_type)
{
    pcap_t *pcap = pcap_open_dead(dlt_of(link_type), SNAP_BYTES);
    program->link_type = link_type;
    program->lacks_memory = pcap == NULL;
    program->usable =
        pcap != NULL && pcap_compile(pcap, &program->code, text, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!program->usable)
        (void)snprintf(program->error, sizeof program->error, "the filter '%.80s' %s: %.120s", text,
                       link_type == LA_LINKTYPE_ETHERNET ? "is not understood"
                                                         : "means nothing for some packets",
                       pcap != NULL ? pcap_geterr(pcap) : "no memory");
    if (pcap != NULL)
        pcap_close(pcap);
}

struct la_capture_filter *
la_capture_filter_new(const char *text, bool *is_mistaken, char error[LA_CAPTURE_LINE_BYTES])
{
    *is_mistaken = false;
    struct la_capture_filter *filter = calloc(1, sizeof(*filter));
    if (filter != NULL)
        filter->text = strdup(text);
    if (filter == NULL || filter->text == NULL) {
        free(filter);
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "no memory for the filter");
        return NULL;
    }
    /* Everything that the language has is possible on Ethernet: what is wrong is known at once. */
    compile(&filter->programs[0], text, LA_LINKTYPE_ETHERNET);
    filter->programs_n = 1;
    if (!filter->programs[0].usable) {
        *is_mistaken = !filter->programs[0].lacks_memory;
        (void)snprintf(error, LA_CAPTURE_LINE_BYTES, "%s", filter->programs[0].error);
        la_capture_filter_free(filter);
        return NULL;
    }
    return filter;
}

static struct program *
program_for(struct la_capture_filter *filter, uint16_t link_type)
{
    if (filter->programs[filter->latest].link_type == link_type)
        return &filter->programs[filter->latest];
    for (unsigned i = 0; i < filter->programs_n; i++)
        if (filter->programs[i].link_type == link_type) {
            filter->latest = i;
            return &filter->programs[i];
        }
    if (filter->programs_n == LINK_TYPES_MAX) {
        struct program *last = &filter->programs[--filter->programs_n];
        if (last->usable)
            pcap_freecode(&last->code);
    }
    filter->latest = filter->programs_n++;
    struct program *program = &filter->programs[filter->latest];
    *program = (struct program){0};
    compile(program, filter->text, link_type);
    return program;
}

bool
la_capture_filter_holds(struct la_capture_filter *filter, const struct la_capture_packet *packet,
                        const char **error)
{
    const struct program *program = program_for(filter, packet->link_type);
    const struct pcap_pkthdr header = {.caplen = packet->cap_bytes, .len = packet->wire_bytes};
    if (!program->usable) {
        *error = program->error;
        return false;
    }
    return pcap_offline_filter(&program->code, &header, packet->data) != 0;
}

void
la_capture_filter_free(struct la_capture_filter *filter)
{
    if (filter == NULL)
        return;
    for (unsigned i = 0; i < filter->programs_n; i++)
        if (filter->programs[i].usable)
            pcap_freecode(&filter->programs[i].code);
    free(filter->text);
    free(filter);
}

#else

struct la_capture_filter {
    char *text;
};

struct la_capture_filter *
la_capture_filter_new(const char *text, bool *is_mistaken, char error[LA_CAPTURE_LINE_BYTES])
{
    (void)text;
    *is_mistaken = false;
    (void)snprintf(error, LA_CAPTURE_LINE_BYTES,
                   "capture filters need libpcap, and this program was built without it: install "
                   "libpcap-dev and build again");
    return NULL;
}

bool
la_capture_filter_holds(struct la_capture_filter *filter, const struct la_capture_packet *packet,
                        const char **error)
{
    (void)filter;
    (void)packet;
    (void)error;
    return true;
}

void
la_capture_filter_free(struct la_capture_filter *filter)
{
    free(filter);
}

#endif

const char *
la_capture_filter_text(const struct la_capture_filter *filter)
{
    return filter->text;
}
