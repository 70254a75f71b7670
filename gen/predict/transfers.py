# SPDX-License-Identifier: Apache-2.0
"""When layers wait for transfers: the DMA and the core side by side, event by event."""

from collections.abc import Sequence

from ...rtl.bus.transfer import BURST_BEATS
from ..compile.external.transfers import Move
from ..compile.program import Program

__all__ = ["MEMORY_LATENCY", "moved_bytes", "predict_waits"]

MEMORY_LATENCY = 100
"""Cycles that external memory takes to answer: from an address, or a burst's last word, on."""

_START = 9  # from a transfer's end to the next one's first address
_END = 6    # from the last answer to the end


def predict_waits(program: Program, cycles: Sequence[int]) -> list[int]:
    """Cycles that each layer waits for transfers, with a memory that answers a word a cycle, after
    ``MEMORY_LATENCY``; ``cycles`` of the layers themselves.

    Conflicts between the DMA and a layer in a memory bank, which go to the layer, are left out.
    """
    ended = [0]  # the core's time when so many layers have ended
    complete = [0]  # the DMA's, transfers
    moves = iter(program.moves)
    waits = []

    def advance() -> None:
        move = next(moves)
        start = max(complete[-1], ended[move.after])
        complete.append(start + transfer_cycles(move))

    for layer, own in zip(program.layers, cycles, strict=True):
        while len(complete) <= layer.transfers:
            advance()
        waits.append(max(complete[layer.transfers] - ended[-1], 0))
        ended.append(ended[-1] + waits[-1] + own)
    return waits


def transfer_cycles(move: Move) -> int:
    """Cycles of a transfer."""
    bursts = -(-move.words // BURST_BEATS) * (move.more + 1)
    issue = 2 * bursts + 2 * move.more
    return _START + MEMORY_LATENCY + max(move.total, issue) + _END


def moved_bytes(program: Program) -> int:
    """Bytes that a run moves over AXI."""
    return 8 * sum(move.total for move in program.moves)
