# SPDX-License-Identifier: Apache-2.0
"""The macro contract: ports between the controller and a compute-in-memory macro, and their rules.

A macro is an array of cells, ``rows x columns``; a *conversion* multiplies the operands on the
enabled rows by the weights of one column of every enabled ADC and leaves a code a column. ``mux``
columns share an ADC; ``phase`` says which of them is connected: column ``phase * adcs + adc``, or
where neighbours share one (``adjacent``) ``adc * mux + phase`` (AnalogNets and AON-CiM, section 2).

Rules, by name, as ``verif`` checks them:

- ``fire``: ``fire`` is high only in cycles in which the macro is ``ready``.
- ``stable``: from the cycle of ``fire`` up to and including that of ``done``, ``row_data`` of
  enabled rows, ``row_enable``, ``adc_enable``, ``phase``, ``is_signed``, ``activation_bits``,
  ``weight_bits`` and ``adc_shift`` keep their values, and no weight is written.
- ``time``: ``done`` is high for one cycle, ``conversion_cycles - 1`` after that of ``fire``; of a
  macro that may stop early, then or before; otherwise never.
- ``ready``: low from the cycle after ``fire`` to that of ``done``, high from the next on; after a
  reset it may take ``WRITE_PATIENCE`` cycles to rise.
- ``order``: with ``read_enable``, a cycle later ``codes[i]`` is that of ADC
  ``read_group * lanes + i`` in the conversion that was done last, up to and including the cycle of
  the next ``done``.
- ``gated``: codes of ADCs that were not enabled are zero.
- ``known``: codes do not depend on weights that were never written, on operands of rows that are
  not enabled, or on how registers came up. Such weights count as zero; those that were written
  before a reset may be gone.
- ``sum``: of a macro that is exact, a code is the sum over enabled rows of operand times weight,
  in the low bits that count, modulo ``2**code_bits``.
- ``write``: a weight is taken in a cycle of ``write.valid`` and ``write.ready``, and within
  ``WRITE_PATIENCE`` cycles while no conversion is under way.
"""

from dataclasses import dataclass

from amaranth import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["ADC_SHIFT_BITS", "OPERAND_BITS", "WRITE_PATIENCE", "WRITE_WEIGHTS", "MacroParameters",
           "MacroSignature", "write_layout"]

OPERAND_BITS = 8
"""Bits of a row driver and of a cell's weight, at most."""
ADC_SHIFT_BITS = 5
WRITE_WEIGHTS = 8
"""Weights of neighbouring columns that are written at once."""
WRITE_PATIENCE = 1 << 16


