# SPDX-License-Identifier: Apache-2.0
"""What moves between external and on-chip memory during a run, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ....rtl.parameters import AcceleratorParameters
from ....rtl.sequencer.transfers import RELEASE, Transfer
from ..fault import CompileFault

__all__ = ["Load", "Move", "fitting_moves"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """``words`` of weights from ``external`` to word ``ring``, for part ``part``, when ``after``
    parts have ended or, unless 0, the last of them has used its first ``released`` words of weights
    for the last time."""

    part: int
    after: int
    released: int
    external: int
    ring: int
    words: int


@dataclass(frozen=True, kw_only=True)
class Move:
    """A transfer as ``rtl.sequencer.transfers`` has it, in words; addresses from the external base
    and from the start of local memory on. ``part`` needs it or, written out, has made it."""

    part: int
    after: int
    released: int = 0
    external: int
    local: int
    words: int
    more: int = 0
    external_step: int = 0
    local_step: int = 0
    write_out: bool = False

    @property
    def total(self) -> int:
        """Words of all segments."""
        return self.words * (self.more + 1)

    @property
    def order(self) -> tuple:
        """Sorts moves into the order in which they are made: stores first, for they free space
        and are what a load may want."""
        return (self.after - bool(self.released), not self.write_out, self.part, self.after,
                self.released)

    def fields(self) -> dict:
        """Its row of program memory."""
        return {name: getattr(self, name) for name in (
            "external", "local", "words", "more", "external_step", "local_step", "after",
            "write_out")} | {"released": -(-self.released // RELEASE)}

    @classmethod
    def of_weights(cls, load: Load, p: AcceleratorParameters) -> "Move":
        """The move of a load into the ring."""
        return cls(part=load.part, after=load.after, released=load.released,
                   external=load.external,
                   local=p.region_address(1) // 8 + load.ring, words=load.words)


def fitting_moves(move: Move) -> Iterator[Move]:
    """``move``, in pieces where it exceeds a field of ``Transfer``."""
    if move.more and (move.more >= 1 << Transfer["more"].width
                      or move.external_step >= 1 << Transfer["external_step"].width
                      or move.local_step >= 1 << Transfer["local_step"].width):
        for segment in range(move.more + 1):
            yield from fitting_moves(replace(
                move, external=move.external + segment * move.external_step,
                local=move.local + segment * move.local_step, more=0, external_step=0,
                local_step=0))
        return
    most = (1 << Transfer["words"].width) - 1
    if move.words > most:
        head = replace(move, words=most)
        rest = replace(move, external=move.external + most, local=move.local + most,
                       words=move.words - most)
        yield head
        yield from fitting_moves(rest)
        return
    if any(getattr(move, name) >= 1 << Transfer[name].width
           for name in ("external", "local", "after")):
        raise CompileFault("the network is too large for transfers: they reach "
                           f"{1 << Transfer['external'].width} words of external and "
                           f"{1 << Transfer['local'].width} of local memory, and "
                           f"{1 << Transfer['after'].width} parts; use smaller memories, or "
                           "weights on chip")
    yield move
