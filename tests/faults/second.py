# SPDX-License-Identifier: Apache-2.0
"""A second set of faults, made without having seen the tests; at least eight of ten must die.

``killer`` is the folder of tests that mirrors the faulty source. ``make evidence`` plants them.
"""

from .fault import Fault

__all__ = ["SECOND"]

SECOND = (
    Fault(name="drain waits a beat too long", path="rtl/operand/drain.py",
          old="wait.eq(self.beats - 1)", new="wait.eq(self.beats)", killer="tests/rtl/operand"),
    Fault(name="last columns never come", path="rtl/postproc/writer.py",
          old="blocks_left <= self.words * self.beats",
          new="blocks_left < self.words * self.beats", killer="tests/rtl/postproc"),
    Fault(name="every block opens a sum", path="rtl/operand/issuer.py",
          old="opening.eq(closing)", new="opening.eq(last_step)", killer="tests/rtl/operand"),
    Fault(name="third window row at the second's distance", path="rtl/vector/window.py",
          old="down = down + d.tap_y[dy % 2]", new="down = down + d.tap_y[0]",
          killer="tests/rtl/vector"),
    Fault(name="stops a layer early", path="rtl/sequencer/sequencer.py",
          old="(self.layer > self.last_layer)", new="(self.layer >= self.last_layer)",
          killer="tests/rtl/sequencer"),
    Fault(name="weights always rewind", path="rtl/operand/im2col.py",
          old="next_rewind.eq(~walker.last)", new="next_rewind.eq(1)",
          killer="tests/rtl/operand"),
    Fault(name="access served while read", path="rtl/memory/activation.py",
          old="self.busy.eq(written | self.read | (",
          new="self.busy.eq(written | (", killer="tests/rtl/memory"),
    Fault(name="lower clamp ignored", path="rtl/postproc/requantiser.py",
          old="shifted < self.low", new="shifted < -128", killer="tests/rtl/postproc"),
    Fault(name="delay line taps the wrong end", path="rtl/delay.py",
          old="line[-self.width:]", new="line[:self.width]", killer="tests/rtl/engine"),
    Fault(name="sums accumulate without a valid token", path="rtl/pe/tpe.py",
          old="adds = token.valid\n                if f.zero_gating:",
          new="adds = 1\n                if f.zero_gating:", killer="tests/rtl/pe"),
)
