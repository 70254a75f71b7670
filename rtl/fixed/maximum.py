# SPDX-License-Identifier: Apache-2.0
"""Max pooling."""

from amaranth import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .parameters import MaximumParameters
from .window import pixel_layout

__all__ = ["FixedMaximum"]


class FixedMaximum(wiring.Component):
    """``o = min(high, max(low, all taps))``, channel by channel, int8.

    *Timing*: ``o`` belongs to the ``i`` of ``latency`` cycles before, if each stage's registers
    advanced for it.

    *Parameters*: ``parameters``, MaximumParameters.

    *Members*: ``enable`` (registers advance, stage by stage), ``i`` (the window's values), ``o``.
    """

    def __init__(self, parameters: MaximumParameters):
        p = self.parameters = parameters
        super().__init__({
            "enable": In(self.latency),
            "i": In(data.ArrayLayout(signed(8), p.taps * p.channels)),
            "o": Out(pixel_layout(p.channels)),
        })

    @property
    def latency(self) -> int:
        """Cycles from ``i`` to ``o``."""
        levels = (self.parameters.taps - 1).bit_length()
        return levels // self.parameters.levels_per_stage + 1

    def elaborate(self, platform) -> Module:
        m = Module()
        p = self.parameters

        def largest(a, b):
            return Mux(a > b, a, b)

        for channel in range(p.channels):
            values = [self.i[tap * p.channels + channel] for tap in range(p.taps)]
            level = 0
            while len(values) > 1:
                values = [largest(*pair) for pair in zip(values[::2], values[1::2], strict=False)
                          ] + values[len(values) // 2 * 2:]
                level += 1
                if level % p.levels_per_stage == 0:
                    held = [Signal(signed(8), name=f"largest_{level}_{channel}_{index}",
                                   reset_less=True) for index in range(len(values))]
                    with m.If(self.enable[level // p.levels_per_stage - 1]):
                        for register, value in zip(held, values, strict=True):
                            m.d.sync += register.eq(value)
                    values = held
            value = largest(values[0], p.low)
            with m.If(self.enable[-1]):
                m.d.sync += self.o[channel].eq(Mux(value > p.high, p.high, value))
        return m
