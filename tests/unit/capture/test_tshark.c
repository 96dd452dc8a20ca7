/* SPDX-License-Identifier: MIT
 *
 * test_tshark.c - what another program reads in our captures
 *
 * Exits 77 (skipped) where there is no tshark.
 */
#include "support.h"

enum { LINES_N = 16, LINE_BYTES = 512, SKIPPED = 77 };

struct lines {
    size_t n;
    char text[LINES_N][LINE_BYTES];
};

/* One line per packet: the fields, separated by '|'. */
static void
tshark(const char *path, const char *fields, struct lines *out)
{
    char command[1024];
    snprintf(command, sizeof(command),
             "tshark -n -r %s -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE -T fields "
             "-E separator='|' -E aggregator=';' %s 2>/dev/null",
             path, fields);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (out->n = 0; out->n < LINES_N; out->n++) {
        if (fgets(out->text[out->n], LINE_BYTES, pipe) == NULL)
            break;
        out->text[out->n][strcspn(out->text[out->n], "\n")] = 0;
    }
    assert_int_equal(pclose(pipe), 0);
}

static void
packet(struct la_capture_writer *writer, uint32_t iface, struct la_frame *take_frame, bool outbound,
       int64_t at_ns)
{
    la_capture_writer_packet(writer, iface, take_frame, outbound, la_instant_of_ns(at_ns));
    la_frame_free(take_frame);
}

static void
test_tshark__reads_everything(void **state)
{
    (void)state;
    static struct lines lines;
    char path[64];
    struct la_mem *mem = plain_mem();
    struct la_capture_writer *writer;
    uint32_t a, b;
    temporary_path(path);
    assert_int_equal(la_capture_writer_open(path, "lastack test", &writer), 0);
    assert_int_equal(la_capture_writer_iface(writer, "client", "an end", LA_CAPTURE_IP, &a), 0);
    packet(writer, a, syn_frame(mem, 71, 64), true, 1722222222123456789);
    la_capture_writer_comment(writer, 71, "client CLOSED -> SYN-SENT (RFC 9293 3.10.1)");
    la_capture_writer_comment(writer, 71, "zw\xC3\xB6lf");
    la_capture_writer_comment(writer, 72, "before its packet");
    packet(writer, a, syn_frame(mem, 72, 63), false, 1722222222123456790);

    /* A growing file: what was flushed can be read. */
    assert_int_equal(la_capture_writer_flush(writer), 0);
    tshark(path, "-e frame.number -e ip.ttl", &lines);
    assert_int_equal(lines.n, 2);
    assert_string_equal(lines.text[1], "2|63");

    assert_int_equal(la_capture_writer_iface(writer, "eth", NULL, LA_CAPTURE_ETHERNET, &b), 0);
    assert_int_equal(b, 1);
    struct la_frame *frame = syn_frame(mem, 0, 62);
    static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
    memcpy(la_frame_push(frame, sizeof(ethernet)), ethernet, sizeof(ethernet));
    packet(writer, b, frame, true, 0);
    assert_int_equal(la_capture_writer_close(writer), 0);

    tshark(path,
           "-e frame.time_epoch -e frame.interface_name -e frame.packet_flags_direction "
           "-e frame.packet_id -e frame.comment",
           &lines);
    assert_int_equal(lines.n, 3);
    assert_string_equal(lines.text[0], "1722222222.123456789|client|0x00000002|71|"
                                       "client CLOSED -> SYN-SENT (RFC 9293 3.10.1);zw\xC3\xB6lf");
    assert_string_equal(lines.text[1],
                        "1722222222.123456790|client|0x00000001|72|before its packet");
    assert_string_equal(lines.text[2], "0.000000000|eth|0x00000002||");

    tshark(path,
           "-e ip.src -e tcp.dstport -e tcp.flags.syn -e ip.checksum.status "
           "-e tcp.checksum.status -e _ws.malformed",
           &lines);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(lines.text[i], "10.0.0.1|80|1|1|1|");
    unlink(path);
    la_mem_unref(mem);
}

/* Payload in several blocks, and a packet as large as IP allows. */
static void
test_tshark__large_packet(void **state)
{
    (void)state;
    static struct lines lines;
    static uint8_t text[65495];
    char path[64];
    struct la_mem *mem = plain_mem();
    struct la_capture_writer *writer;
    uint32_t iface;
    temporary_path(path);
    assert_int_equal(la_capture_writer_open(path, NULL, &writer), 0);
    assert_int_equal(la_capture_writer_iface(writer, NULL, NULL, LA_CAPTURE_IP, &iface), 0);
    struct la_frame *frame = syn_frame(mem, 1, 64);
    frame->head[2] = 0xFF;
    frame->head[3] = 0xFF;
    const struct la_bytes bytes = {text, sizeof(text)};
    assert_int_equal(la_chain_append_bytes(&frame->payload, mem, bytes), sizeof(text));
    packet(writer, iface, frame, true, 5);
    assert_int_equal(la_capture_writer_close(writer), 0);
    tshark(path, "-e frame.len -e frame.cap_len -e ip.len -e tcp.len -e _ws.malformed", &lines);
    assert_int_equal(lines.n, 1);
    assert_string_equal(lines.text[0], "65535|65535|65535|65495|");
    unlink(path);
    la_mem_unref(mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tshark__reads_everything),
        cmocka_unit_test(test_tshark__large_packet),
    };
    if (system("tshark --version >/dev/null 2>&1") != 0) {
        fprintf(stderr, "skipped: tshark is not installed\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
