# SPDX-License-Identifier: Apache-2.0
"""Faults in the digital compute-in-memory macro."""

from .fault import Fault

__all__ = ["MACRO"]

MACRO = (
    Fault(name="a weight is written into all rows",
          path="rtl/cim/weight_cells.py",
          old="plane & ~self.write_rows",
          new="0",
          killer="tests/rtl/cim/test_weight_cells.py::test_planes_of_what_was_written"),
    Fault(name="cells of an ADC that is not enabled are read",
          path="rtl/cim/weight_cells.py",
          old="Mux(self.enable, Array(planes)[Cat(self.plane, self.column)], 0)",
          new="Array(planes)[Cat(self.plane, self.column)]",
          killer="tests/rtl/cim/test_weight_cells.py::test_planes_of_what_was_written"),
    Fault(name="a tree counts zeros",
          path="rtl/arith/arithmetic.py",
          old="dots.add_inverse(0, ~bit)",
          new="dots.add_inverse(0, bit)",
          killer="tests/rtl/arith/test_popcount.py::test_every_form_counts_ones"),
    Fault(name="the top plane of weights is added",
          path="rtl/cim/digital_column.py",
          old="Mux(step.negative_weight, outer_before - inner_sum,",
          new="Mux(step.negative_weight, outer_before + inner_sum,",
          killer="tests/rtl/cim/test_digital.py::test_codes_and_cycles"),
    Fault(name="early stop leaves out the sign",
          path="rtl/cim/digital.py",
          old="octet[bit] ^ (octet[bit - 1] & self.is_signed)",
          new="octet[bit]",
          killer="tests/rtl/cim/test_digital.py::test_codes_and_cycles"),
)