@dataclass(frozen=True, kw_only=True)
class MacroParameters:
    """Size of a macro, and how long its conversions take.

    ``macro``: "digital", "pcm", or the name of the user's module; ``rows``, ``columns`` of the
    array, multiples of 8; ``mux``: columns that share an ADC, a divisor; ``adjacent``: neighbours
    do; ``code_bits``: of a column's signed code; ``lanes``: codes that are read at once, a divisor
    of the ADCs and a multiple of 8; ``timing``: cycles of a conversion at 1 ... 8 bits of
    activations, empty for the digital macro, which takes ``digital_cycles``; ``early_stop``: a
    conversion may be shorter than that; ``adc_bits``: of the PCM macro's ADCs, 0 for as many as
    activations have;
    ``fragment``: neighbouring rows of the digital macro whose weights in a column have one sign, so
    that a plane less is needed, 4, 8 or 16 (FORMS, section 3), or 0: each has its own.
    Raises ValueError where they do not fit together.
    """

    DIGITAL_OVERHEAD = 2

    macro: str
    rows: int
    columns: int
    mux: int
    adjacent: bool = False
    code_bits: int = 24
    lanes: int = 8
    timing: tuple[int, ...] = ()
    early_stop: bool = False
    adc_bits: int = 0
    fragment: int = 0

    def __post_init__(self):
        for name in ("rows", "columns"):
            if getattr(self, name) % 8 or not 8 <= getattr(self, name) <= 4096:
                raise ValueError(f"Macro's {name} must be a multiple of 8 from 8 to 4096, not "
                                 f"{getattr(self, name)!r}")
        if self.columns % self.mux or self.mux not in (1, 2, 4, 8, 16):
            raise ValueError(f"Mux must be 1, 2, 4, 8 or 16 and a divisor of {self.columns} "
                             f"columns, not {self.mux!r}")
        if self.lanes % 8 or self.adcs % self.lanes:
            raise ValueError(f"Lanes must be a multiple of 8 and a divisor of {self.adcs} ADCs, "
                             f"not {self.lanes!r}")
        if not 8 <= self.code_bits <= 32:
            raise ValueError(f"Code must have 8 ... 32 bits, not {self.code_bits!r}")
        if self.adc_bits and not 2 <= self.adc_bits <= self.code_bits:
            raise ValueError(f"ADC must have 2 ... {self.code_bits} bits, those of a code, or 0, "
                             f"not {self.adc_bits!r}")
        if self.fragment not in (0, 4, 8, 16) or self.fragment and self.rows % self.fragment:
            raise ValueError(f"Fragment must be 0, 4, 8 or 16 rows and a divisor of {self.rows}, "
                             f"not {self.fragment!r}")
        if self.fragment and self.macro != "digital":
            raise ValueError(f"Fragment of macro {self.macro} must be 0, not {self.fragment!r}")
        if self.timing and (len(self.timing) != OPERAND_BITS or min(self.timing) < 2):
            raise ValueError(f"Timing must be {OPERAND_BITS} numbers of at least 2 cycles, not "
                             f"{self.timing!r}")

    @property
    def adcs(self) -> int:
        """Read-out channels."""
        return self.columns // self.mux

    @property
    def groups(self) -> int:
        """Words of ``lanes`` codes that a conversion leaves."""
        return self.adcs // self.lanes

    def column(self, adc: int, phase: int) -> int:
        """The column that ``adc`` reads in ``phase``."""
        return adc * self.mux + phase if self.adjacent else phase * self.adcs + adc

    def conversion_cycles(self, activation_bits: int, weight_bits: int) -> int:
        """From a ``fire`` to the next one that is possible; with ``early_stop`` at most."""
        if self.timing:
            return self.timing[activation_bits - 1]
        return self.digital_cycles(activation_bits, weight_bits, self.fragment)

    @classmethod
    def digital_cycles(cls, activation_bits: int, weight_bits: int, fragment: int = 0) -> int:
        """Of a conversion of the digital macro: a plane of magnitudes less with a ``fragment``."""
        planes = max(weight_bits - 1, 1) if fragment else weight_bits
        return activation_bits * planes + cls.DIGITAL_OVERHEAD

    def shortest_cycles(self, activation_bits: int, weight_bits: int) -> int:
        """From a ``fire`` to the next one that is possible, at the least: with ``early_stop`` those
        of operands of 1 bit on the digital macro, and 2 on one of which nothing is known."""
        if not self.early_stop:
            return self.conversion_cycles(activation_bits, weight_bits)
        return 2 if self.timing else self.conversion_cycles(1, weight_bits)


def write_layout(p: MacroParameters) -> data.StructLayout:
    """Weights of the neighbouring columns ``8 * group`` ... of a ``row``, int8."""
    return data.StructLayout({
        "row": ceil_log2(p.rows), "group": ceil_log2(max(p.columns // WRITE_WEIGHTS, 2)),
        "weights": data.ArrayLayout(signed(OPERAND_BITS), WRITE_WEIGHTS)})


class MacroSignature(wiring.Signature):
    """The contract's ports, as the controller has them; a macro's are flipped.

    *Members*: ``write`` (stream of ``write_layout``); ``row_data``, ``row_enable``, ``adc_enable``,
    ``phase``, ``is_signed`` (operands are two's complement), ``activation_bits`` and
    ``weight_bits`` (1 ... 8, the low bits of operands and weights that count), ``adc_shift`` (gain:
    a code is the column's sum over ``2**adc_shift``; the digital macro has none), ``fire``,
    ``ready``, ``done``, ``read_enable``, ``read_group``, ``codes``.
    """

    def __init__(self, p: MacroParameters):
        self.parameters = p
        super().__init__({
            "write": Out(stream.Signature(write_layout(p))),
            "row_data": Out(data.ArrayLayout(OPERAND_BITS, p.rows)),
            "row_enable": Out(p.rows),
            "adc_enable": Out(p.adcs),
            "phase": Out(ceil_log2(max(p.mux, 2))),
            "is_signed": Out(1),
            "activation_bits": Out(4),
            "weight_bits": Out(4),
            "adc_shift": Out(ADC_SHIFT_BITS),
            "fire": Out(1),
            "ready": In(1),
            "done": In(1),
            "read_enable": Out(1),
            "read_group": Out(ceil_log2(max(p.groups, 2))),
            "codes": In(data.ArrayLayout(signed(p.code_bits), p.lanes)),
        })
