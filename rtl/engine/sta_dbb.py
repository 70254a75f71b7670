# SPDX-License-Identifier: Apache-2.0
"""STA-DBB: fixed-rate density-bound-block weights (papers: STA, section 2)."""

from .facts import Encoding, EngineFacts
from .systolic import SystolicEngine

__all__ = ["StaDbb"]


class StaDbb(SystolicEngine):
    """TPEs of ``a x 8 x c`` with ``nnz`` multipliers a dot product; a block of 8 a step.

    Denser blocks take ``ceil(nnz of the block / nnz)`` steps with disjoint masks.
    """

    @staticmethod
    def facts_of(shape) -> EngineFacts:
        """Facts of the array; raises ValueError unless blocks are of 8 and ``nnz`` fits."""
        if shape.b != 8:
            raise ValueError(f"STA-DBB's block size must be 8, not {shape.b!r}")
        if not 1 <= shape.nnz <= 8:
            raise ValueError(f"NNZ must be 1 ... 8, not {shape.nnz!r}")
        return EngineFacts(kind="sta-dbb", a=shape.a, c=shape.c, m=shape.m, n=shape.n, depth=8,
                           nnz=shape.nnz, accumulator_bits=shape.accumulator_bits,
                           encoding=Encoding.MASK,
                           zero_gating=shape.zero_gating)
