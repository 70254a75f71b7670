# SPDX-License-Identifier: Apache-2.0
"""VDBB: time-unrolled variable density-bound-block weights (papers: VDBB, section 3)."""

from .facts import BLOCK, Encoding, EngineFacts
from .systolic import SystolicEngine

__all__ = ["Vdbb"]


class Vdbb(SystolicEngine):
    """TPEs of ``a x 8 x c`` with one multiplier and one 8:1 multiplexer a dot product.

    A block of activations is held while the non-zeros of the weight blocks stream by, one a
    step: a block whose densest column has NNZ non-zeros takes NNZ steps, 1 ... 8.
    """

    @staticmethod
    def facts_of(shape) -> EngineFacts:
        """Facts of the array; raises ValueError unless blocks are of 8."""
        if shape.b != BLOCK:
            raise ValueError(f"VDBB's block size must be {BLOCK}, not {shape.b!r}")
        return EngineFacts(kind="vdbb", a=shape.a, c=shape.c, m=shape.m, n=shape.n, depth=BLOCK,
                           nnz=1, accumulator_bits=shape.accumulator_bits,
                           encoding=Encoding.INDEX,
                           zero_gating=shape.zero_gating)
