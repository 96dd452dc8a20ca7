# SPDX-License-Identifier: MIT
"""What lastack promises to cost, and what this run says about it.

A promise that this benchmark does not measure is listed as such, so that nobody takes its absence
for its being kept.
"""
import flood


class Promise:
    """`of` takes the results and gives the measured figure, or None when it was not measured."""

    def __init__(self, text, promised, of, at_least=False):
        self.text, self.promised, self.of, self.at_least = text, promised, of, at_least

    def judge(self, results):
        try:
            measured = self.of(results)
        except (KeyError, TypeError):  # a part that did not run
            measured = None
        if measured is None:
            verdict = "not measured"
        elif measured >= self.promised if self.at_least else measured <= self.promised:
            verdict = "kept"
        else:
            verdict = "not kept"
        return {"promise": self.text, "promised": self.promised, "measured": measured,
                "at_least": self.at_least, "verdict": verdict}


def nothing(_results):
    return None


def device(load, key, stack="lastack_tun"):
    return lambda r: r["device"][load][stack][key]["median"]


def worse_way(key, better=min):
    """Of the two directions, the one that is further from its promise."""
    return lambda r: better(device(load, key)(r) for load in ("bulk-out", "bulk-in"))


def rate_beside_kernel(r):
    return min(device(load, "gbit_per_s")(r) / device(load, "gbit_per_s", "kernel_veth")(r)
               for load in ("bulk-out", "bulk-in"))


def worst_goodput(control):
    """The smallest ratio to the kernel among the rows that promise one."""
    def of(r):
        ratios = [row["ratio"] for row in r["goodput"]["alone"]
                  if row["control"] == control and row["verdict"] != "reported"]
        return min(ratios) if ratios and None not in ratios else None
    return of


def least_fair(r):
    found = [row["lastack"] for row in r["goodput"]["shared"] if row["of"] == "jain"]
    return min(found) if found and None not in found else None


PROMISES = (
    Promise("idle connection, IPv4, octets, counted", 256, lambda r: r["conns"]["ipv4"]["bytes_per_end"]),
    Promise("idle connection, IPv4, octets, resident", 256,
            lambda r: r["conns"]["ipv4"]["rss_bytes_per_end"]),
    Promise("idle connection, IPv6, octets, counted", 288,
            lambda r: r["conns"]["ipv6"]["bytes_per_end"]),
    Promise("idle connection, IPv6, octets, resident", 288,
            lambda r: r["conns"]["ipv6"]["rss_bytes_per_end"]),
    Promise("TIME-WAIT record, IPv4, octets", 64, lambda r: r["records"]["time_wait_ipv4"]),
    Promise("TIME-WAIT record, IPv6, octets", 96, lambda r: r["records"]["time_wait_ipv6"]),
    Promise("half-open record, octets", 96, lambda r: r["records"]["half_open"]),
    Promise("10 million connections, both ends, GiB", 8, nothing),
    Promise("stack to stack, instructions per 1460 octets", 2000,
            lambda r: r["instructions"]["per_1460"]),
    Promise("stack to stack, ns per 1460 octets", 150, lambda r: r["mem"]["checksums"]["ns_per_1460"]),
    Promise("the same, super-segments, Gbit per CPU s", 150,
            lambda r: r["mem"]["super"]["gbit_per_cpu_s"], at_least=True),
    Promise("bulk over TUN, CPU s/GB of both ends", 0.28, worse_way("cpu_s_per_gb", max)),
    Promise("bulk over TUN, rate beside kernel veth", 0.7, rate_beside_kernel,
            at_least=True),
    Promise("request/response over TUN, one core, p50 us", 9.5, device("talk", "p50_us")),
    Promise("SYN flood, in process, million/s", 3, lambda r: r["mem_flood"]["syns_per_s"] / 1e6,
            at_least=True),
    Promise("SYN flood, all connects good, x kernel", 1.5, lambda r: flood.ratio(r["flood"]),
            at_least=True),
    Promise("reno on bad paths, worst goodput / kernel's", 0.95, worst_goodput("reno"), at_least=True),
    Promise("cubic on bad paths, the same", 0.95, worst_goodput("cubic"), at_least=True),
    Promise("bbr up to 1 % loss and reordering, the same", 0.95, worst_goodput("bbr"), at_least=True),
    Promise("two of one control, least Jain's index", 0.95, least_fair, at_least=True),
    Promise("analyser, million packets/s, bulk", 4,
            lambda r: r["explain"]["bulk"]["packets_per_s"] / 1e6, at_least=True),
    Promise("analyser, the same, short connections", 3,
            lambda r: r["explain"]["short"]["packets_per_s"] / 1e6, at_least=True),
    Promise("analyser, short connections, MiB", 100,
            lambda r: r["explain"]["short"]["anonymous_mib"]),
)


def judge(results):
    return [promise.judge(results) for promise in PROMISES]
