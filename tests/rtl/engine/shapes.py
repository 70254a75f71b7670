# SPDX-License-Identifier: Apache-2.0
"""Engines by kind and shape."""

from systolith.rtl import kinds
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.facts import EngineFacts
from systolith.rtl.parameters import EngineParameters

__all__ = ["engine", "facts_of"]


def facts_of(kind: str, *, a=1, b=1, c=1, m=2, n=2, nnz=4, accumulator_bits=32,
             zero_gating=False, overlapped=True) -> EngineFacts:
    """Facts of an engine of ``kind`` and shape."""
    return kinds.facts_of(EngineParameters(
        kind=kind, a=a, b=b, c=c, m=m, n=n, nnz=nnz, accumulator_bits=accumulator_bits,
        zero_gating=zero_gating, overlapped=overlapped))


def engine(kind: str, **shape):
    """An engine of ``kind`` and shape, as ``facts_of``."""
    return SystolicEngine(facts_of(kind, **shape))
