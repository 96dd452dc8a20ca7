# SPDX-License-Identifier: MIT
"""A step at which the two differ, and what was before it."""
import dataclasses

import script as scripts

SYNCHRONISED = ("ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK",
                "TIME-WAIT")


@dataclasses.dataclass
class Before:
    """One subject before the step."""
    state: str
    was_up: bool  # it has been in a synchronised state
    una: int      # what it had acknowledged of ours
    edge: int     # of its window
    window_ignored: bool


@dataclasses.dataclass
class Moment:
    """A step at which the two differ."""
    step: object
    before: Before     # lastack's; the kernel's was the same until now
    kernel: object     # Answer
    ours: object
    fields: set        # of Answer, that differ
    sent: object       # Segment that arrived at lastack, or None for a call
    start: int         # its position, counted as Peer does
    ack: int
    stamped: bool      # timestamps were agreed
    history: list      # steps before
    accepted: bool     # accept() has given the connection to the application

    @property
    def end(self):
        return self.start + self.sent.length

    def is_call(self, *names):
        return self.sent is None and self.step.name in names

    def is_packet(self, **fields):
        return self.sent is not None and \
            all(getattr(self.step, name) == value for name, value in fields.items())

    def has(self, *flags):
        return self.sent is not None and all(f in self.sent.flags for f in flags)

    def has_not(self, *flags):
        return self.sent is not None and not any(f in self.sent.flags for f in flags)

    def called(self, name, *args):
        return any(isinstance(step, scripts.Call) and step.name == name and
                   (not args or step.args == args) for step in self.history)
