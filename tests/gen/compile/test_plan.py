# SPDX-License-Identifier: Apache-2.0
"""Stored words and array steps of channel blocks."""

import pytest
from systolith.gen.compile.plan import block_plan

from ...rtl.engine.shapes import facts_of


@pytest.mark.parametrize(("kind", "slots", "density", "channels", "bound", "passes", "steps"), [
    ("sta", 4, 8, 12, 8, (2, 1), (2, 1)),
    ("sta-dbb", 4, 8, 12, 8, (2, 1), (2, 1)),
    ("sta-dbb", 4, 4, 9, 8, (1, 1), (1, 1)),
    ("vdbb", 8, 8, 9, 8, (8, 1), (8, 1)),
    ("vdbb", 8, 3, 16, 8, (3, 3), (3, 3)),
    ("s2ta-aw", 4, 4, 16, 4, (1, 1), (4, 4)),
    ("s2ta-aw", 4, 4, 9, 8, (1, 1), (8, 1)),
    ("s2ta-aw", 4, 4, 1, 8, (1, 1), (1, 1)),
    *(("s2ta-aw", slots, 8, 14, 8, (-(-8 // slots), -(-6 // slots)), (8, 6))
      for slots in range(1, 8)),  # split: each position once, whatever the slots
    ("s2ta-aw", 4, 8, 16, 3, (2, 2), (6, 6)),
    ("s2ta-aw", 8, 8, 16, 5, (1, 1), (5, 5)),
])
def test_plan(kind, slots, density, channels, bound, passes, steps):
    facts = facts_of(kind, a=2, b=4 if kind == "sta" else 8, c=2, nnz=slots)
    plan = block_plan(facts, density, channels, bound)
    assert plan.passes == passes
    assert plan.steps == steps
    assert plan.split == (kind == "s2ta-aw" and density > slots and bound == 8)
    assert plan.total(plan.steps, 3) == 2 * steps[0] + steps[1]
