# SPDX-License-Identifier: Apache-2.0
"""Digital scale behind the ADCs, with global drift compensation, and sums over row tiles."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..cell import Cell
from .contract import MacroParameters
from .fields import GDC_ONE, SCALE_BITS
from .read_out import code_tag
from .sums import SumMemory

__all__ = ["SUM_BITS", "ScaleLane", "ScaledSums"]

SUM_BITS = 32
FACTOR_BITS = 2 * SCALE_BITS - GDC_ONE.bit_length() + 1
"""Of a scale times the compensation: 0 ... (2**16 - 1)**2 / 2**13."""


class ScaleLane(Cell):
    """``o = floor(code * factor / 2**shift + 1/2)``, modulo ``2**32``.

    *Timing*: ``LATENCY`` cycles, one code a cycle; ``factor`` is looked at one cycle after
    ``code``, ``shift`` three.

    *Parameters*: ``code_bits``.

    *Members*: ``code``, ``factor``, ``shift``, ``o``.
    """

    LATENCY = 4

    def __init__(self, *, code_bits: int):
        self.code_bits = code_bits
        super().__init__({"code": In(signed(code_bits)), "factor": In(FACTOR_BITS),
                          "shift": In(5), "o": Out(signed(SUM_BITS))})

    @property
    def module_name(self) -> str:
        return f"scale_lane_{self.code_bits}"

    def body(self, platform) -> Module:
        m = Module()
        code = Signal(signed(self.code_bits))
        product = Signal(signed(self.code_bits + FACTOR_BITS))
        product_kept = Signal.like(product)
        m.d.sync += [
            code.eq(self.code),
            product.eq(code * self.factor),
            product_kept.eq(product),
            self.o.eq((product_kept + ((1 << self.shift) >> 1)) >> self.shift),
        ]
        return m


class ScaledSums(wiring.Component):
    """Codes become sums of a pixel: scaled, and added up over its row tiles.

    ``factor = floor(scale * gdc / 2**13 + 1/2)``, ``value = floor(code * factor / 2**shift + 1/2)``
    and the sum of the values of all row tiles, int32 (AnalogNets, section 4: digital scale and
    global drift compensation).

    *Timing*: ``codes`` one cycle after their ``tag``; the sum ``LATENCY`` cycles after the ``tag``
    that closes. One group a cycle; groups of the same place at least two cycles apart, as are a
    tile's last group and the next one's first. ``gdc`` is sampled with ``start``.

    *Parameters*: ``p``, the macro's.

    *Members*: ``start``, ``stop`` (level: forget what is on its way), ``scale``, ``shift``,
    ``gdc``, ``valid``, ``tag``, ``codes``, ``o_valid``, ``o``.
    """

    LATENCY = 2 + ScaleLane.LATENCY
    """From a group that is asked for to its sum."""

    def __init__(self, p: MacroParameters):
        self.p = p
        super().__init__({
            "start": In(1),
            "stop": In(1),
            "scale": In(SCALE_BITS),
            "shift": In(5),
            "gdc": In(SCALE_BITS, init=GDC_ONE),
            "valid": In(1),
            "tag": In(code_tag(p)),
            "codes": In(data.ArrayLayout(signed(p.code_bits), p.lanes)),
            "o_valid": Out(1),
            "o": Out(data.ArrayLayout(signed(SUM_BITS), p.lanes)),
        })

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.p
        gdc = Signal(SCALE_BITS)
        product = Signal(2 * SCALE_BITS)
        factor = Signal(FACTOR_BITS)
        with m.If(self.start):
            m.d.sync += gdc.eq(self.gdc)
        m.d.sync += [product.eq(self.scale * gdc),
                     factor.eq((product + GDC_ONE // 2) >> (GDC_ONE.bit_length() - 1))]

        # The tag keeps step with its codes: ``tags[k]`` is that of k cycles ago.
        tags = [Cat(self.valid & ~self.stop, self.tag)]
        layout = data.StructLayout({"valid": 1, "tag": self.tag.shape()})
        for stage in range(1, self.LATENCY):
            tag = Signal(layout, name=f"tag_{stage}")
            m.d.sync += tag.eq(tags[-1])
            with m.If(self.stop):
                m.d.sync += tag.valid.eq(0)
            tags.append(tag)
        ahead, here = tags[-2], tags[-1]
        m.submodules.memory = memory = SumMemory(
            lanes=p.lanes, groups=p.columns // p.lanes)
        m.d.comb += [
            memory.read_enable.eq(ahead.valid & ~ahead.tag.opens),
            memory.read_place.eq(ahead.tag.place),
            memory.write_enable.eq(here.valid & ~here.tag.closes),
            memory.write_place.eq(here.tag.place),
        ]
        m.d.sync += self.o_valid.eq(here.valid & here.tag.closes & ~self.stop)
        for index in range(p.lanes):
            m.submodules[f"lane_{index}"] = lane = ScaleLane(code_bits=p.code_bits)
            total = Signal(signed(SUM_BITS), name=f"total_{index}")
            m.d.comb += [
                lane.code.eq(self.codes[index]),
                lane.factor.eq(factor),
                lane.shift.eq(self.shift),
                total.eq(lane.o + Mux(here.tag.opens, 0, memory.read_data[index])),
                memory.write_data[index].eq(total),
            ]
            with m.If(here.valid & here.tag.closes):
                m.d.sync += self.o[index].eq(total)
        return m
