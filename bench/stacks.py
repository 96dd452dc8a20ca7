# SPDX-License-Identifier: MIT
"""Stacks to be measured, each on a link of its own with the kernel at the other end.

Everything is made in network namespaces of this process and goes with them. Whatever the stack, it
has the same address and serves the same three ports (load.h).
"""
import contextlib
import json
import os
import select
import shutil
import subprocess

MTU = 1500
STACK_IP, LOAD_IP, PREFIX = "10.9.0.2", "10.9.0.1", 24
# Addresses that the load may connect from: each has all ports, so that TIME-WAIT leaves enough.
SOURCE_IP, SOURCES_N = "10.9.0.10", 8
START_S, PATIENCE_S = 60, 240
SYSCTLS = {
    "ipv6/conf/all/disable_ipv6": "1",          # nothing but what is measured
    "ipv4/ip_local_port_range": "1024 65535",
    "ipv4/tcp_max_tw_buckets": "1000000",
    "ipv4/tcp_no_metrics_save": "1",            # one round teaches the next nothing
    "core/somaxconn": "65535",
    "ipv4/tcp_max_syn_backlog": "65535",
}


class Failed(Exception):
    """A stack or a load did not do what it should; the text says what."""


def missing():
    """Why nothing can be measured over devices here, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    if not os.path.exists("/dev/net/tun"):
        return "needs /dev/net/tun"
    if shutil.which("ip") is None:
        return "needs ip (iproute2)"
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    return "needs the right to make network namespaces" if probe.returncode != 0 else None


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextlib.contextmanager
def namespace(suffix):
    name = f"lastack-bench-{os.getpid()}-{suffix}"
    ip("netns", "add", name)
    try:
        sets = "; ".join(f"echo {value} >/proc/sys/net/{key}" for key, value in SYSCTLS.items())
        ip("netns", "exec", name, "sh", "-c", sets)
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def addresses_add(space, device):
    ip("-n", space, "link", "set", device, "mtu", str(MTU))
    ip("-n", space, "addr", "add", f"{LOAD_IP}/{PREFIX}", "dev", device)
    head, _, last = SOURCE_IP.rpartition(".")
    for i in range(SOURCES_N):
        ip("-n", space, "addr", "add", f"{head}.{int(last) + i}/{PREFIX}", "dev", device)
    ip("-n", space, "link", "set", device, "up")


@contextlib.contextmanager
def process(space, command):
    """A server, once it has said that it serves; ended on the way out."""
    # `ip netns exec` becomes the command, so that the process is the server itself.
    with subprocess.Popen(["ip", "netns", "exec", space, *command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as server:
        try:
            ready = select.select([server.stdout], [], [], START_S)[0]
            line = server.stdout.readline() if ready else ""
            if not line.startswith("serving"):
                server.kill()
                raise Failed(f"{command[0]} does not start: {server.communicate()[1].strip()}")
            yield server, line.strip()
        finally:
            server.kill()


def write(space, path, text):
    """Into a file of /proc or /sys as the namespace sees it."""
    done = subprocess.run(["ip", "netns", "exec", space, "sh", "-c", f"echo {text} >{path}"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{path}: {done.stderr.strip()}")


class Running:
    """A stack that serves, the namespace that the load runs in, and that of a kernel that serves."""

    def __init__(self, load, space, server, said, far=None):
        self.load_program, self.space, self.server, self.said = load, space, server, said
        self.far = far

    def load(self, mode, *options, core=None, stack_core=None):
        """What a load measured. With a core, both ends run on that one alone, or the stack on its
        own."""
        cores = os.sched_getaffinity(0) if core is None else {core}
        os.sched_setaffinity(self.server.pid, cores if stack_core is None else {stack_core})
        command = ["ip", "netns", "exec", self.space, self.load_program, mode, STACK_IP,
                   "--peer", str(self.server.pid), *options]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=PATIENCE_S,
                                  preexec_fn=lambda: os.sched_setaffinity(0, cores))
        except subprocess.TimeoutExpired:
            raise Failed(f"{mode}: no end after {PATIENCE_S} s") from None
        if self.server.poll() is not None:
            raise Failed(f"{mode}: the stack ended: {self.server.stderr.read().strip()}")
        if done.returncode != 0:
            raise Failed(f"{mode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


class OnDevice:
    """A program that puts a stack on a TUN or TAP."""

    def __init__(self, key, title, kind, command):
        self.key, self.title, self.kind, self.command = key, title, kind, command

    @contextlib.contextmanager
    def running(self, load):
        with namespace(self.key) as space:
            ip("-n", space, "tuntap", "add", "dev", "bench0", "mode", self.kind)
            addresses_add(space, "bench0")
            with process(space, self.command("bench0")) as (server, said):
                yield Running(load, space, server, said)


class KernelOnVeth:
    """The kernel beside itself: two namespaces and a virtual cable, with its offloads."""
    key, title = "kernel_veth", ("kernel", "veth")

    @contextlib.contextmanager
    def running(self, load):
        with namespace("near") as near, namespace("far") as far:
            ip("link", "add", "bench0", "netns", near, "type", "veth", "peer", "name", "bench0",
               "netns", far)
            addresses_add(near, "bench0")
            ip("-n", far, "link", "set", "bench0", "mtu", str(MTU))
            ip("-n", far, "addr", "add", f"{STACK_IP}/{PREFIX}", "dev", "bench0")
            ip("-n", far, "link", "set", "bench0", "up")
            with process(far, [load, "serve", STACK_IP]) as (server, said):
                yield Running(load, near, server, said, far)


def lastack(program, kind):
    return OnDevice(f"lastack_{kind}", ("lastack", kind), kind,
                    lambda device: [program, "bench", "peer", kind, device, STACK_IP, str(MTU)])


def lwip(program):
    return OnDevice("lwip_tap", ("lwIP", "tap"), "tap",
                    lambda device: [program, device, STACK_IP, str(MTU)])
