/* SPDX-License-Identifier: MIT
 *
 * bench.c - `lastack bench NOUN`: finds the benchmark
 */
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/netopt.h"

#include <stdio.h>
#include <string.h>

static const struct noun {
    const char *name;
    int (*main)(int argc, char **argv);
} nouns[] = {
    {"mem", la_bench_mem},
    {"conns", la_bench_conns},
    {"half-open", la_bench_half_open},
    {"time-wait", la_bench_time_wait},
    {"flood", la_bench_flood},
    {"goodput", la_bench_goodput},
    {"path", la_bench_path},
    {"peer", la_bench_peer},
};

static void
print_help(FILE *out)
{
    fputs("lastack bench - what the stack costs\n"
          "\n"
          "usage: lastack bench\n"
          "       lastack bench mem BYTES [OPTION...]\n"
          "       lastack bench conns N [OPTION...]\n"
          "       lastack bench half-open N [--json]\n"
          "       lastack bench time-wait N [--ipv6] [--json]\n"
          "       lastack bench flood N [--syn-queue N] [--json]\n"
          "       lastack bench goodput SECONDS [OPTION...] [NETWORK OPTION...]\n"
          "       lastack bench path DEVICE[@NETNS] DEVICE[@NETNS] [NETWORK OPTION...]\n"
          "       lastack bench peer tap|tun NAME IP[/LEN] MTU [OPTION...]\n"
          "\n"
          "  mem BYTES    moves BYTES from stack to stack in one process\n"
          "    --mss N        largest text of a segment, options not taken off (1460)\n"
          "    --mtu N        largest IP packet (1500)\n"
          "    --write N      octets per write and per read (16K)\n"
          "    --window N     send and receive buffer (256K)\n"
          "    --no-checksum  checksums are neither made nor verified\n"
          "    --tso          super-segments of up to 64 KiB on the wire, no checksums\n"
          "  conns N      holds N idle connections, both ends here, and weighs them\n"
          "  half-open N  holds N half-open connections, and weighs them\n"
          "  time-wait N  holds N connections in TIME-WAIT, and weighs them\n"
          "  flood N      N SYNs from made-up addresses, while 1000 connections are opened\n"
          "    --syn-queue N  half-open connections that are remembered (1024)\n"
          "  goodput S    what connections move over a path in S seconds of virtual time\n"
          "    --cc NAME      congestion control of a connection (cubic); again for more\n"
          "    --window N     send and receive buffer (8388608)\n"
          "    --every TIME   a line for each connection in such steps\n"
          "    --no-timestamps, --no-sack, --no-rack  without that\n"
          "  path A B     joins two TUN devices by a bad path, until it is told to end\n"
          "  peer         serves a TUN or TAP: 5001 reads and discards, 5002 writes, 5003\n"
          "               sends back; SIGUSR1 prints how many connections there are in\n"
          "               each state\n"
          "    --congestion NAME  congestion control (cubic)\n"
          "    --window N     send and receive buffer (1048576)\n"
          "    --gateway IP   where other networks are\n"
          "    --ecn          asks for ECN (it is agreed to without); --no-ecn refuses it\n"
          "    --plain        neither checksums nor segmentation are left to the kernel\n"
          "\n"
          "  --ipv6       of mem, conns and time-wait: addresses of IPv6\n"
          "\n"
          "  without      mem 1G, then conns 100000\n"
          "\n"
          "  --json       one JSON object instead of a table\n"
          "  -h, --help   this text\n"
          "\n"
          "Numbers of mem, conns, half-open, time-wait and flood take the suffixes K, M and\n"
          "G, powers of 1024.\n"
          "\n"
          "network options of goodput and path (up: from the sender, from the first\n"
          "device):\n",
          out);
    fputs(la_netopt_help(), out);
}

/* Without a noun: each, in a size that takes a second or two. */
static int
bench_all(void)
{
    char mem[] = "mem", bytes[] = "1G", conns[] = "conns", n[] = "100000";
    char *mem_argv[] = {mem, bytes, NULL};
    char *conns_argv[] = {conns, n, NULL};
    int status = la_bench_mem(2, mem_argv);
    putchar('\n');
    int conns_status = la_bench_conns(2, conns_argv);
    return status != LA_CLI_OK ? status : conns_status;
}

int
la_cli_bench(int argc, char **argv)
{
    if (argc < 2)
        return bench_all();
    if (la_cli_is_help(argv[1]) || (argc > 2 && la_cli_is_help(argv[2]))) {
        print_help(stdout);
        return LA_CLI_OK;
    }
    for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++)
        if (strcmp(argv[1], nouns[i].name) == 0)
            return nouns[i].main(argc - 1, argv + 1);
    return la_cli_usage("bench", "no benchmark ", argv[1]);
}
