# SPDX-License-Identifier: MIT
"""A lane: senders, a path between, the kernel as receiver, in network namespaces of its own.

    senders of the kernel  --\\
                              p0 -- lastack bench path -- p0  receiver (the kernel)
    lastack, one TUN each  --/

Both kinds of sender have the same addresses, in a namespace each, and the same path is laid to one
or the other. Where the kernel forwards between a TUN of lastack and p0, it is a router. The fate
of a packet depends on seed, addresses, ports and its number alone: with one seed, the n-th packet
of either sender is lost, or is not.
"""
import contextlib
import json
import select
import signal
import subprocess
import time

import stacks

RECEIVER_IP, SENDER_IPS = stacks.LOAD_IP, ("10.9.0.2", "10.9.0.3")
ONE_WAY_MS = 10
# As much as a sender of the kernel may keep of this path, by its own tuning.
SENDER_WINDOW_BYTES = 8 << 20
# A TUN never drops what the path has not yet taken.
TUN_QUEUE_N = 10000
# What has been sent when a load ends is soon over: two round trips and a full queue.
SETTLE_S = 0.08
# A busy machine is seen in how late packets leave the path; so late, this many, and a run is
# discarded.
LATE_PERCENT_MAX = 1.0
FIRST = ("chrt", "--fifo", "1")


class Disturbed(Exception):
    """The machine was too busy for this run to mean anything."""


class Fault:
    """A row of the table: what befalls the packets of the senders."""

    def __init__(self, key, text, *options):
        self.key, self.text, self.options = key, text, options


class Link:
    """Rate and queue, the same both ways."""

    def __init__(self, mbit, queue_n):
        self.mbit, self.queue_n = mbit, queue_n

    def options(self):
        return ("--delay", f"{ONE_WAY_MS}ms", "--rate", f"{self.mbit}mbit",
                "--queue", str(self.queue_n))


class Sender:
    """One stack with one congestion control."""

    def __init__(self, kind, control):
        self.kind, self.control = kind, control  # kind: "kernel" or "lastack"


def before_others():
    """A prefix for the programs that are measured: on a busy machine they run first, or nothing
    where that is not allowed."""
    done = subprocess.run([*FIRST, "true"], capture_output=True, check=False)
    return FIRST if done.returncode == 0 else ()


def kernel_controls():
    with open("/proc/sys/net/ipv4/tcp_available_congestion_control", encoding="ascii") as f:
        return f.read().split()


def route_to(space, address, device):
    stacks.ip("-n", space, "route", "add", address, "dev", device)


def tun_add(space, device):
    stacks.ip("-n", space, "tuntap", "add", "dev", device, "mode", "tun")
    stacks.ip("-n", space, "link", "set", device, "mtu", str(stacks.MTU), "txqueuelen",
              str(TUN_QUEUE_N))
    stacks.ip("-n", space, "link", "set", device, "up")


class Lane:
    """Where one run after another takes place."""

    def __init__(self, lastack, load, spaces, late_percent_max):
        self.lastack, self.load, self.late_percent_max = lastack, load, late_percent_max
        self.near, self.far = spaces["near"], {k: spaces[k] for k in ("kernel", "lastack")}
        self.first = before_others()

    def sender(self, stack, number):
        """A server, running."""
        address = SENDER_IPS[number]
        command = [self.load, "serve", address, "--control", stack.control]
        if stack.kind == "lastack":
            command = [self.lastack, "bench", "peer", "tun", f"b{number}", address,
                       str(stacks.MTU), "--cc", stack.control, "--window",
                       str(SENDER_WINDOW_BYTES)]
        return stacks.process(self.far[stack.kind], [*self.first, *command])

    @contextlib.contextmanager
    def path(self, kind, link, fault, seed):
        """What became of its packets, filled in when it has ended."""
        found = {}
        command = [*self.first, self.lastack, "bench", "path", f"p0@{self.far[kind]}",
                   f"p0@{self.near}", *link.options(), *fault.options, "--seed", str(seed),
                   "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as relay:
            try:
                ready = select.select([relay.stdout], [], [], stacks.START_S)[0]
                if not ready or not relay.stdout.readline().startswith("carrying"):
                    relay.kill()
                    raise stacks.Failed(f"no path: {relay.communicate()[1].strip()}")
                yield found
                relay.send_signal(signal.SIGTERM)
                found.update(json.loads(relay.communicate(timeout=stacks.START_S)[0]))
            finally:
                relay.kill()

    def run(self, senders, link, fault, seed, **options):
        """Mbit/s of each sender. All are of one kind."""
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        with contextlib.ExitStack() as running:
            found = running.enter_context(self.path(senders[0].kind, link, fault, seed))
            with contextlib.ExitStack() as servers:
                for number, stack in enumerate(senders):
                    servers.enter_context(self.sender(stack, number))
                done = subprocess.run(
                    ["ip", "netns", "exec", self.near, *self.first, self.load, "goodput",
                     SENDER_IPS[0], "--connections", str(len(senders)), *words],
                    capture_output=True, text=True, check=False, timeout=stacks.PATIENCE_S)
                time.sleep(SETTLE_S)
        if done.returncode != 0:
            raise stacks.Failed(f"{senders[0].kind} {senders[0].control}, {fault.text}, "
                                f"seed {seed}: {done.stderr.strip()}")
        if found["late_percent"] > self.late_percent_max or found["up_refused"] + found["down_refused"]:
            raise Disturbed(f"{found['late_percent']} % of the packets left late")
        return json.loads(done.stdout)["each_mbit_per_s"]


@contextlib.contextmanager
def lane(lastack, load, name, late_percent_max=LATE_PERCENT_MAX):
    with contextlib.ExitStack() as made:
        spaces = {key: made.enter_context(stacks.namespace(f"{name}-{key}"))
                  for key in ("near", "kernel", "lastack")}
        for space in spaces.values():
            tun_add(space, "p0")
        stacks.ip("-n", spaces["near"], "addr", "add", f"{RECEIVER_IP}/32", "dev", "p0")
        route_to(spaces["kernel"], RECEIVER_IP, "p0")
        route_to(spaces["lastack"], RECEIVER_IP, "p0")
        subprocess.run(["ip", "netns", "exec", spaces["lastack"], "sh", "-c",
                        "echo 1 >/proc/sys/net/ipv4/ip_forward"], check=True)
        for number, address in enumerate(SENDER_IPS):
            route_to(spaces["near"], address, "p0")
            stacks.ip("-n", spaces["kernel"], "addr", "add", f"{address}/32", "dev", "p0")
            tun_add(spaces["lastack"], f"b{number}")
            route_to(spaces["lastack"], address, f"b{number}")
        yield Lane(lastack, load, spaces, late_percent_max)
