# SPDX-License-Identifier: Apache-2.0
"""Faults in the compact core, its compiler, and the parts that only it has."""

from .fault import Fault

__all__ = ["COMPACT"]

REQUANTISER = "tests/rtl/compact/test_requantiser.py::test_equals_its_definition"
WALKER = "tests/rtl/compact/test_walker.py::test_every_address"

COMPACT = (
    Fault(name="a serial product rounds once where it must twice",
          path="rtl/compact/requantiser.py",
          old="carry.eq(last & ~self.single & turn)",
          new="carry.eq(0)",
          killer=f"{REQUANTISER}[False-24]"),
    Fault(name="a serial product's negative tie goes up",
          path="rtl/compact/requantiser.py",
          old="(last & (sticky | ~value[-1]))",
          new="last",
          killer=f"{REQUANTISER}[True-24]"),
    Fault(name="a serial result's sign compares as its other bits",
          path="rtl/compact/requantiser.py",
          old="above.eq(result ^ sign)",
          new="above.eq(result)",
          killer=f"{REQUANTISER}[False-24]"),
    Fault(name="a large serial result is not clamped",
          path="rtl/compact/requantiser.py",
          old="wide.eq(kept.any() & ~kept.all())",
          new="wide.eq(0)",
          killer=f"{REQUANTISER}[False-32]"),
    Fault(name="a tap left of the input is read",
          path="rtl/compact/walker.py",
          old="(x >= d.in_width) | (y >= d.in_height)",
          new="(y >= d.in_height)",
          killer=WALKER),
    Fault(name="the next row of results begins behind the last pixel",
          path="rtl/compact/walker.py",
          old="Mux(self.row_ended, d.destination_y, d.destination_x)",
          new="d.destination_x",
          killer=WALKER),
    Fault(name="lanes share an activation where each has its own",
          path="rtl/compact/lanes.py",
          old="Mux(self.own_channel, self.held.word_select(lane, 8),",
          new="Mux(0, self.held.word_select(lane, 8),",
          killer="tests/rtl/compact/test_lanes.py::test_biases_and_products"),
    Fault(name="the core does not wait for an answer on the bus",
          path="rtl/compact/memory.py",
          old="self.free.eq(~waiting)",
          new="self.free.eq(1)",
          killer="tests/rtl/compact/test_memory.py::test_bus_and_core_share_it"),
    Fault(name="the small window forgets an error of a write",
          path="rtl/bus/single.py",
          old="failed.eq(failed | refused | response.payload.error)",
          new="failed.eq(refused)",
          killer="tests/rtl/bus/test_single.py::test_local_errors"),
    Fault(name="a bias of the compact core without its zero point",
          path="gen/compile/compact/pack.py",
          old="bias = bias - low.source_zero_point * flat.astype(np.int64).sum(1)",
          new="bias = bias - 0",
          killer="tests/gen/compile/compact/test_pack.py::test_record_holds_what_a_channel_needs"),
)
