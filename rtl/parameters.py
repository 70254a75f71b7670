# SPDX-License-Identifier: Apache-2.0
"""What an accelerator is made of, in numbers: the one argument of ``Accelerator``."""

from dataclasses import dataclass
from functools import cached_property

from .cim.contract import MacroParameters
from .cim.loader import array_word_bits
from .facts import Encoding, EngineFacts
from .fixed.parameters import FrontEndParameters
from .frames.handoff import SlotLayout
from .kinds import facts_of
from .memory.ring import WeightRing
from .operand.schedule import entries_per_word
from .vector.unit import VectorLane
from .vector.window import WINDOW

__all__ = ["AcceleratorParameters", "EngineParameters"]


@dataclass(frozen=True, kw_only=True)
class EngineParameters:
    """Kind and shape of the engine: ``a x b x c`` TPEs on an ``m x n`` grid, ``nnz`` of a block;
    ``zero_gating`` of its accumulators; read-out ``overlapped`` with the next tile or in place;
    arithmetic ``pipelined``."""

    kind: str
    a: int
    b: int
    c: int
    m: int
    n: int
    nnz: int
    accumulator_bits: int
    zero_gating: bool = False
    overlapped: bool = True
    pipelined: bool = False


@dataclass(frozen=True, kw_only=True)
class AcceleratorParameters:
    """Sizes of every part of the core. Widths in bits, memories in words or rows.

    ``activation_words``: 64-bit words of both bank groups; ``weight_words``: 64-bit words;
    ``program_words`` and ``schedule_words``: 64-bit words; ``vector_lanes`` and
    ``postproc_lanes``: channels a cycle; ``external_weights``: they come over the DMA during a
    run, through the weight memory as a ring; ``fused_blocks``: channel blocks that may go from the
    vector unit straight to the engine; ``window`` and ``dma``: ports present;
    ``wishbone_control`` and ``wishbone_window``: registers and window are on Wishbone, not AXI;
    ``slots``: where frames that are streamed in lie, None where the host writes inputs;
    ``front_end``: the layers that make them of the frames that come, None for frames as they come;
    ``macro``: of the kind cim, the array that takes the engine's place; ``reloads``: its weights
    come from the weight memory ahead of each layer, otherwise the host writes them into the array;
    ``spec_hash``: what an image must carry;
    ``float_rounding``: requantisers know ``Rounding.FLOAT``;
    ``monitors``: observation ports on the post-processor's and the vector unit's results.
    """

    engine: EngineParameters
    activation_words: int
    weight_words: int
    program_words: int
    schedule_words: int
    vector_lanes: int
    postproc_lanes: int
    fused_blocks: int = 0
    external_weights: bool = False
    window: bool = True
    dma: bool = True
    wishbone_control: bool = False
    wishbone_window: bool = False
    slots: SlotLayout | None = None
    front_end: FrontEndParameters | None = None
    macro: MacroParameters | None = None
    reloads: bool = False
    spec_hash: int = 0
    float_rounding: bool = False
    monitors: bool = False

    @cached_property
    def facts(self) -> EngineFacts:
        """The engine's static facts."""
        return facts_of(self.engine)

    @property
    def frame(self) -> tuple[int, int, int]:
        """Height, width and channels of the frames that are streamed in."""
        if self.front_end is not None:
            return self.front_end.in_shape
        assert self.slots is not None
        return self.slots.height, self.slots.width, self.slots.channels

    @property
    def watched_layers(self) -> int:
        """Fixed layers whose tensors are to be seen at ports."""
        return len(self.front_end.layers) if self.front_end and self.front_end.monitors else 0

    @property
    def multipliers(self) -> int:
        """Of the engine; of a macro the cells that multiply in a conversion."""
        return self.facts.multipliers if self.macro is None else self.macro.rows * self.macro.adcs

    @property
    def vector_blocks(self) -> int:
        """Channel blocks that the vector unit takes at once."""
        return self.vector_lanes // 8

    @property
    def banks(self) -> int:
        """Banks of a group: a block of every row in ``8 / depth`` cycles, or a window column."""
        need = max(self.facts.rows * self.facts.depth // 8, WINDOW * self.vector_blocks,
                   self.drain_lanes // 8, 2)
        return 1 << (need - 1).bit_length()

    @property
    def drain_lanes(self) -> int:
        """Requantiser lanes behind the engine."""
        return min(self.postproc_lanes, self.facts.columns)

    @property
    def beats(self) -> int:
        """Cycles that the post-processor takes for a row."""
        return self.facts.columns // self.drain_lanes

    @property
    def gather_lanes(self) -> int:
        """Words that a gather request may ask for."""
        return self.banks

    @property
    def matrix_lanes(self) -> int:
        """Gather lanes that the engine's rows use."""
        return min(self.facts.rows, self.banks)

    @property
    def groups(self) -> int:
        """Activation bank groups."""
        return 2

    @property
    def group_words(self) -> int:
        """64-bit words of one activation bank group."""
        return self.activation_words // 2 // self.banks * self.banks

    @property
    def address_width(self) -> int:
        """Bits of the address of a word in an activation bank group."""
        return (self.group_words - 1).bit_length()

    @property
    def schedule_entries(self) -> int:
        """Entries in a word of the schedule memory."""
        return entries_per_word(self.address_width)

    @property
    def resident(self) -> bool:
        """Weights lie in the array alone, and the weight region is the array."""
        return self.macro is not None and not self.reloads

    @property
    def trailer_in_program(self) -> bool:
        """An image ends behind its program, not behind its weights."""
        return self.external_weights or self.macro is not None

    @property
    def weight_banks(self) -> int:
        """64-bit banks that make one weight row: the whole array's weights of a step, or a word of
        those that a macro is loaded with."""
        if self.macro is not None:
            return 1
        return -(-self.facts.columns * self.facts.stored_bits // 64)

    @property
    def weight_rows(self) -> int:
        """Addresses of the weight memory: rows, or words of a ring or of an array."""
        if self.resident:
            return 1 << sum(array_word_bits(self.macro))
        return self.weight_words if self.external_weights else (
            self.weight_words // self.weight_banks)

    @property
    def weight_depth(self) -> int:
        """Words of a bank of the weight memory; 0 where there is none."""
        if self.resident:
            return 0
        if self.external_weights:
            return self.weight_words // WeightRing.banks_of(self.weight_banks)
        return self.weight_rows

    @property
    def dense_words(self) -> int | None:
        """Words of a ring's row of values only, None where every row is as wide."""
        if not self.external_weights or self.facts.encoding is not Encoding.INDEX:
            return None
        return -(-8 * self.facts.columns // 64)

    @property
    def program_width(self) -> int:
        """128-bit program rows that one memory row holds: enough for a tile's parameters while it
        passes, and of a fused layer for those of each channel group."""
        rows = self.facts.rows
        # A set of a channel group takes as long as half of a tile's pixels.
        lane = len(VectorLane.FIELDS)
        fused = 2 * lane * self.vector_lanes // rows if self.fused_blocks else 1
        need = min(max(self.facts.columns // rows, fused, 1), 8)
        return 1 << (need - 1).bit_length()

    @property
    def program_rows(self) -> int:
        """Memory rows of the program memory."""
        return self.program_words // (2 * self.program_width)

    @property
    def region_words(self) -> tuple[int, int, int, int]:
        """64-bit words of address space of the activations, weights, program and schedule regions.

        A bank group and a weight row start at powers of two, so that the last may have holes.
        """
        group = 1 << (self.group_words - 1).bit_length()
        stride = 1 if self.external_weights else 1 << (self.weight_banks - 1).bit_length()
        return (2 * group, self.weight_rows * stride, self.program_rows * 2 * self.program_width,
                self.schedule_words)

    @property
    def region_bits(self) -> int:
        """log2 of the bytes between the starts of two regions."""
        return max(size - 1 for size in self.region_words).bit_length() + 3

    def group_address(self, group: int, word: int) -> int:
        """Byte address of a word of an activation bank group."""
        return 8 * (group * self.region_words[0] // 2 + word)

    def region_address(self, region: int) -> int:
        """Byte address of a region: 0 activations, 1 weights, 2 program, 3 schedule."""
        return region << self.region_bits
