# SPDX-License-Identifier: MIT
"""Results as tables for people, 80 columns wide. The JSON is the results themselves."""
import statistics

import bbr_draft
import device
import flood as floods

LABEL, CELL, RATIO = 25, 9, 9
BUSY_PART = 0.25
IN_PROCESS = (
    ("ns_per_1460", "ns of CPU per 1460 octets", 1),
    ("gbit_per_cpu_s", "Gbit per CPU second", 2),
    ("cpu_s", "CPU seconds, both ends", 4),
    ("segments_data", "segments from the writer", 0),
    ("segments_ack", "segments from the reader", 0),
    ("segments_again", "segments sent again", 0),
)


def title(text):
    print(f"\n== {text}")


def number(value, decimals):
    return "-" if value is None else f"{value:.{decimals}f}"


def rounds(which, n):
    return "one round" if n == 1 else f"{which} of {n} rounds"


def line(label, cells, ratios=()):
    text = f"{label:{LABEL}}" + "".join(f"{c:>{CELL}}" for c in cells)
    print((text + "".join(f"{c:>{RATIO}}" for c in ratios)).rstrip())


def machine(found):
    print(f"{found['cores']} cores, of which {found['load']:.1f} are wanted by others already")
    if found["load"] > BUSY_PART * found["cores"]:
        print("It is busy: times say little, ratios more, instructions and octets everything.")


# ---- over devices

def median(found, row, stack):
    summary = found[row.load].get(stack, {}).get(row.key)
    return None if summary is None else summary["median"]


def ratio(found, row, reference):
    ours, theirs = median(found, row, "lastack_tap"), median(found, row, reference)
    return number(ours / theirs if ours is not None and theirs else None, 2)


def devices(found, subjects, size):
    title("over devices, MTU 1500, with the kernel at the other end")
    references = [s for s in subjects if not s.key.startswith("lastack")]
    line("", [s.title[0] for s in subjects], ["lastack" for _ in references])
    line("", [s.title[1] for s in subjects], ["/" + s.title[0] for s in references])
    for row in device.ROWS:
        cells = [number(median(found, row, s.key), row.decimals) for s in subjects]
        line(row.text, cells, [ratio(found, row, s.key) for s in references])
    print(f"{rounds('Median', size.rounds_n).capitalize()}, interleaved. Ratios are those of lastack"
          " on a TAP.\nBoth ends of request/response share one core.")


def flood(found):
    title("SYN flood over a device, beside connections that mean it")
    ours, kernel, bounce = (found.get(key) for key in ("lastack_tun", "kernel_veth", "bounce_tun"))
    line("", ["lastack", "kernel", "bounce"])
    line("", ["tun", "veth", "tun"])
    line("SYNs answered per second", [number(s and s["per_s"], 0) for s in (ours, kernel, bounce)])
    line("lastack / that, by rounds", ["", *(number(floods.ratio(found, key), 2) if ours and found.get(key)
                                             else "-" for key in ("kernel_veth", "bounce_tun"))])
    line("CPU us of the process", [number(ours and ours["stack_cpu_us"], 2), "-",
                                   number(bounce and bounce["stack_cpu_us"], 2)])
    tried = next((s["connects_tried"] for s in (ours, kernel) if s), 0)
    line(f"connections of {tried}", [number(s and s["connects"], 0) for s in (ours, kernel)])
    print("One core floods, one has the process with the stack. The kernel's receive path runs where\n"
          "the flood sends. Both remember 1024 SYNs, then send cookies. What bounces is read, turned\n"
          "round and written: the ceiling of what stands on a TUN.")


# ---- in one process

def transfers(found, size):
    title("stack to stack in one process (elsewhere: smoltcp 213 ns, lwIP 608 ns)")
    print(f"{size.mem_bytes >> 20} MiB; {rounds('median', size.mem_rounds_n)}")
    print(f"{'':27}{'checksums':>14}{'without':>14}{'super-segments':>17}")
    for key, text, decimals in IN_PROCESS:
        cells = [number(found[way][key], decimals) for way in ("checksums", "none", "super")]
        print(f"{text:27}{cells[0]:>14}{cells[1]:>14}{cells[2]:>17}")


def instructions(found):
    title("instructions, both ends and all ACKs (per 1460 octets: smoltcp 3440, lwIP 7065)")
    if found is None:
        print("not counted: valgrind is not there")
        return
    print(f"{found['per_segment']:16.0f}  instructions per segment with data")
    print(f"{found['per_1460']:16.0f}  instructions per 1460 octets")


def conns(found):
    title("idle connections in one process (octets per end: lwIP 288, kernel 3700)")
    print(f"{'':42}{'IPv4':>14}{'IPv6':>14}")
    for key, text in (("connections", "idle connections, both ends held here"),
                      ("bytes_per_end", "octets per end, as the stacks count them"),
                      ("rss_bytes_per_end", "octets per end, resident pages")):
        decimals = 0 if key == "connections" else 1
        cells = "".join(f"{found[family][key]:14.{decimals}f}" for family in ("ipv4", "ipv6"))
        print(f"{text:42}{cells}")


