# SPDX-License-Identifier: Apache-2.0
"""Small designs with a shell's ports."""

from amaranth import Cat, Module, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from systolith.gen.emit.platform import EmittingPlatform


class Echo(wiring.Component):
    """Product of what was received, through a block RAM: of everything a little."""

    def __init__(self):
        super().__init__({"rx": In(1), "tx": Out(1), "busy": Out(1), "failed": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.store = store = memory.Memory(shape=unsigned(16), depth=1024, init=[])
        read, write = store.read_port(), store.write_port()
        bits = Signal(24)
        m.d.sync += bits.eq(Cat(self.rx, bits))
        product = Signal(16)
        m.d.sync += [product.eq(bits[:8] * bits[8:16]), self.tx.eq(read.data.xor())]
        m.d.comb += [write.addr.eq(bits[:10]), write.data.eq(product), write.en.eq(bits[23]),
                     read.addr.eq(bits[10:20]), read.en.eq(1),
                     self.busy.eq(bits[0]), self.failed.eq(bits[1])]
        return m


def echo(name="systolith_board"):
    """Verilog of ``Echo``."""
    text, _ = EmittingPlatform(name).convert(Echo(), name)
    return text
