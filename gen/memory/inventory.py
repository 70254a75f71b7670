# SPDX-License-Identifier: Apache-2.0
"""The memories of an accelerator."""

from collections import Counter
from dataclasses import dataclass

from ...rtl.memory.activation import GROUPS
from ...rtl.memory.ring import WeightRing
from ...rtl.memory.sram import SramBank
from ...rtl.operand.tile_buffer import TileBuffer
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.counters import LayerTable

__all__ = ["MemoryKind", "memories_of"]


@dataclass(frozen=True, kw_only=True)
class MemoryKind:
    """``count`` equal banks of ``words`` of ``bits``, that are the memory ``name``."""

    name: str
    words: int
    bits: int = 64
    count: int

    @property
    def module(self) -> str:
        """Name of the banks' module, without the design's prefix."""
        return SramBank.name_of(self.words, self.bits)

    @property
    def total_bits(self) -> int:
        """What they hold."""
        return self.words * self.bits * self.count


def memories_of(p: AcceleratorParameters) -> list[MemoryKind]:
    """Every memory of the accelerator as an ASIC has it, whose memories have a single port."""
    found = [
        MemoryKind(name="activations", words=p.group_words // p.banks, count=GROUPS * p.banks),
        MemoryKind(name="weights", words=p.weight_depth, count=(
            WeightRing.banks_of(p.weight_banks) if p.external_weights else p.weight_banks)),
        MemoryKind(name="program", words=p.program_rows, count=2 * p.program_width),
        MemoryKind(name="schedule", words=p.schedule_words, count=1),
    ]
    if p.fused_blocks:
        lanes, words = p.matrix_lanes, p.vector_blocks
        found.append(MemoryKind(
            name="tile_buffer", count=2 * lanes * words, words=TileBuffer.depth_of(
                rows=p.facts.rows, lanes=lanes, words=words, blocks=p.fused_blocks)))
    if p.front_end is not None:
        rows: Counter[tuple[int, int]] = Counter()
        for layer in p.front_end.layers:
            if layer.window is not None:
                rows[layer.window.width, 8 * layer.window.channels] += layer.window.slots
        found += [MemoryKind(name=f"line_buffer_{words}x{bits}", words=words, bits=bits,
                             count=count) for (words, bits), count in rows.items()]
    return [*found, MemoryKind(name="layer_table", words=LayerTable.DEPTH, bits=32, count=1)]
