# SPDX-License-Identifier: Apache-2.0
"""What a macro's codes must be, from golden, conversion by conversion."""

from dataclasses import dataclass

import numpy as np

from ...golden.cim.conversion import (
    digital_codes,
    digital_cycles,
    pcm_codes,
    pcm_weights,
)
from ...rtl.cim.contract import WRITE_WEIGHTS, MacroParameters

__all__ = ["CellFile", "Conversion", "ExactReference", "PcmReference"]


@dataclass(frozen=True, eq=False)
class Conversion:
    """What a conversion is fired with: ``operands`` uint8 [rows], ``rows`` bool [rows] and ``adcs``
    bool [adcs] that are enabled."""

    operands: np.ndarray
    rows: np.ndarray
    adcs: np.ndarray
    phase: int
    is_signed: bool
    activation_bits: int
    weight_bits: int
    adc_shift: int


@dataclass(frozen=True, eq=False)
class CellFile:
    """Of a PCM macro: ``conductances`` int16 and ``sigmas`` uint16 [rows, columns] in steps, and
    the ``seed`` of read noise."""

    conductances: np.ndarray
    sigmas: np.ndarray
    seed: int

    def hexadecimal(self) -> str:
        """As the macro's Verilog reads them: a word {sigma, conductance} a line, row by row."""
        words = (self.sigmas.astype(np.uint32) << 16) | self.conductances.view(np.uint16)
        return "".join(f"{word:08x}\n" for word in words.ravel().tolist())


class ExactReference:
    """A macro ``p`` whose codes are sums: weights as written, zero before."""

    def __init__(self, p: MacroParameters):
        self.p = p
        self.weights = np.zeros((p.rows, p.columns), np.int8)

    def write(self, row: int, group: int, weights: np.ndarray) -> None:
        """Take eight weights."""
        self.weights[row, WRITE_WEIGHTS * group:WRITE_WEIGHTS * (group + 1)] = weights

    def reset(self) -> None:
        """Nothing that was written is of use any more, since it may be gone."""
        self.weights[:] = 0

    def convert(self, conversion: Conversion) -> np.ndarray:
        """Codes of all columns, int64 [columns], whatever ADCs and phase."""
        return digital_codes(
            (conversion.operands * conversion.rows)[None], self.weights,
            activation_bits=conversion.activation_bits, weight_bits=conversion.weight_bits,
            is_signed=conversion.is_signed, code_bits=self.p.code_bits,
            fragment=self.p.fragment)[0]

    def cycles(self, conversion: Conversion) -> int:
        """From ``fire`` to where the next one is possible."""
        p = self.p
        if not p.early_stop or p.timing:  # of others but the digital one only the rule is known
            return p.conversion_cycles(conversion.activation_bits, conversion.weight_bits)
        return int(digital_cycles(
            (conversion.operands * conversion.rows)[None],
            activation_bits=conversion.activation_bits, weight_bits=conversion.weight_bits,
            is_signed=conversion.is_signed, early_stop=True, fragment=p.fragment)[0])


class PcmReference(ExactReference):
    """A PCM macro ``p`` with ``cells``, or ideal ones of what is written."""

    def __init__(self, p: MacroParameters, cells: CellFile | None = None):
        super().__init__(p)
        self.cells = cells
        self.written = np.zeros((p.rows, p.columns), bool)
        self.conversions = 0

    def write(self, row: int, group: int, weights: np.ndarray) -> None:
        super().write(row, group, weights)
        self.written[row, WRITE_WEIGHTS * group:WRITE_WEIGHTS * (group + 1)] = True

    def reset(self) -> None:
        super().reset()
        self.written[:] = False
        self.conversions = 0

    def convert(self, conversion: Conversion) -> np.ndarray:
        p, cells = self.p, self.cells
        if cells is None:
            held, sigmas, seed = pcm_weights(self.weights), np.zeros_like(self.weights), 0
        else:
            held, sigmas = cells.conductances * self.written, cells.sigmas * self.written
            seed = cells.seed
        codes = pcm_codes(
            (conversion.operands * conversion.rows)[None], held, sigmas,
            conversions=np.array([self.conversions]), rows=np.arange(p.rows),
            columns=np.arange(p.columns), seed=seed, activation_bits=conversion.activation_bits,
            is_signed=conversion.is_signed, adc_shift=conversion.adc_shift,
            adc_bits=p.adc_bits or None)[0]
        self.conversions += 1
        return codes
