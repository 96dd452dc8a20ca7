# SPDX-License-Identifier: MIT
"""One script on both, step by step, until they differ."""
import dataclasses

import known
import moment
import peer
import script as scripts
import segment
import subjects

PEER_PORT = 4000


@dataclasses.dataclass
class Row:
    """What one subject did at one step."""
    step: object
    sent: object       # Segment that arrived, or None for a call
    received: list
    answer: object


class Side:
    """One subject with its own scripted peer, which learns its numbers."""

    def __init__(self, subject, script, address):
        self.subject, self.rows, self.written = subject, [], 0
        self.peer = peer.Peer(script, address, PEER_PORT, subject.port)
        self.state, self.was_up = "CLOSED", False

    def call(self, step):
        if step.name not in ("send", "urgent"):
            return self.subject.do(step)
        result, packets = self.subject.do(scripts.Call(step.name, (self.written, *step.args)))
        self.written += int(result) if result.isdigit() else 0
        return result, packets

    def step(self, step):
        sent, result, said = None, "", self.peer.una
        if isinstance(step, scripts.Packet):
            sent = self.peer.packet(step)
            packets = self.subject.arrive(segment.build(sent))
        else:
            result, packets = self.call(step)
        received = [seg for seg in map(segment.parse, packets)
                    if seg is not None and seg.destination == self.peer.address]
        for seg in received:
            self.peer.learn(seg)
        self.state = self.subject.state()
        self.was_up |= self.state in moment.SYNCHRONISED
        answer = peer.Normaliser(self.peer).answer(
            result, self.state, received, said, sent is None and step.name == "receive")
        self.rows.append(Row(step, sent, received, answer))
        return answer

    def before(self):
        p = self.peer
        return moment.Before(self.state, self.was_up, p.una, p.edge, p.window_ignored)

    def accepted(self):
        return any(getattr(row.step, "name", "") == "accept" and row.answer.result == "OK"
                   for row in self.rows)

    def moment_of(self, step, before, answers, fields):
        sent, p = self.rows[-1].sent, self.peer
        start = peer.signed(sent.seq - p.script.iss) if sent is not None else 0
        ack = peer.signed(sent.ack - (p.irs or 0)) if sent is not None else 0
        return moment.Moment(step, before, *answers, set(fields), sent, start, ack, p.agreed,
                            [row.step for row in self.rows[:-1]], self.accepted())


@dataclasses.dataclass
class Outcome:
    script: object
    sides: list
    classes: list              # names of known differences that were met
    fields: list = dataclasses.field(default_factory=list)  # of the difference that is not known
    wrong: str = ""            # what no TCP may do

    @property
    def differs(self):
        return bool(self.fields or self.wrong)

    def alike(self, other):
        """The same difference at the same step, in the same states."""
        def key(outcome):
            last = [side.rows[-1] for side in outcome.sides]
            return outcome.fields, outcome.wrong, last[0].step, [row.answer.state for row in last]
        return self.differs and key(self) == key(other)


def play(script, kernel, stack, address):
    sides = [Side(kernel, script, address), Side(stack, script, address)]
    outcome = Outcome(script, sides, [])
    for step in script.steps:
        before = sides[1].before()
        answers = [side.step(step) for side in sides]
        if sides[1].peer.wrong:
            outcome.wrong = sides[1].peer.wrong[0]
            break
        fields = answers[0].differing(answers[1])
        if not fields:
            continue
        row = known.known(sides[1].moment_of(step, before, answers, fields))
        if row is None:
            outcome.fields = fields
            break
        outcome.classes.append(row[0])
        if not row[1]:
            break
    return outcome


class Bench:
    """Plays scripts one after the other, each with an address of its own for the peer."""

    def __init__(self, device, driver):
        self.device = subjects.Device(device)
        self.diag, self.driver = subjects.Diag(), subjects.Driver(driver)
        self.played_n = 0

    def play(self, script):
        n = self.played_n = self.played_n + 1
        address = f"10.99.{1 + n // 250 % 250}.{1 + n % 250}"
        kernel = subjects.Kernel(self.device, self.diag, address, PEER_PORT)
        stack = subjects.Stack(self.driver, script.seed, address, PEER_PORT)
        try:
            outcome = play(script, kernel, stack, address)
            self.forget(outcome.sides[0])
            return outcome
        finally:
            kernel.end()

    def forget(self, side):
        """A RST for what the kernel may still hold."""
        if side.peer.irs is not None:
            self.device.send(segment.build(side.peer.packet(scripts.Packet("RA", stamps="none"))))

    def shrunk(self, outcome):
        """The same difference with as few steps as possible."""
        smaller = True
        while smaller:
            smaller, steps = False, outcome.script.steps[:len(outcome.sides[0].rows)]
            for i in reversed(range(len(steps))):
                shorter = dataclasses.replace(outcome.script, steps=steps[:i] + steps[i + 1:])
                tried = self.play(shorter)
                if tried.alike(outcome):
                    outcome, smaller = tried, True
                    break
        return outcome

    def close(self):
        self.device.close()
        return self.driver.close()