def records(found):
    title("half-open and in TIME-WAIT, index and timer included (kernel 320 and 256)")
    for key, text in (("half_open", "octets per half-open connection, either family"),
                      ("time_wait_ipv4", "octets per connection in TIME-WAIT, IPv4"),
                      ("time_wait_ipv6", "the same, IPv6")):
        print(f"{found[key]:16.1f}  {text}")


def mem_flood(found, size):
    title("SYN flood in one process, beside 1000 connections that mean it")
    print(f"{found['syns_per_s']:16.0f}  SYNs per CPU second, answers made"
          f" ({rounds('median', size.mem_rounds_n)})")
    print(f"{found['connects']:16.0f}  of {found['connects_tried']:.0f} connections succeeded")
    print(f"{found['grown_bytes']:16.0f}  octets of memory more than after the first tenth")


def downloads(found, size):
    title(f"curl, {size.file_bytes >> 20} MiB from this machine: direct, and through lastack run")
    if found is None:
        print("not measured: curl is not there")
        return
    which = rounds("best", size.file_rounds_n)
    print(f"{found['direct_s']:16.3f}  seconds, direct ({which})")
    print(f"{found['through_s']:16.3f}  seconds, through lastack ({which})")
    print(f"{found['direct_s'] / found['through_s']:16.2f}  of the direct rate")


def explain(found, size):
    title("explain, whole analysis, one core; captures that two stacks made")
    for kind, what in (("bulk", "bulk"), ("short", "short connections")):
        print(f"{found[kind]['packets_per_s'] / 1e6:16.2f}  million packets per CPU second,"
              f" {what} ({rounds('median', size.mem_rounds_n)})")
        print(f"{found[kind]['anonymous_mib']:16.1f}  MiB of memory of its own")
        print(f"{found[kind]['two_jobs_speedup']:16.2f}  times as fast by the clock with two jobs,"
              f" which take {found[kind]['two_jobs_cpu']:.2f} times the CPU of one")
        print(f"{found[kind]['two_programs_speedup']:16.2f}  times as much in the same time, two such"
              " programs at once: what the machine gives")
    if found["tshark"] is None:
        print("not measured beside tshark: it is not there")
    else:
        print(f"{found['tshark']['packets_per_s'] / 1e6:16.2f}  million, tshark with its analysis,"
              " a smaller capture")


# ---- goodput

def alone(found):
    title("goodput of a sender, Mbit/s, beside the kernel's with the same control")
    print(f"200 Mbit/s, 20 ms there and back, queue 350, the kernel as receiver.\nMedian of "
          f"{found['pairs']} pairs of {found['seconds']:g} s; the n-th packet of either "
          "meets the same fate.")
    print(f"{'':7}{'':23}{'kernel':>9}{'lastack':>9}{'ratio':>8}{'promised':>10}")
    for row in found["alone"]:
        mark = "*" if row["is_reference"] and row["kernel"] is not None else " "
        promised = f">= {row['promised']}" if row["verdict"] != "reported" else "-"
        print(f"{row['control']:7}{row['path']:23}{number(row['kernel'], 1):>8}{mark}"
              f"{number(row['lastack'], 1):>9}{number(row['ratio'], 2):>8}{promised:>10}"
              f"  {row['verdict']}")
    if any(row["is_reference"] for row in found["alone"]):
        print("* This kernel has no such control: what one reached elsewhere, once.")
    if any(row["control"] == "bbr" and row["fault"] == "loss3" for row in found["alone"]):
        model = bbr_draft.rates(bbr_draft.usual_path(0.03), found["seconds"], range(1, 7))
        print(f"bbr at 3 %: the draft's model moves {statistics.median(model):.1f} "
              f"({model[0]:.1f} to {model[-1]:.1f}), bench/bbr_draft.py.")


def shared(found):
    title("two senders on one path: 20 Mbit/s, 20 ms there and back, queue 35")
    print(f"{found['share_seconds']:g} s, the first quarter not counted; median of "
          f"{found['pairs']} pairs")
    print(f"{'':14}{'':25}{'kernel':>8}{'lastack':>9}{'promised':>10}")
    for row in found["shared"]:
        what = "Jain's index" if row["of"] == "jain" else "rate of one to the other"
        promised = f">= {row['promised']}" if row["promised"] is not None else "-"
        print(f"{' + '.join(row['sharers']):14}{what:25}{number(row['kernel'], 3):>8}"
              f"{number(row['lastack'], 3):>9}{promised:>10}  {row['verdict']}")


def goodput(found):
    if found["alone"]:
        alone(found)
    if found["shared"]:
        shared(found)
    missing = [c for c in ("reno", "cubic", "bbr") if c not in found["lastack_controls"]]
    if missing:
        print(f"Not measured, lastack does not have it: {', '.join(missing)}")
    if found["discarded"]:
        print(f"{found['discarded']} pairs were discarded: the machine was too busy.")


# ---- promises

def short(value):
    return "-" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def promises(judged):
    title("what is promised, and what this run measured (of two directions, the worse)")
    print(f"{'':44}{'promised':>9}  {'measured':>8}")
    for p in judged:
        sign = ">=" if p["at_least"] else "<="
        promised = f"{sign} {short(p['promised'])}"
        measured = short(p["measured"])
        print(f"{p['promise']:44}{promised:>9}  {measured:>8}  {p['verdict']}".rstrip())
