# SPDX-License-Identifier: Apache-2.0
"""A small macro on gate equivalents."""

from functools import cache

import numpy as np
from systolith.fpga.asic.cim.netlists import Cells, macro_blocks
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.workloads import Matrices
from systolith.gen.memory import load_map
from systolith.rtl.cim.contract import MacroParameters

__all__ = ["cells", "macro", "matrices"]


@cache
def cells():
    technology = load_technology("gates")
    return Cells(gate_library(technology), technology, load_map("asap7"), 1000.0)


@cache
def macro(early_stop=False):
    p = MacroParameters(macro="digital", rows=24, columns=16, mux=2, code_bits=20,
                        early_stop=early_stop)
    return macro_blocks(p, cells())


def matrices(*, signed=False, channels=(8, 8, 4), pixels=30, top=None):
    """Operands up to ``top``; 5 output channels."""
    rng = np.random.default_rng(len(channels) + signed)
    low, high = (-128, 128) if signed else (0, 256)
    x = rng.integers(low, high if top is None else top + 1, (pixels, len(channels), 8))
    w = rng.integers(-128, 128, (5, len(channels), 8))
    behind = np.arange(8) >= np.array(channels)[:, None]
    x[:, behind], w[:, behind] = 0, 0
    return Matrices(name="drawn", x=x.astype(np.int16), w=w.astype(np.int8),
                    sizes=np.array(channels), signed=signed)
