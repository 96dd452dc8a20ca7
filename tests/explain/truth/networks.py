# SPDX-License-Identifier: MIT
"""Two ends and what lies between them: a bad network over two TAP devices, a pair of veth, or the loopback."""
import multiprocessing
import os
import socket
import subprocess
import threading

import play
import wire

PORT = 7000
LENGTHS = ((4, 24), (6, 64))  # of the prefix; IPv6 needs links of 1280 (RFC 8200 5)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def inside(body, *args):
    """A thread of its own, because that stays in the namespace that it enters."""
    thread = threading.Thread(target=body, args=args)
    thread.start()
    thread.join()


def settle(sysctls):
    for key, value in sysctls.items():
        with open(f"/proc/sys/net/ipv4/{key}", "w", encoding="ascii") as f:
            f.write(str(value))


class Network:
    """Two namespaces and the wire between them."""
    PLACES = ("client", "middle", "server")
    MAC = {"client": "02:00:00:00:00:01", "server": "02:00:00:00:00:02"}

    def __init__(self, number, plan, seed, folder, name):
        tag = f"unseen-{os.getpid()}-{number}"
        self.names = {"client": f"{tag}-c", "server": f"{tag}-s"}
        self.addrs = Veth.addresses(number)
        self.fds, self.sniffers = {}, {}
        if "flood" in plan:
            macs = bytes.fromhex((self.MAC["server"] + self.MAC["client"]).replace(":", ""))
            af = socket.AF_INET if plan["family"] == 4 else socket.AF_INET6
            plan["flood_to"] = macs, socket.inet_pton(af, self.addrs["server"][plan["family"]]), PORT
        for side in self.names:
            inside(self.build, side, plan)
        reading, self.command = os.pipe()
        self.child = multiprocessing.Process(
            target=wire.run, args=({"a": self.fds["client"], "b": self.fds["server"]}, self.sniffers,
                                   reading, plan, seed, folder, name))
        self.child.start()
        os.close(reading)

    def build(self, side, plan):
        name, other = self.names[side], "server" if side == "client" else "client"
        ip("netns", "add", name)
        play.enter(name)
        self.device(side, plan)
        with open("/proc/sys/net/ipv6/conf/t0/accept_dad", "w", encoding="ascii") as f:
            f.write("0")
        ip("link", "set", "t0", "address", self.MAC[side], "txqueuelen", "5000", "mtu", str(plan["mtu"][side]))
        ip("link", "set", "lo", "up")
        ip("link", "set", "t0", "up")
        for family, length in LENGTHS[:1 if plan["mtu"][side] < 1280 else 2]:
            ip("addr", "add", f"{self.addrs[side][family]}/{length}", "dev", "t0")
            ip("neigh", "add", self.addrs[other][family], "lladdr", self.MAC[other], "dev", "t0")
        if side == "server":  # back to whom it does not know
            ip("route", "add", "default", "via", self.addrs[other][4], "dev", "t0")
            if plan["mtu"][side] >= 1280:
                ip("-6", "route", "add", "default", "via", self.addrs[other][6], "dev", "t0")
        settle(plan["sysctl"][side])
        self.sniffers[side] = wire.sniffer_open("t0")

    def device(self, side, plan):
        self.fds[side] = wire.tap_open("t0", plan["offload"])

    def end(self):
        """The wire stops and writes what it saw."""
        os.write(self.command, b"end ")
        self.child.join(60)
        if self.child.is_alive():
            self.child.kill()

    def close(self):
        os.close(self.command)
        for fd in self.fds.values():
            os.close(fd)
        for sock in self.sniffers.values():
            sock.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


class Veth(Network):
    """A pair of the kernel's devices: nothing is lost, nothing waits, and what is sent is not cut."""
    PLACES = ("client", "server")

    def __init__(self, number, plan, _, folder, name):
        tag = f"unseen-{os.getpid()}-{number}"
        self.names = {"client": f"{tag}-c", "server": f"{tag}-s"}
        self.addrs = self.addresses(number)
        self.fds, self.sniffers, self.child = {}, {}, None
        self.file = os.path.join(folder, name)
        reading, self.command = os.pipe()  # nobody hears
        self.fds["commands"] = reading
        self.join(plan)

    @staticmethod
    def addresses(number):
        net, net6 = f"10.{100 + number // 250}.{1 + number % 250}", f"fd{number // 250:02x}:{1 + number % 250:x}:"
        return {"client": {4: f"{net}.1", 6: f"{net6}:1"}, "server": {4: f"{net}.2", 6: f"{net6}:2"}}

    def join(self, plan):
        for side in ("server", "client"):
            inside(self.build, side, plan)

    def device(self, side, plan):
        if side == "client":
            ip("link", "add", "t0", "type", "veth", "peer", "name", "t0", "netns", self.names["server"])
            subprocess.run(["ip", "-n", self.names["server"], "link", "set", "t0", "address", self.MAC["server"]],
                           check=True)

    def build(self, side, plan):
        if side == "server":  # its device comes with the client's
            ip("netns", "add", self.names[side])
            return
        super().build("client", plan)
        inside(self.build_other, plan)

    def build_other(self, plan):
        play.enter(self.names["server"])
        ip("link", "set", "lo", "up")
        with open("/proc/sys/net/ipv6/conf/t0/accept_dad", "w", encoding="ascii") as f:
            f.write("0")
        ip("link", "set", "t0", "mtu", str(plan["mtu"]["client"]), "up")  # one wire has one size
        for family, length in LENGTHS[:1 if plan["mtu"]["client"] < 1280 else 2]:
            ip("addr", "add", f"{self.addrs['server'][family]}/{length}", "dev", "t0")
            ip("neigh", "add", self.addrs["client"][family], "lladdr", self.MAC["client"], "dev", "t0")
        settle(plan["sysctl"]["server"])
        self.sniffers["server"] = wire.sniffer_open("t0")

    def end(self):
        for place, sock in self.sniffers.items():
            wire.pcap_write(f"{self.file}.{place}.pcap", sorted(
                (p for p in wire.sniffed(sock, self.skips) if wire.is_kept(p[1])), key=lambda p: p[0]))

    @staticmethod
    def skips(_):
        return False


class Loopback(Veth):
    """One host talks to itself, over both of its addresses."""
    PLACES = ("loopback",)

    @staticmethod
    def addresses(_):
        return {"client": {4: "127.0.0.1", 6: "fd00::1"}, "server": {4: "127.0.0.2", 6: "fd00::2"}}

    def join(self, plan):
        self.names["server"] = self.names["client"]
        inside(self.build, "client", plan)

    def build(self, side, plan):
        ip("netns", "add", self.names[side])
        play.enter(self.names[side])
        ip("link", "set", "lo", "up")
        for end in ("client", "server"):
            ip("addr", "add", self.addrs[end][6] + "/128", "dev", "lo", "nodad")
            settle(plan["sysctl"][end])
        self.sniffers["loopback"] = wire.sniffer_open("lo")

    @staticmethod
    def skips(address):
        return address[2] == socket.PACKET_OUTGOING  # and comes in again


KINDS = {"tap": Network, "veth": Veth, "lo": Loopback}
