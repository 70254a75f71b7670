# SPDX-License-Identifier: Apache-2.0
"""What an accelerator with the compact core is made of, in numbers."""

from dataclasses import dataclass
from itertools import accumulate

from ..parameters import AcceleratorParameters

__all__ = ["LANES", "CompactParameters"]

LANES = 8
"""Multiply-accumulate lanes: the bytes of a memory word."""


@dataclass(frozen=True, kw_only=True)
class CompactParameters(AcceleratorParameters):
    """Sizes of the compact core, whose regions follow one another in one memory.

    Of the fields of ``AcceleratorParameters``, those of parts that it does not have (vector unit,
    post-processor, schedule, bank groups, DMA) say nothing about it.
    """

    @property
    def memory_words(self) -> int:
        """64-bit words of the one memory."""
        return self.activation_words + self.weight_words + self.program_words

    @property
    def banks(self) -> int:
        """Of the one memory."""
        return 1

    @property
    def groups(self) -> int:
        """Tensors have one region."""
        return 1

    @property
    def group_words(self) -> int:
        """Words for tensors."""
        return self.activation_words

    @property
    def program_width(self) -> int:
        """The program is read word by word."""
        return 1

    @property
    def region_words(self) -> tuple[int, int, int, int]:
        """Words of activations, weights and program; there is no schedule."""
        return (self.activation_words, self.weight_words, self.program_words, 0)

    def region_start(self, region: int) -> int:
        """The region's first word in the memory."""
        return [0, *accumulate(self.region_words)][region]

    @property
    def region_bits(self) -> int:
        """log2 of the bytes of the whole memory: regions lie closer, at ``region_address``."""
        return (self.memory_words - 1).bit_length() + 3

    def region_address(self, region: int) -> int:
        """Byte address of a region: 0 activations, 1 weights, 2 program, 3 behind them all."""
        return 8 * self.region_start(region)

    def group_address(self, group: int, word: int) -> int:
        """Byte address of a word of the activations; ``group`` is 0."""
        return 8 * word
