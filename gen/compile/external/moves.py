# SPDX-License-Identifier: Apache-2.0
"""What the parts of a tiling move through external memory, when, and who waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ....golden.dbb import BLOCK
from ....rtl.parameters import AcceleratorParameters
from ..layout import TensorLayout
from ..lower import LoweredLayer
from ..plan import BlockPlan
from .placement import Buffer
from .ring import WeightUse
from .stripes import Rows
from .transfers import Load, Move, fitting_moves

__all__ = ["Passage", "Step", "plan_moves", "transfers_needed"]


@dataclass(kw_only=True)
class Step:
    """A part under construction."""

    layer: LoweredLayer
    plan: BlockPlan | None
    rows: Rows
    tiles: Rows
    source: Buffer
    second: Buffer | None
    destination: Buffer
    weights: WeightUse | None = None


@dataclass(kw_only=True, eq=False)
class Passage:
    """Rows of a tensor between a buffer and external memory, before or behind part ``part``."""

    tensor: int
    rows: Rows
    buffer: Buffer
    part: int
    stored: bool


def plan_moves(steps: Sequence[Step], passages: Sequence[Passage], loads: Sequence[Load],
               layouts: Mapping[int, TensorLayout], spilled: Mapping[int, int],
               p: AcceleratorParameters) -> list[Move]:
    """All moves in order: weights, and rows of the tensors that lie as ``layouts`` say in external
    memory, from the word ``spilled`` on."""
    moves = [Move.of_weights(load, p) for load in loads]
    for passage in passages:
        there = layouts[passage.tensor]
        start = spilled[passage.tensor]
        if passage.stored:
            moves.append(_move(passage, passage.part, passage.part + 1, there, start, p))
            continue
        part = min(number for number, step in enumerate(steps)
                   if passage.buffer in (step.source, step.second))
        moves += [_move(replace(passage, rows=rows), part, after, there, start, p)
                  for rows, after in _available(passage, passages)]
    return sorted((piece for move in moves for piece in fitting_moves(move)),
                  key=lambda move: move.order)


def _available(passage: Passage, passages: Sequence[Passage]) -> list[tuple[Rows, int]]:
    """The rows to load, in stretches that were stored at different times, and from when on each may
    be loaded."""
    born = passage.buffer.born
    found = [(rows, max(born, store.part + 1)) for store in passages
             if store.stored and store.tensor == passage.tensor
             and (rows := _common(store.rows, passage.rows))]
    stretches: list[tuple[Rows, int]] = []
    for rows, after in sorted(found) or [(passage.rows, born)]:
        if stretches and stretches[-1][1] == after:
            rows = stretches.pop()[0][0], rows[1]
        stretches.append((rows, after))
    return stretches


def _common(one: Rows, other: Rows) -> Rows | None:
    rows = max(one[0], other[0]), min(one[1], other[1])
    return rows if rows[0] < rows[1] else None


def _move(passage: Passage, part: int, after: int, there: TensorLayout, start: int,
          p: AcceleratorParameters) -> Move:
    here = passage.buffer.view(passage.rows)
    return Move(
        part=part, after=after, write_out=passage.stored,
        external=start + passage.rows[0] * there.pitch,
        local=p.group_address(here.group, here.base) // 8,
        # Without what pads the last row: it is not the buffer's.
        words=(passage.rows[1] - passage.rows[0] - 1) * there.pitch + there.width,
        more=-(-there.channels // BLOCK) - 1, external_step=there.plane, local_step=here.plane)


def transfers_needed(steps: Sequence[Step], passages: Sequence[Passage], moves: Sequence[Move],
                     p: AcceleratorParameters) -> list[int]:
    """Of each part how many moves must be complete: its loads, and the stores from where it
    writes. The last one needs all."""
    needs = [0] * len(steps)
    for count, move in enumerate(moves, 1):
        if not move.write_out:
            needs[move.part] = max(needs[move.part], count)
    for passage in passages:
        if not passage.stored:
            continue
        last = max(count for count, move in enumerate(moves, 1)
                   if move.write_out and move.part == passage.part)
        for number in range(passage.part + 1, len(steps)):
            target = steps[number].destination
            if target is passage.buffer or target.shares(passage.buffer, p):
                needs[number] = max(needs[number], last)
                break
    needs[-1] = len(moves)
    for number in range(1, len(needs)):
        needs[number] = max(needs[number], needs[number - 1])
    return needs
