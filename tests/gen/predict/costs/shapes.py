# SPDX-License-Identifier: Apache-2.0
"""TPEs of all kinds."""

from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters

__all__ = ["KINDS", "facts"]

KINDS = {"sa": (1, 1, 1), "sta": (2, 4, 2), "sta-dbb": (2, 8, 2), "vdbb": (2, 8, 2),
         "s2ta-aw": (2, 8, 2)}


def facts(kind, *, a=None, c=None, nnz=4, accumulator_bits=24, zero_gating=False,
          overlapped=True):
    own_a, b, own_c = KINDS[kind]
    return facts_of(EngineParameters(
        kind=kind, a=a or own_a, b=b, c=c or own_c, m=1, n=1, nnz=nnz,
        accumulator_bits=accumulator_bits, zero_gating=zero_gating, overlapped=overlapped))
