# SPDX-License-Identifier: Apache-2.0
"""Section ``cim``: a compute-in-memory macro, and how layers use it."""

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ...rtl.cim.contract import OPERAND_BITS, MacroParameters
from .section import Section, Whole
from .words import Words, listed

__all__ = ["Cim", "Conversion"]

LEAST_CYCLES = 2
Bits = Annotated[int, Field(ge=1, le=OPERAND_BITS)]
Nanoseconds = Annotated[float, Field(ge=0, le=10_000)]


class Conversion(Section):
    """How long a conversion takes: ``2**(activation_bits - 1) * unit_ns + overhead_ns``, a sign
    and pulses of up to so many units (AnalogNets and AON-CiM, section 2)."""

    unit_ns: Annotated[Nanoseconds, Words("a number of nanoseconds from 0 to 10000")] = 1.0
    """A step of the row drivers' pulses."""
    overhead_ns: Annotated[Nanoseconds, Words("a number of nanoseconds from 0 to 10000")] = 2.0
    """Whatever else a conversion takes."""

    def nanoseconds(self, activation_bits: int) -> float:
        """Of a conversion of ``activation_bits``."""
        return float(self._exact(activation_bits))

    def cycles(self, activation_bits: int, clock_mhz: int) -> int:
        """Of a conversion, rounded up; at least 2."""
        return max(-int(-self._exact(activation_bits) * clock_mhz // 1000), LEAST_CYCLES)

    def _exact(self, activation_bits: int) -> Fraction:
        unit, overhead = Fraction(str(self.unit_ns)), Fraction(str(self.overhead_ns))
        return (1 << activation_bits - 1) * unit + overhead


class Cim(Section):
    """The macro that takes the array's place: cells that keep weights and multiply by them."""

    COMPILED: ClassVar = {"activation_bits", "weight_bits", "adc_shift", "depthwise", "conversion",
                          "sources"}
    """Fields that are the compiler's, or say by others what hardware is: not in the hash."""

    macro: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"),
                     Words("digital, pcm, or the name of a Verilog module")] = "digital"
    """digital: of logic, exact. pcm: phase-change memory, for simulation only, as it behaves.
    Others: the user's, a Verilog module with the ports of rtl/cim/contract.py."""
    rows: Annotated[int, Field(ge=8, le=4096, multiple_of=8)] = 1024
    """Cells of a column: kernel height x width x input channels of a layer, at most."""
    columns: Annotated[int, Field(ge=8, le=4096, multiple_of=8)] = 512
    """Cells of a row."""
    mux: Annotated[Literal[1, 2, 4, 8, 16], Whole] = 4
    """Columns that share an ADC, one after the other."""
    mux_map: Literal["interleaved", "adjacent"] = "interleaved"
    """Which columns share an ADC: those that lie columns / mux apart, or neighbours."""
    code_bits: Annotated[int, Field(ge=8, le=32)] = 24
    """Bits of what is read of a column."""
    residency: Literal["resident", "reloaded"] = "resident"
    """Resident: the host writes the weights of all layers once, and they stay. Reloaded: they are
    in memory.weights, and written ahead of the layers that use them, in every run."""
    depthwise: Literal["array", "vector"] = "array"
    """Where depthwise convolutions run: in the array, as dense ones most of whose weights are zero,
    or on the vector unit."""
    activation_bits: Bits = 8
    """Bits of the row drivers: activations are rounded to so many."""
    weight_bits: Bits = 8
    """Bits of a weight in its cell: weights are rounded to so many."""
    early_stop: bool = False
    """The digital macro's conversions end behind the last bit of activations that is not zero."""
    fragment: Annotated[Literal[0, 4, 8, 16], Whole] = 0
    """Neighbouring rows of the digital macro whose weights in a column have one sign, kept once, so
    that conversions take a plane of weights less (FORMS, section 3); 0: each has its own."""
    adc_bits: Annotated[Annotated[int, Field(ge=2, le=32)] | None,
                        Words("an integer from 2 to 32, or null")] = None
    """Bits of the ADCs of pcm and the user's; null: as many as activation_bits."""
    adc_shift: Annotated[int, Field(ge=0, le=31)] = 12
    """The ADCs' gain, the same for all layers: a code is a column's sum over 2**adc_shift, where a
    cell of weight 1 has 32. Of pcm and the user's."""
    conversion: Conversion = Conversion()
    """Of pcm and the user's; digital takes activation_bits x weight_bits cycles and a few,
    with a fragment those of a bit of weights less."""
    sources: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=4096)], ...],
                       BeforeValidator(listed), Words("a list of paths of Verilog files")] = ()
    """Verilog of the user's macro, paths from this file's folder on."""

    @property
    def exact(self) -> bool:
        """Codes are the sums themselves."""
        return self.macro == "digital"

    @property
    def adcs(self) -> int:
        """Read-out channels."""
        return self.columns // self.mux

    def timing(self, clock_mhz: int) -> tuple[int, ...]:
        """Cycles of a conversion at 1 ... 8 bits of activations; none of the digital macro's, which
        follow from its own shape."""
        return () if self.exact else tuple(
            self.conversion.cycles(bits, clock_mhz) for bits in range(1, OPERAND_BITS + 1))

    def peak_tops(self, activation_bits: int, clock_mhz: int) -> float:
        """10**12 operations a second, two a cell, with all cells in use: those of ``mux``
        conversions (AnalogNets and AON-CiM, section 2)."""
        if self.exact:
            cycles = MacroParameters.digital_cycles(activation_bits, self.weight_bits,
                                                    self.fragment)
        else:
            cycles = self.conversion.cycles(activation_bits, clock_mhz)
        return 2 * self.rows * self.columns / (self.mux * cycles * 1000 / clock_mhz) / 1000
