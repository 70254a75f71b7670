# SPDX-License-Identifier: Apache-2.0
"""The clock manager of 7-series devices."""

from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Const, Instance, Module, Signal

from ..boards.pll import Pll, Setting

__all__ = ["Mmcm"]


@dataclass(frozen=True)
class Mmcm(Pll):
    """MMCME2_BASE with whole dividers, and a BUFG behind it (AMD UG472; DS181, speed grade -1:
    comparison at 10 to 450 MHz, oscillator 600 to 1200 MHz)."""

    name = "MMCME2_BASE"

    def settings(self, source: float) -> Iterator[Setting]:
        for reference in range(1, 107):
            if not 10 <= source / reference <= 450:
                continue
            for feedback in range(2, 65):
                oscillator = source * feedback / reference
                if 600 <= oscillator <= 1200:
                    for post in range(1, 129):
                        yield Setting(source, oscillator / post, oscillator, reference, feedback,
                                      post)

    def instance(self, setting, source, output, locked) -> Module:
        m = Module()
        feedback, made = Signal(), Signal()
        m.submodules.manager = Instance(
            "MMCME2_BASE", p_CLKIN1_PERIOD=1000 / setting.source,
            p_DIVCLK_DIVIDE=setting.reference, p_CLKFBOUT_MULT_F=float(setting.feedback),
            p_CLKOUT0_DIVIDE_F=float(setting.post), i_CLKIN1=source, i_CLKFBIN=feedback,
            i_RST=Const(0), i_PWRDWN=Const(0), o_CLKFBOUT=feedback, o_CLKOUT0=made,
            o_LOCKED=locked)
        m.submodules.buffer = Instance("BUFG", i_I=made, o_O=output)
        return m
