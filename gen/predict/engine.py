# SPDX-License-Identifier: Apache-2.0
"""When the engine issues, drains and waits: what every layer on it has in common."""

from dataclasses import dataclass, fields

from ...rtl.facts import EngineFacts
from ...rtl.postproc.post_processor import PostProcessor
from .busy import Busy

__all__ = ["EngineTimeline", "Stalls"]


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """Cycles in which a unit waits, by cause: the engine for operands (also before the first and
    behind the last), for its drain, either unit for parameters; read cycles that leave words of
    their request waiting for the same bank."""

    stall_operands: int = 0
    stall_drain: int = 0
    stall_parameters: int = 0
    bank_conflicts: int = 0

    def __add__(self, other: "Stalls") -> "Stalls":
        return Stalls(**{item.name: getattr(self, item.name) + getattr(other, item.name)
                         for item in fields(self)})


class EngineTimeline:
    """The issuer's events, in cycles from ``begin``, as blocks come to it in order.

    ``moved``: the present block left the fill buffer; ``issued``: its last step. ``beats`` to
    post-process a row. Steps and results go into ``busy``.
    """

    def __init__(self, facts: EngineFacts, beats: int, busy: Busy):
        self.facts = facts
        self.beats = beats
        self.busy = busy
        self.row_valid = facts.drain_start + facts.drain_latency
        self.post_latency = PostProcessor.latency(facts.pipelined)
        self.moved = self.issued = 0
        self._cooldown = self._fired = self._drain_waits = self._parameter_waits = 0

    def move(self, taken: int) -> None:
        """The next block, whole in cycle ``taken``, moves on from the fill buffer."""
        self.moved = max(taken + 1, self.issued)

    def issue(self, steps: int, *, opens: bool, closes: bool, rows: int,
              parameters: int = 0) -> None:
        """Issue it; of a tile of ``rows`` pixels it is the first (``opens``), the last
        (``closes``), which waits for ``parameters``."""
        start = self.moved
        if not self.facts.overlapped and opens:
            start = max(start, self._cooldown)
            self._drain_waits += start - self.moved
        self.issued = start + steps
        self._fired += steps
        if not closes:
            self.busy.add("engine", start + 1, self.issued + 1)
            return
        if self.facts.overlapped:
            self._drain_waits += max(self._cooldown - self.issued, 0)
            self.issued = max(self.issued, self._cooldown)
        self._parameter_waits += max(parameters - self.issued, 0)
        self.issued = max(self.issued, parameters)
        self._cooldown = self.issued + self.beats * rows
        self.busy.add("engine", start + 1, start + steps)
        self.busy.add("engine", self.issued, self.issued + 1)  # the last step may wait
        first = self.issued + self.row_valid + self.post_latency
        self.busy.add("results", first, first + self.beats * rows)

    def done(self, rows: int, *, bank_conflicts: int) -> tuple[int, Stalls]:
        """Cycle of the last result beat, of a last tile of ``rows`` pixels, and the stalls."""
        done = self.issued + self.row_valid + rows * self.beats - 1 + self.post_latency
        return done, Stalls(
            stall_operands=done - self._fired - self._drain_waits - self._parameter_waits,
            stall_drain=self._drain_waits, stall_parameters=self._parameter_waits,
            bank_conflicts=bank_conflicts)
