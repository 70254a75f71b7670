# SPDX-License-Identifier: Apache-2.0
"""STA: the dense systolic tensor array (papers: STA, section 1)."""

from .facts import Encoding, EngineFacts
from .systolic import SystolicEngine

__all__ = ["Sta"]


class Sta(SystolicEngine):
    """TPEs of ``a x b x c``; weights dense, ``b`` channels a step."""

    @staticmethod
    def facts_of(shape) -> EngineFacts:
        """Facts of the array; raises ValueError unless ``b`` is 1, 2, 4 or 8."""
        if shape.b not in (1, 2, 4, 8):
            raise ValueError(f"STA's dot-product depth must be 1, 2, 4 or 8, not {shape.b!r}")
        return EngineFacts(kind="sta", a=shape.a, c=shape.c, m=shape.m, n=shape.n, depth=shape.b,
                           nnz=shape.b, accumulator_bits=shape.accumulator_bits,
                           encoding=Encoding.DENSE,
                           zero_gating=shape.zero_gating)
