# SPDX-License-Identifier: Apache-2.0
"""Faults in sums of constants as an ASIC has them."""

from .fault import Fault

__all__ = ["CARRY_SAVE"]

_KILLER = "tests/rtl/fixed/test_carry_save.py::test_equals_the_graph"

CARRY_SAVE = (
    Fault(name="sign bit of a constant's term added",
          path="rtl/fixed/carry_save.py",
          old="if term.negative != (index == sign) else",
          new="if term.negative else",
          killer=_KILLER),
    Fault(name="offset of a product lost",
          path="rtl/fixed/carry_save.py",
          old="dots.constant += term.factor * lowest",
          new="dots.constant += 0 * lowest",
          killer=_KILLER),
    Fault(name="columns of a row memory that are not read",
          path="rtl/fixed/window.py",
          old="for tap in range(kernel_y)))\n",
          new="for tap in range(kernel_y - 1)))\n",
          killer="tests/gen/fixed/test_pipeline.py::test_depthwise_and_pointwise"),
)
