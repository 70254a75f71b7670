# SPDX-License-Identifier: Apache-2.0
"""Static facts of an engine: what mapper, predictor and tests need to know, in one place."""

import enum
from dataclasses import dataclass

from .arith.product_sum import sum_stages

__all__ = ["BLOCK", "INDEX_BITS", "PAIR_BITS", "Encoding", "EngineFacts"]

BLOCK = 8
INDEX_BITS = 3
"""Bits of a position in a block."""
PAIR_BITS = 8 + INDEX_BITS
"""A value and, above it, its position in the block; see ``EngineFacts.reach``."""


class Encoding(enum.StrEnum):
    """How one column's weights come to the array."""

    DENSE = "dense"  # ``depth`` bytes a step
    MASK = "mask"    # DBB: the block's mask (8), then ``nnz`` values, a step
    INDEX = "index"  # time-unrolled DBB: value (8) and its position (3), one a step
    HELD = "held"    # as MASK, and held while activations stream by, one a step

    def stored_bits(self, depth: int, nnz: int) -> int:
        """Bits of one column's stored word, ``depth`` deep and with ``nnz`` values."""
        return {Encoding.DENSE: 8 * depth, Encoding.MASK: BLOCK + 8 * nnz,
                Encoding.INDEX: PAIR_BITS, Encoding.HELD: BLOCK + 8 * nnz}[self]


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """An ``m x n`` grid of ``a x depth x c`` TPEs; ``nnz`` values a column of a stored word.

    ``encoding`` of the weights. ``zero_gating``: accumulators rest where all products are zero.
    ``overlapped``: finished sums leave through shadow accumulators while the next tile is
    summed; otherwise in place, and the next tile waits. ``pipelined``: products and every level of
    adders end in registers. Times in cycles.
    """

    a: int
    c: int
    m: int
    n: int
    depth: int
    nnz: int
    accumulator_bits: int
    encoding: Encoding
    zero_gating: bool = False
    overlapped: bool = True
    pipelined: bool = False

    @property
    def compressed(self) -> bool:
        """Weights are density-bound blocks."""
        return self.encoding is not Encoding.DENSE

    @property
    def holds_activations(self) -> bool:
        """TPEs hold a block of activations while its weights stream by, one a step."""
        return self.encoding is Encoding.INDEX

    @property
    def holds_weights(self) -> bool:
        """TPEs hold a block of weights while its activations stream by, one a step."""
        return self.encoding is Encoding.HELD

    @property
    def products(self) -> int:
        """Multipliers of a dot product."""
        return 1 if self.holds_weights else self.nnz

    @property
    def reach(self) -> int:
        """Positions that a pair's index may name: from 0, or in a mask's pairs from the number of
        the pair on, since positions ascend."""
        return BLOCK - self.nnz + 1 if self.encoding is Encoding.MASK else BLOCK

    @property
    def label(self) -> str:
        """Shape of a TPE in module names."""
        kind = {Encoding.DENSE: "dense", Encoding.MASK: f"dbb{self.nnz}",
                Encoding.INDEX: "vdbb", Encoding.HELD: f"held{self.nnz}"}[self.encoding]
        options = ("_gated" if self.zero_gating else "") + (
            "" if self.overlapped else "_inplace") + ("_pipelined" if self.pipelined else "")
        return f"{kind}_{self.a}x{self.depth}x{self.c}_acc{self.accumulator_bits}{options}"

    @property
    def rows(self) -> int:
        """Output pixels of a tile."""
        return self.a * self.m

    @property
    def columns(self) -> int:
        """Output channels of a tile."""
        return self.c * self.n

    @property
    def multipliers(self) -> int:
        """Multipliers of the array."""
        return self.rows * self.columns * self.products

    @property
    def stored_bits(self) -> int:
        """Bits of one column's stored word of weights."""
        return self.encoding.stored_bits(self.depth, self.nnz)

    @property
    def operand_bits(self) -> int:
        """Bits of one column's weights of a step behind the decompressor."""
        return {Encoding.DENSE: 8 * self.depth, Encoding.MASK: PAIR_BITS * self.nnz,
                Encoding.INDEX: PAIR_BITS, Encoding.HELD: BLOCK + 8 * self.nnz}[self.encoding]

    @property
    def activation_bits(self) -> int:
        """Bits of one row's activations of a step."""
        return PAIR_BITS if self.holds_weights else 8 * self.depth

    @property
    def sum_stages(self) -> int:
        """From operands in their registers to the sum of their products."""
        return sum_stages(self.products) if self.pipelined else 0

    @property
    def latency(self) -> int:
        """From a step at the edge to its accumulation in TPE (0, 0)."""
        return (2 if self.holds_activations or self.holds_weights else 1) + self.sum_stages

    @property
    def drain_start(self) -> int:
        """From a tile's last step at the edge to its first legal drain strobe."""
        return self.latency + self.m

    @property
    def drain_latency(self) -> int:
        """From a drain strobe to the row at the output."""
        return self.n - 1

    def splits(self, nnz: int, bound: int = BLOCK) -> bool:
        """Whether the passes over a block share out its positions, ``nnz`` neighbours to each:
        held weights that are too dense for one pass, and activations that are not pruned."""
        return self.holds_weights and nnz > self.nnz and bound == BLOCK

    def passes(self, nnz: int, channels: int = BLOCK, bound: int = BLOCK) -> int:
        """Stored words of a block of ``channels`` whose densest column has ``nnz`` non-zeros."""
        if not self.compressed:
            return -(-channels // self.depth)
        words = channels if self.splits(nnz, bound) else min(nnz, channels)
        return max(-(-words // self.nnz), 1)

    def pass_steps(self, nnz: int, channels: int = BLOCK, bound: int = BLOCK) -> int:
        """Array steps of a stored word, in blocks of at most ``channels`` channels.

        ``bound``: activations of a block that are kept, of which held weights meet one a step.
        """
        if not self.holds_weights:
            return 1
        return min(self.nnz if self.splits(nnz, bound) else bound, channels)
