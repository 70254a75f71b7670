# SPDX-License-Identifier: Apache-2.0
"""Faults in the Wishbone slaves."""

from .fault import Fault

__all__ = ["WISHBONE"]

WISHBONE = (
    Fault(name="what was given up answers the next access",
          path="rtl/bus/wishbone.py",
          old="with m.If(given_up | ~asked):",
          new="with m.If(~asked):",
          killer="tests/rtl/bus/test_wishbone.py::test_what_is_given_up_is_not_answered"),
    Fault(name="an answer outlasts its access",
          path="rtl/bus/wishbone.py",
          old="m.d.comb += [bus.ack.eq(asked & good), bus.err.eq(asked & bad)]\n"
              "                m.next = \"Idle\"",
          new="m.d.comb += [bus.ack.eq(good), bus.err.eq(bad)]\n"
              "                with m.If(~asked):\n                    m.next = \"Idle\"",
          killer="tests/rtl/bus/test_wishbone.py::test_window_is_memory"),
    Fault(name="both halves of a word are written",
          path="rtl/bus/wishbone.py",
          old="target.strobe.word_select(half, BYTES).eq(asks.strobe)",
          new="target.strobe.eq(asks.strobe.replicate(2))",
          killer="tests/rtl/bus/test_wishbone.py::test_window_is_memory"),
    Fault(name="an address that was taken is offered again",
          path="rtl/bus/wishbone.py",
          old="bus.awvalid.eq(request.valid & asks.write & ~address_sent)",
          new="bus.awvalid.eq(request.valid & asks.write)",
          killer="tests/rtl/bus/test_wishbone.py::test_address_and_data_may_be_taken_apart"),
)
