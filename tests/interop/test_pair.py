#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""lastack and the kernel, each as client and as server: data, every way to close, resets, zero
windows, many connections.

usage: test_pair.py LASTACK [--long]
"""
import socket
import time

import agent
import network
import pair

BULK_BYTES = 100_000_000 if network.LONG else 4_000_000
IN_TURN_N, TOGETHER_N = (1000, 200) if network.LONG else (100, 50)
RESET_ERRORS = (ConnectionResetError, BrokenPipeError)


class Pair(pair.Bulk, pair.Cases):
    bulk_bytes = BULK_BYTES

    # ---- data

    def test_connections_in_turn(self):
        self.many("serve_echo_in_turn", "ask_in_turn", IN_TURN_N)

    def test_connections_together(self):
        self.many("serve_echo", "ask", TOGETHER_N)

    def many(self, serve, ask, n):
        if self.opener == "stack":
            listener, address = self.listen("kernel")
            wait = agent.start(serve, listener, n)
            self.assertEqual(self.agent.call(ask, address, n), n)
        else:
            listener, address = self.listen("stack")
            wait = agent.start(serve, listener, n)
            self.assertEqual(getattr(agent, ask)(address, n), n)
        self.assertEqual(wait(), n)

    # ---- the orderly end

    @pair.each_way
    def test_close(self, first, second):
        """The side that closes first is in TIME-WAIT, the other one is not."""
        with network.Capture(self.network) as capture:
            ends = self.connect()
            port = ends["kernel"].getsockname()[1]
            ends[first].close()
            self.assertEqual(ends[second].recv(1), b"")
            ends[second].close()
            self.assertTrue(capture.wait(lambda seen: self.fins(seen) == [first, second]))
            self.assertTrue(capture.wait(lambda seen: seen[-1].sender == first))
        in_kernel_n = 1 if first == "kernel" else 0
        self.assertEqual(network.in_time_wait(port, in_kernel_n), in_kernel_n)

    @pair.each_way
    def test_close_merged(self, first, second):
        """FIN; FIN and ACK in one; ACK. The one that answers has to be quick for that, and on a
        busy machine it is not each time."""
        end = time.monotonic() + network.SECONDS
        while True:
            with network.Capture(self.network) as capture:
                ends = self.connect()
                wait = agent.start("close_at_end", ends[second])
                time.sleep(0.02)
                ends[first].close()
                wait()
                self.assertTrue(capture.wait(lambda seen:
                                             self.fins(seen) == [first, second] and
                                             seen[-1].sender == first))
            last = self.from_first_fin(capture.segments)
            if [(s.sender, s.flags) for s in last] == [(first, "FA"), (second, "FA"),
                                                       (first, "A")]:
                self.assertEqual((last[1].ack, last[2].ack), (last[0].seq + 1 & 0xffffffff,
                                                              last[1].seq + 1 & 0xffffffff))
                break
            self.assertLess(time.monotonic(), end, f"never in three segments, lastly in {last}")

    @pair.each_way
    def test_half_close(self, first, second):
        """One side has said its FIN; the other goes on with as much as it likes, and reads nothing
        more."""
        with network.Capture(self.network) as capture:
            ends = self.connect()
            ends[first].sendall(b"question")
            ends[first].shutdown(socket.SHUT_WR)
            self.assertEqual(ends[second].recv(8, socket.MSG_WAITALL), b"question")
            self.assertEqual(ends[second].recv(1), b"")
            wait = agent.start("send", ends[second], 5, 1_000_000)
            agent.run("receive", ends[first], 5, 1_000_000)
            wait()
            ends[second].close()
            self.assertEqual(ends[first].recv(1), b"")
            ends[first].close()
            self.assertTrue(capture.wait(lambda seen:
                                         self.fins(seen) == [first, second]))
        behind = self.from_first_fin(capture.segments)
        self.assertGreaterEqual(sum(s.length for s in behind if s.sender == second), 1_000_000)
        fin = behind[0].seq + behind[0].length
        for s in behind[1:]:  # nothing new: what was late may have come again
            if s.sender == first and s.length > 0:
                self.assertLessEqual((s.seq + s.length - fin + (1 << 31)) % (1 << 32), 1 << 31, s)

    @staticmethod
    def fins(segments):
        """Who has sent a FIN, in order, repetitions left out."""
        senders = []
        for segment in segments:
            if "F" in segment.flags and segment.sender not in senders:
                senders.append(segment.sender)
        return senders

    @staticmethod
    def from_first_fin(segments):
        return segments[next(i for i, s in enumerate(segments) if "F" in s.flags):]

    # ---- the other ends

    def test_refused(self):
        s = self.open(self.opener)
        with self.assertRaises(ConnectionRefusedError):
            s.connect((self.addresses.kernel if self.opener == "stack" else self.addresses.stack, 9))
        s.close()

    @pair.each_way
    def test_linger_0(self, first, second):
        with network.Capture(self.network) as capture:
            ends = self.connect()
            ends[first].sendall(b"x")
            self.assertEqual(ends[second].recv(1), b"x")
            agent.run("close_with_reset", ends[first])
            with self.assertRaises(ConnectionResetError):
                ends[second].recv(1)
            ends[second].close()
        self.check_reset(capture, first)

    @pair.each_way
    def test_linger_0_discards(self, first, second):
        """What was not yet sent is discarded, though the peer has said no more than that its window
        is zero."""
        with network.Capture(self.network) as capture:
            ends = self.connect()
            sent_n = self.fill(ends, first, second, capture)
            agent.run("close_with_reset", ends[first])
            self.assertTrue(capture.wait(lambda seen: any("R" in s.flags for s in seen)))
            with self.assertRaises(ConnectionResetError):
                agent.run("receive", ends[second], 1, sent_n)
            ends[second].close()
        self.check_reset(capture, first)

    @pair.each_way
    def test_close_with_unread_data(self, first, second):
        """RFC 1122 4.2.2.13: the peer is to know that its data were not read."""
        with network.Capture(self.network) as capture:
            ends = self.connect()
            ends[second].sendall(b"unread")
            agent.run("await_data", ends[first])
            ends[first].close()
            with self.assertRaises(ConnectionResetError):
                ends[second].recv(1)
            ends[second].close()
        self.check_reset(capture, first)

    @pair.each_way
    def test_data_for_nobody(self, first, second):
        """Whoever has closed both ways answers data with RST."""
        with network.Capture(self.network) as capture:
            ends = self.connect()
            ends[first].close()
            self.assertEqual(ends[second].recv(1), b"")
            ends[second].sendall(b"x")
            self.assertTrue(capture.wait(lambda seen: any("R" in s.flags for s in seen)))
            with self.assertRaises(RESET_ERRORS):
                end = time.monotonic() + network.SECONDS
                while time.monotonic() < end:  # on a busy machine the RST is read a moment later
                    ends[second].sendall(b"x")
                    time.sleep(0.01)
            ends[second].close()
        self.check_reset(capture, first)

    def check_reset(self, capture, sender):
        """One side has reset the connection, and neither is in TIME-WAIT for it."""
        resets = [s.sender for s in capture.segments if "R" in s.flags]
        self.assertEqual(set(resets), {sender})

    # ---- windows

    @staticmethod
    def fill(ends, sender, receiver, capture):
        """Sends of stream 1 until the receiver's window is zero and nothing more is taken; how many
        octets."""
        sent_n, end = 0, time.monotonic() + network.SECONDS
        while time.monotonic() < end:
            sent_n = agent.run("fill", ends[sender], sent_n)
            last = [s for s in list(capture.segments) if s.sender == receiver][-1]
            if last.window == 0:
                return sent_n
        raise AssertionError("the window stays open")

    @pair.each_way
    def test_zero_window(self, receiver, sender):
        """The receiver rests until its window is zero, and longer; the sender probes; everything
        arrives."""
        with network.Capture(self.network) as capture:
            ends = self.connect(receive_bytes=16384)
            sent_n = self.fill(ends, sender, receiver, capture)

            def is_probed(seen):
                closed = next((i for i, s in enumerate(seen) if s.sender == receiver and
                               s.window == 0 and "S" not in s.flags), len(seen))
                probe = next((i for i, s in enumerate(seen[closed:], closed)
                              if s.sender == sender and s.length <= 1), len(seen))
                return any(s.sender == receiver and s.window == 0 for s in seen[probe:])

            self.assertTrue(capture.wait(is_probed))
            ends[sender].shutdown(socket.SHUT_WR)
            agent.run("receive_all", ends[receiver], 1, sent_n)
            ends[receiver].close()
            ends[sender].close()


pair.variants(Pair, globals())
del Pair

if __name__ == "__main__":
    network.main()
