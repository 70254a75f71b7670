# SPDX-License-Identifier: Apache-2.0
"""Static facts of an engine: what mapper, predictor and tests need to know, in one place."""

import enum
from dataclasses import dataclass

__all__ = ["BLOCK", "INDEX_BITS", "Encoding", "EngineFacts"]

BLOCK = 8
INDEX_BITS = 3
"""Bits of a position in a block."""


class Encoding(enum.StrEnum):
    """How one column's weights of a step are stored."""

    DENSE = "dense"  # ``depth`` bytes
    MASK = "mask"    # DBB: the block's mask (8), then ``nnz`` values
    INDEX = "index"  # time-unrolled DBB: value (8) and its position (3)

    def stored_bits(self, depth: int, nnz: int) -> int:
        """Bits of one column's weights of a step, ``depth`` deep and with ``nnz`` values."""
        return {Encoding.DENSE: 8 * depth, Encoding.MASK: BLOCK + 8 * nnz,
                Encoding.INDEX: 8 + INDEX_BITS}[self]


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """An ``m x n`` grid of ``a x depth x c`` TPEs with ``nnz`` products a dot product.

    ``encoding`` of the weights. ``zero_gating``: accumulators rest where all products are zero.
    Times in cycles.
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

    @property
    def compressed(self) -> bool:
        """Weights are density-bound blocks."""
        return self.encoding is not Encoding.DENSE

    @property
    def held(self) -> bool:
        """TPEs hold a block of activations while its weights stream by, one a step."""
        return self.encoding is Encoding.INDEX

    @property
    def label(self) -> str:
        """Shape of a TPE in module names."""
        kind = {Encoding.DENSE: "dense", Encoding.MASK: f"dbb{self.nnz}",
                Encoding.INDEX: "vdbb"}[self.encoding]
        gated = "_gated" if self.zero_gating else ""
        return f"{kind}_{self.a}x{self.depth}x{self.c}_acc{self.accumulator_bits}{gated}"

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
        return self.rows * self.columns * self.nnz

    @property
    def stored_bits(self) -> int:
        """Stored bits of one column's weights of a step."""
        return self.encoding.stored_bits(self.depth, self.nnz)

    @property
    def operand_bits(self) -> int:
        """Bits of one column's weights of a step behind the decompressor."""
        return (8 + INDEX_BITS) * self.nnz if self.compressed else 8 * self.depth

    @property
    def latency(self) -> int:
        """From a step at the edge to its accumulation in TPE (0, 0)."""
        return 2 if self.held else 1

    @property
    def drain_start(self) -> int:
        """From a tile's last step at the edge to its first legal drain strobe."""
        return self.latency + self.m

    @property
    def drain_latency(self) -> int:
        """From a drain strobe to the row at the output."""
        return self.n - 1

    def passes(self, nnz: int) -> int:
        """Passes over a held block whose densest column has ``nnz`` non-zeros."""
        return max(-(-nnz // self.nnz), 1) if self.compressed else 1

    def steps(self, channels: int, nnz: int) -> int:
        """Array steps of a block that holds ``channels`` channels."""
        return self.passes(nnz) if self.compressed else -(-channels // self.depth)
