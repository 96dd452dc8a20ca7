#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bbr_draft.py - what the model of draft-ietf-ccwg-bbr-06 gives on a path that loses at random

Written from the draft alone, packet by packet, beside no stack: a sender that always has something to
send, is paced without bursts, finds a loss when a later packet is acknowledged, and loses no time over
retransmissions. What it moves is the most that the draft's model allows, and what an implementation is
to be measured against where losses pass the draft's threshold of 2 %, and it gives way.

Begins when Startup is over: the bandwidth is known, the queue is empty.

usage: bench/bbr_draft.py [--loss 0.03] [--rtt-ms 20] [--mbps 200] [--queue 350] [--seconds 20]
                          [--seeds 6] [--any-loss]

--any-loss lowers the short-term bounds for every loss, as the draft says; without, for a round trip
that has lost more than the threshold alone (lastack's deviation D24).
"""
import argparse
import collections
import random
import statistics
import sys

TEXT_BYTES, PACKET_BYTES = 1448, 1500
LOSS_THRESH, BETA, HEADROOM, MARGIN = 0.02, 0.7, 0.15, 0.01
MIN_PIPE, RENO_ROUNDS, PROBE_RTT_EVERY_S, PROBE_RTT_S = 4, 63, 5.0, 0.2
PACING_GAIN = {"DOWN": 0.9, "CRUISE": 1.0, "REFILL": 1.0, "UP": 1.25, "PROBE_RTT": 1.0}
INFINITE = float("inf")


class Packet:
    __slots__ = ("sent_at", "acked_at", "delivered", "delivered_at", "first_sent_at", "lost", "flight")


class Sample:
    """RS: what one acknowledgement, or one loss, says."""

    def __init__(self, packet, sender, now):
        self.prior_delivered = packet.delivered
        self.delivered = sender.delivered - packet.delivered
        self.lost = sender.lost - packet.lost
        self.flight = packet.flight
        interval = max(packet.sent_at - packet.first_sent_at, now - packet.delivered_at)
        self.rate = self.delivered / interval if interval >= sender.rtt_s * 0.999 else 0

    def is_inflight_too_high(self):
        return self.lost > self.flight * LOSS_THRESH


class Bbr:
    """5.3.3 to 5.5: ProbeBW and ProbeRTT; rates in packets a second, volumes in packets."""

    def __init__(self, rate, rtt_s, any_loss, rng):
        self.rng, self.rtt_s, self.any_loss = rng, rtt_s, any_loss
        self.max_bw = [rate, 0]
        self.cwnd = 2 * rate * rtt_s
        self.inflight_longterm = INFINITE
        self.latest_bw = self.latest_inflight = 0
        self.loss_in_round = self.is_probe_sample = self.too_high = self.cautious = False
        self.loss_round_delivered = self.next_round_delivered = 0
        self.rounds_since_up = 0
        self.full_bw = self.full_bw_n = 0
        self.probe_rtt_at, self.probe_rtt_done_at = PROBE_RTT_EVERY_S, None
        self.up_acked, self.up_rounds, self.per_inc = 0, 0, INFINITE
        self.reset_shortterm()
        self.start_down(0, 0)

    def reset_shortterm(self):
        self.bw_shortterm = self.inflight_shortterm = INFINITE

    def bw(self):
        return min(max(self.max_bw), self.bw_shortterm)

    def bdp(self, gain=1.0):
        return self.bw() * self.rtt_s * gain

    # -- 5.3.3.9
    def start_down(self, now, delivered):
        self.loss_in_round, self.latest_bw, self.latest_inflight = False, 0, 0
        self.per_inc = INFINITE
        self.rounds_since_up = self.rng.randrange(2)
        self.wait_s, self.cycle_at = 2 + self.rng.random(), now
        self.acks = "STOPPING"
        self.next_round_delivered = delivered
        self.state = "DOWN"

    def start_refill(self, delivered):
        self.reset_shortterm()
        self.up_rounds = self.up_acked = 0
        self.cautious = False
        self.acks, self.next_round_delivered, self.state = "REFILLING", delivered, "REFILL"

    def raise_slope(self):
        self.per_inc = max(self.cwnd / 2 ** self.up_rounds, 1)
        self.up_rounds = min(self.up_rounds + 1, 30)

    def start_up(self, sample, delivered):
        self.acks, self.next_round_delivered, self.state = "STARTING", delivered, "UP"
        self.full_bw, self.full_bw_n = sample.rate, 0
        self.is_probe_sample = True
        self.raise_slope()

    # -- 5.5.10.2
    def lost(self, sample, sender, now):
        if not self.loss_in_round:
            self.loss_round_delivered = sender.delivered
        self.loss_in_round = True
        if not self.is_probe_sample or not sample.is_inflight_too_high():
            return
        self.too_high, self.is_probe_sample = True, False
        lost_before = sample.lost - 1
        allowed = max(LOSS_THRESH * (sample.flight - 1) - lost_before, 0) / (1 - LOSS_THRESH)
        target = min(self.bdp(), self.cwnd)
        self.inflight_longterm = max(sample.flight - 1 + allowed, target * BETA)
        if self.state == "UP":
            self.start_down(now, sender.delivered)

    # -- 5.5
    def acked(self, sample, sender, now):
        self.latest_bw = max(self.latest_bw, sample.rate)
        self.latest_inflight = max(self.latest_inflight, sample.delivered)
        loss_round = sample.prior_delivered >= self.loss_round_delivered
        if loss_round:
            self.loss_round_delivered = sender.delivered
        round_start = sample.prior_delivered >= self.next_round_delivered
        if round_start:
            self.next_round_delivered = sender.delivered
            self.rounds_since_up += 1
        self.max_bw[1] = max(self.max_bw[1], sample.rate)
        if loss_round:
            self.adapt_lower_bounds(sample)
            self.loss_in_round = False
        if self.state == "UP" and round_start:
            if sample.rate >= self.full_bw * 1.25:
                self.full_bw, self.full_bw_n = sample.rate, 0
            else:
                self.full_bw_n += 1
        self.cycle(sample, sender, now, round_start)
        self.probe_rtt(sender, now)
        if loss_round:
            self.latest_bw, self.latest_inflight = sample.rate, sample.delivered
        self.set_cwnd()

    def adapt_lower_bounds(self, sample):
        heeded = self.any_loss or sample.is_inflight_too_high()
        if self.state in ("REFILL", "UP") or not self.loss_in_round or not heeded:
            return
        bw = max(self.max_bw) if self.bw_shortterm == INFINITE else self.bw_shortterm
        inflight = self.cwnd if self.inflight_shortterm == INFINITE else self.inflight_shortterm
        self.bw_shortterm = max(self.latest_bw, BETA * bw)
        self.inflight_shortterm = max(self.latest_inflight, BETA * inflight)

    def cycle(self, sample, sender, now, round_start):
        if self.acks == "STARTING" and round_start:
            self.acks = "FEEDBACK"
        if self.acks == "STOPPING" and round_start:
            self.is_probe_sample, self.acks = False, "INIT"
            if self.state != "PROBE_RTT":
                self.max_bw = [self.max_bw[1], 0]
                if self.cautious and not self.too_high:
                    self.start_refill(sender.delivered)
                    return
        if not sample.is_inflight_too_high() and self.inflight_longterm != INFINITE:
            self.inflight_longterm = max(self.inflight_longterm, sample.flight)
            if self.state == "UP":
                self.probe_upward(sender, round_start)
        if self.state in ("DOWN", "CRUISE"):
            rounds = min(min(self.bdp(), self.cwnd), RENO_ROUNDS)
            if now - self.cycle_at > self.wait_s or self.rounds_since_up >= rounds:
                self.start_refill(sender.delivered)
            elif self.state == "DOWN" and sender.flight <= min(
                    self.with_headroom(), max(self.max_bw) * self.rtt_s):
                self.state = "CRUISE"
        elif self.state == "REFILL" and round_start:
            self.start_up(sample, sender.delivered)
        elif self.state == "UP":
            self.cautious = self.too_high and sender.flight >= self.inflight_longterm
            if self.cautious or self.full_bw_n >= 3:
                self.too_high = False
                self.start_down(now, sender.delivered)

    def probe_upward(self, sender, round_start):
        if sender.flight + 1 < self.cwnd or self.cwnd < self.inflight_longterm:
            return
        self.up_acked += 1
        if self.up_acked >= self.per_inc:
            self.up_acked -= self.per_inc
            self.inflight_longterm += 1
        if round_start:
            self.raise_slope()

    # -- 5.3.4
    def probe_rtt(self, sender, now):
        if self.state != "PROBE_RTT" and now > self.probe_rtt_at:
            self.state, self.probe_rtt_done_at = "PROBE_RTT", None
            self.acks = "STOPPING"
        if self.state != "PROBE_RTT":
            return
        if self.probe_rtt_done_at is None and sender.flight <= max(self.bdp(0.5), MIN_PIPE):
            self.probe_rtt_done_at = now + PROBE_RTT_S + self.rtt_s
        if self.probe_rtt_done_at is not None and now > self.probe_rtt_done_at:
            self.probe_rtt_at = now + PROBE_RTT_EVERY_S
            self.reset_shortterm()
            self.start_down(now, sender.delivered)
            self.state = "CRUISE"

    # -- 5.6
    def with_headroom(self):
        return max(self.inflight_longterm * (1 - HEADROOM), MIN_PIPE)

    def set_cwnd(self):
        cap = self.with_headroom() if self.state in ("CRUISE", "PROBE_RTT") else self.inflight_longterm
        cap = max(min(cap, self.inflight_shortterm), MIN_PIPE)
        cwnd = min(self.cwnd + 1, max(self.bdp(2.25 if self.state == "UP" else 2.0), MIN_PIPE))
        if self.state == "PROBE_RTT":
            cwnd = min(cwnd, max(self.bdp(0.5), MIN_PIPE))
        self.cwnd = min(cwnd, cap)

    def pacing_rate(self):
        return self.bw() * PACING_GAIN[self.state] * (1 - MARGIN)


class Sender:
    def __init__(self, args, seed):
        self.rng = random.Random(seed)
        self.loss, self.queue_n = args.loss, args.queue
        self.rtt_s = args.rtt_ms / 1000
        self.link_rate = args.mbps * 1e6 / 8 / PACKET_BYTES
        self.bbr = Bbr(self.link_rate, self.rtt_s, args.any_loss, self.rng)
        self.delivered = self.lost = self.flight = 0
        self.delivered_at = self.first_sent_at = self.link_free_at = 0.0
        self.out = collections.deque()

    def send(self, now):
        p = Packet()
        if self.flight == 0:
            self.first_sent_at = self.delivered_at = now
        self.flight += 1
        p.sent_at, p.delivered, p.delivered_at = now, self.delivered, self.delivered_at
        p.first_sent_at, p.lost, p.flight = self.first_sent_at, self.lost, self.flight
        waits = max(self.link_free_at - now, 0)
        p.acked_at = None
        if waits * self.link_rate < self.queue_n:
            self.link_free_at = now + waits + 1 / self.link_rate
            if self.rng.random() >= self.loss:
                p.acked_at = self.link_free_at + self.rtt_s
        self.out.append(p)

    def take_acknowledgement(self, now):
        while self.out[0].acked_at is None:
            p = self.out.popleft()
            self.flight -= 1
            self.lost += 1
            self.bbr.lost(Sample(p, self, now), self, now)
        p = self.out.popleft()
        self.flight -= 1
        self.delivered += 1
        sample = Sample(p, self, now)
        self.delivered_at, self.first_sent_at = now, p.sent_at
        self.bbr.acked(sample, self, now)

    def run(self, seconds):
        """Mbit/s of text."""
        now = next_send_at = 0.0
        acks = collections.deque()
        while now < seconds:
            may_send = self.flight < self.bbr.cwnd
            if acks and (not may_send or acks[0] <= next_send_at):
                now = acks.popleft()
                self.take_acknowledgement(now)
                continue
            if not may_send:  # all of it was lost: as a timeout would, the next goes
                self.flight = 0
                self.out.clear()
            now = max(now, next_send_at)
            self.send(now)
            if self.out[-1].acked_at is not None:
                acks.append(self.out[-1].acked_at)
            next_send_at = now + 1 / self.bbr.pacing_rate()
        return self.delivered * TEXT_BYTES * 8 / seconds / 1e6


def rates(path, seconds, seeds):
    """What each seed moves, ascending."""
    return sorted(Sender(path, seed).run(seconds) for seed in seeds)


def usual_path(loss, mbps=200, any_loss=False):
    """The path of `make bench-goodput`."""
    return argparse.Namespace(loss=loss, rtt_ms=20, mbps=mbps, queue=350, any_loss=any_loss)


def main(argv):
    parser = argparse.ArgumentParser(description="BBR's draft, as a model, on a path that loses")
    parser.add_argument("--loss", type=float, default=0.03)
    parser.add_argument("--rtt-ms", type=float, default=20)
    parser.add_argument("--mbps", type=float, default=200)
    parser.add_argument("--queue", type=int, default=350, help="packets")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--any-loss", action="store_true", help="the draft's bounds, without D24")
    args = parser.parse_args(argv[1:])
    found = rates(args, args.seconds, range(1, args.seeds + 1))
    print(f"{statistics.median(found):.1f} Mbit/s in the middle of {len(found)} "
          f"({found[0]:.1f} to {found[-1]:.1f}), {args.seconds:g} s at a loss of {args.loss:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
