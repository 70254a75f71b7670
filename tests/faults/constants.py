# SPDX-License-Identifier: Apache-2.0
"""Faults in sums of constant weights."""

from .fault import Fault

__all__ = ["CONSTANTS"]

HARDWARE = "tests/rtl/constants/test_products.py::test_equals_the_graph"
ROWS = "tests/rtl/constants/test_plan.py::test_rows_make_what_the_graph_says"

CONSTANTS = (
    Fault(name="registers of constant sums advance while they should rest",
          path="rtl/constants/products.py",
          old="self.enables[stage - 1], Cat(bits[bit] for bit in late), register",
          new="1, Cat(bits[bit] for bit in late), register",
          killer=HARDWARE),
    Fault(name="the sign bit of a constant sum's input is taken as it is",
          path="rtl/constants/products.py",
          old="1 << shape.width - 1 if shape.signed else 0",
          new="0",
          killer=HARDWARE),
    Fault(name="an inverted bit is added as if it were not",
          path="rtl/constants/products.py",
          old="return ~value if bit.inverted else value",
          new="return value",
          killer=HARDWARE),
    Fault(name="what inverted bits add too much is not taken off",
          path="rtl/constants/bit_heap.py",
          old="self.constant -= (1 << column + shift) if negative else 0",
          new="pass",
          killer=ROWS),
    Fault(name="a shared sum with a subtraction is too narrow",
          path="rtl/constants/plan.py",
          old="if term.negative else 0",
          new="if False else 0",
          killer=ROWS),
)
