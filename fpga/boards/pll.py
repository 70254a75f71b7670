# SPDX-License-Identifier: Apache-2.0
"""PLLs: the multiplier and dividers for a clock, and the cell with them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from amaranth import Const, Instance, Signal

__all__ = ["Ecp5Pll", "GowinPll", "Ice40Pll", "Pll", "PllFault", "Setting"]


class PllFault(ValueError):
    """A PLL cannot make a clock: one sentence."""


@dataclass(frozen=True)
class Setting:
    """``output`` MHz of ``source`` MHz: dividers of the reference, in the feedback, and behind
    the oscillator, which runs at ``oscillator`` MHz."""

    source: float
    output: float
    oscillator: float
    reference: int
    feedback: int
    post: int


class Pll(ABC):
    """A family's PLL. Equal or lower clocks count as made; the nearest is taken."""

    name: str
    tolerance = 0.05
    """How much slower than asked for a clock may be."""

    @abstractmethod
    def settings(self, source: float) -> Iterator[Setting]:
        """All that the PLL can do with a clock of ``source`` MHz."""

    @abstractmethod
    def instance(self, setting: Setting, source: Signal, output: Signal,
                 locked: Signal) -> Instance:
        """The cell: from ``source`` (of the iCE40 the pad itself) to ``output``."""

    def setting(self, source: float, wanted: float) -> Setting:
        """The setting whose output is nearest to ``wanted`` MHz, not above it; of equals the one
        with the fastest comparison, then the fastest oscillator. Raises PllFault."""
        best = max((each for each in self.settings(source) if each.output <= wanted * (1 + 1e-9)),
                   key=lambda each: (round(each.output, 6), -each.reference, each.oscillator),
                   default=None)
        if best is None or best.output < wanted * (1 - self.tolerance):
            near = "none" if best is None else f"{best.output:g} MHz"
            raise PllFault(f"target.clock_mhz must be a clock that {self.name} makes of "
                           f"{source:g} MHz, not {wanted:g} (nearest below: {near})")
        return best


@dataclass(frozen=True)
class Ecp5Pll(Pll):
    """EHXPLLL with feedback from CLKOS, at half the oscillator's rate (Lattice FPGA-DS-02012:
    comparison at 10 to 400 MHz, oscillator 400 to 800 MHz)."""

    name = "EHXPLLL"
    INNER = 2
    """Divider of CLKOS."""

    def settings(self, source: float) -> Iterator[Setting]:
        for reference in range(1, 129):
            if not 10 <= source / reference <= 400:
                continue
            for feedback in range(1, 81):
                oscillator = source * feedback * self.INNER / reference
                if 400 <= oscillator <= 800:
                    for post in range(1, 129):
                        yield Setting(source, oscillator / post, oscillator, reference, feedback,
                                      post)

    def instance(self, setting, source, output, locked):
        return Instance(
            "EHXPLLL", a_FREQUENCY_PIN_CLKI=f"{setting.source:g}",
            a_FREQUENCY_PIN_CLKOP=f"{setting.output:g}", a_ICP_CURRENT="12", a_LPF_RESISTOR="8",
            p_CLKI_DIV=setting.reference, p_CLKFB_DIV=setting.feedback, p_CLKOP_DIV=setting.post,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_CPHASE=setting.post - 1, p_CLKOP_FPHASE=0,
            p_CLKOS_DIV=self.INNER, p_CLKOS_ENABLE="ENABLED", p_CLKOS_CPHASE=self.INNER - 1,
            p_CLKOS_FPHASE=0, p_FEEDBK_PATH="INT_OS", p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB", p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
            i_CLKI=source, i_RST=Const(0), i_STDBY=Const(0), i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0), i_PHASEDIR=Const(1), i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1), i_PLLWAKESYNC=Const(0), i_ENCLKOP=Const(0),
            o_CLKOP=output, o_LOCK=locked)


@dataclass(frozen=True)
class Ice40Pll(Pll):
    """SB_PLL40_PAD, simple feedback (Lattice FPGA-TN-02052: comparison at 10 to 133 MHz,
    oscillator 533 to 1066 MHz)."""

    name = "SB_PLL40_PAD"
    FILTERS = ((17, 1), (26, 2), (44, 3), (66, 4), (101, 5), (133, 6))
    """Comparison frequency in MHz up to which a filter range is for."""

    def settings(self, source: float) -> Iterator[Setting]:
        for reference in range(1, 17):
            if not 10 <= source / reference <= 133:
                continue
            for feedback in range(1, 129):
                oscillator = source * feedback / reference
                if 533 <= oscillator <= 1066:
                    for shift in range(1, 7):
                        yield Setting(source, oscillator / 2 ** shift, oscillator, reference,
                                      feedback, 2 ** shift)

    def instance(self, setting, source, output, locked):
        compared = setting.source / setting.reference
        chosen = next(number for limit, number in self.FILTERS if compared <= limit)
        return Instance(
            "SB_PLL40_PAD", p_FEEDBACK_PATH="SIMPLE", p_PLLOUT_SELECT="GENCLK",
            p_DIVR=Const(setting.reference - 1, 4), p_DIVF=Const(setting.feedback - 1, 7),
            p_DIVQ=Const(setting.post.bit_length() - 1, 3), p_FILTER_RANGE=Const(chosen, 3),
            i_PACKAGEPIN=source, i_RESETB=Const(1), i_BYPASS=Const(0), o_PLLOUTGLOBAL=output,
            o_LOCK=locked)


@dataclass(frozen=True)
class GowinPll(Pll):
    """rPLL (Gowin UG286; limits of the device's data sheet): ``slowest`` and ``fastest`` MHz of
    the oscillator."""

    device: str
    slowest: float
    fastest: float
    name = "rPLL"
    POSTS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)

    def settings(self, source: float) -> Iterator[Setting]:
        for reference in range(1, 65):
            if not 3 <= source / reference <= 400:
                continue
            for feedback in range(1, 65):
                output = source * feedback / reference
                for post in self.POSTS:
                    if self.slowest <= output * post <= self.fastest:
                        yield Setting(source, output, output * post, reference, feedback, post)

    def instance(self, setting, source, output, locked):
        return Instance(
            "rPLL", p_DEVICE=self.device, p_FCLKIN=f"{setting.source:g}",
            p_IDIV_SEL=setting.reference - 1, p_FBDIV_SEL=setting.feedback - 1,
            p_ODIV_SEL=setting.post, p_DYN_IDIV_SEL="false", p_DYN_FBDIV_SEL="false",
            p_DYN_ODIV_SEL="false", p_DYN_SDIV_SEL=2, p_DYN_DA_EN="false", p_PSDA_SEL="0000",
            p_DUTYDA_SEL="1000", p_CLKFB_SEL="internal", p_CLKOUT_BYPASS="false",
            p_CLKOUTP_BYPASS="false", p_CLKOUTD_BYPASS="false", p_CLKOUTD_SRC="CLKOUT",
            p_CLKOUTD3_SRC="CLKOUT",
            i_CLKIN=source, i_CLKFB=Const(0), i_RESET=Const(0), i_RESET_P=Const(0),
            i_FBDSEL=Const(0, 6), i_IDSEL=Const(0, 6), i_ODSEL=Const(0, 6), i_PSDA=Const(0, 4),
            i_DUTYDA=Const(0, 4), i_FDLY=Const(0, 4), o_CLKOUT=output, o_LOCK=locked)
