# SPDX-License-Identifier: Apache-2.0
"""SA: the classical systolic array, one multiplier an output (papers: STA, the 1x1x1 corner)."""

from .facts import Encoding, EngineFacts
from .systolic import SystolicEngine

__all__ = ["Sa"]


class Sa(SystolicEngine):
    """A systolic array of scalar PEs; weights dense, one channel a step."""

    @staticmethod
    def facts_of(shape) -> EngineFacts:
        """Facts of an ``m x n`` array; raises ValueError unless the TPE is 1x1x1."""
        if (shape.a, shape.b, shape.c) != (1, 1, 1):
            raise ValueError(f"SA's TPE must be 1x1x1, not {shape.a}x{shape.b}x{shape.c}")
        return EngineFacts(kind="sa", a=1, c=1, m=shape.m, n=shape.n, depth=1, nnz=1,
                           accumulator_bits=shape.accumulator_bits, encoding=Encoding.DENSE,
                           zero_gating=shape.zero_gating)
