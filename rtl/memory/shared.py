# SPDX-License-Identifier: Apache-2.0
"""One access port of a memory for two askers."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .sram import AccessPort

__all__ = ["SharedAccess"]


class SharedAccess(wiring.Component):
    """Where both ask they take turns, served or not: a word that is not to be had for long, since
    a layer comes first, keeps the other asker from nothing.

    *Timing*: as ``AccessPort``; combinational from the askers to ``memory`` and back.

    *Parameters*: ``address_width``.

    *Members*: ``bus``, ``writer`` (which never reads), ``memory``.
    """

    def __init__(self, *, address_width: int):
        super().__init__({
            "bus": In(AccessPort(address_width)),
            "writer": In(AccessPort(address_width)),
            "memory": Out(AccessPort(address_width)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        turn = Signal()  # the bus's
        m.d.sync += turn.eq(self.bus.enable & self.writer.enable & ~turn)
        m.d.comb += [self.bus.read_data.eq(self.memory.read_data),
                     self.writer.read_data.eq(self.memory.read_data)]

        def serve(asker):
            m.d.comb += asker.grant.eq(self.memory.grant)
            for name in ("enable", "write", "address", "write_data", "write_mask"):
                m.d.comb += getattr(self.memory, name).eq(getattr(asker, name))

        with m.If(self.bus.enable & (turn | ~self.writer.enable)):
            serve(self.bus)
        with m.Else():
            serve(self.writer)
        return m
