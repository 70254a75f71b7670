# SPDX-License-Identifier: Apache-2.0
"""Read-out of a conversion's codes, group of lanes by group, while the next one is under way."""

from amaranth import Module, Mux
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from .contract import MacroParameters

__all__ = ["ReadOut", "code_tag"]


def code_tag(p: MacroParameters) -> data.StructLayout:
    """What a group of codes is: ``place``: of its channels in the pixel, in groups; ``opens``: of
    the pixel's first row tile; ``closes``: of its last one."""
    return data.StructLayout({"place": ceil_log2(max(p.columns // p.lanes, 2)), "opens": 1,
                              "closes": 1})


class ReadOut(wiring.Component):
    """Asks a macro for the codes of its latest conversion.

    *Timing*: the first group is asked for in the cycle after ``start``, further ones every
    ``pace`` cycles: ``groups * pace`` cycles in all, of which ``left`` counts those that are left,
    this one included. ``start`` only while that is zero.

    *Parameters*: ``p``, the macro's; ``pace``, a power of two.

    *Members*: ``start``, ``stop`` (level: give up), ``group`` (first), ``groups``, ``first_phase``
    (its channels are the tile's first), ``opens``, ``closes``, ``left``, ``read_enable``,
    ``read_group``, ``tag`` (of what is asked for).
    """

    def __init__(self, p: MacroParameters, *, pace: int):
        self.p = p
        self.pace_bits = exact_log2(pace)
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "group": In(ceil_log2(max(p.groups, 2))),
            "groups": In(range(p.groups + 1)),
            "first_phase": In(1),
            "opens": In(1),
            "closes": In(1),
            "left": Out(range(p.groups * pace + 1)),
            "read_enable": Out(1),
            "read_group": Out(ceil_log2(max(p.groups, 2))),
            "tag": Out(code_tag(p)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        tag = self.tag
        m.d.comb += self.read_enable.eq(
            (self.left != 0) & (self.left[:self.pace_bits] == 0) & ~self.stop)
        with m.If(self.left != 0):
            m.d.sync += self.left.eq(self.left - 1)
        with m.If(self.read_enable):
            m.d.sync += [self.read_group.eq(self.read_group + 1), tag.place.eq(tag.place + 1)]
        with m.If(self.start):
            m.d.sync += [
                self.left.eq(self.groups << self.pace_bits), self.read_group.eq(self.group),
                tag.place.eq(Mux(self.first_phase, 0, tag.place)),
                tag.opens.eq(self.opens), tag.closes.eq(self.closes),
            ]
        with m.If(self.stop):
            m.d.sync += self.left.eq(0)
        return m
