# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Pruned rows hand over the largest magnitudes of any block; of equals the lowest."""

import pytest
from systolith.rtl.facts import BLOCK
from systolith.verif.formal.pruning import LargestAreKept

from .judge import judge, planted

pytestmark = pytest.mark.xdist_group("formal")

DAP = "rtl/operand/dap.py"
HIGHEST = planted(DAP, "better.eq(high[0] > low[0])", "better.eq(high[0] >= low[0])")
SMALLEST = planted(DAP, "better.eq(high[0] > low[0])",
                   "better.eq((high[0] < low[0]) & high[0][8] | ~low[0][8])")
RAW = planted(DAP, "-octet.as_signed()", "octet")
TWICE = planted(DAP, "maximum.alive & ~maximum.chosen", "maximum.alive")


@pytest.mark.slow
def test_largest_are_kept(tmp_path):
    judge(tmp_path, LargestAreKept, {
        "of equals the highest": (lambda: LargestAreKept(HIGHEST.PrunedRow), "no larger"),
        "smallest first": (lambda: LargestAreKept(SMALLEST.PrunedRow), "no larger"),
        "sign bits as magnitude": (lambda: LargestAreKept(RAW.PrunedRow), "no larger"),
        "the same again": (lambda: LargestAreKept(TWICE.PrunedRow), "an element comes once"),
    }, depth=BLOCK + 3)
