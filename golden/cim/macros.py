# SPDX-License-Identifier: Apache-2.0
"""Macros to run layers on: digital, PCM with the very noise of the hardware, or with statistics."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .conversion import digital_codes, pcm_code, pcm_codes
from .device import Cells
from .mapping import LayerMapping

__all__ = ["DigitalMacro", "Macro", "PcmMacro", "StatisticalMacro"]


class Macro(Protocol):
    """An array with its weights."""

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping, is_signed: bool) -> np.ndarray:
        """Codes int64 [N, C] of N conversions.

        ``operands``: int64 [N, R], as the row drivers have them; ``rows``: R of the array;
        ``columns`` [C]: one for every enabled ADC; ``counts`` [N]: conversions since reset before
        each; ``mapping``: bits and gain; ``is_signed``: operands are two's complement.
        """
        ...


@dataclass(frozen=True, eq=False)
class DigitalMacro:
    """Exact sums of int8 ``weights`` [rows, columns]; ``grouped``: of sign-grouped columns, whose
    weights fit."""

    weights: np.ndarray
    grouped: bool = False

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping, is_signed: bool) -> np.ndarray:
        """As ``Macro``; of weights their low bits count, as two's complement."""
        return digital_codes(operands, self.weights[rows][:, columns],
                             activation_bits=mapping.activation_bits,
                             weight_bits=8 if self.grouped else mapping.weight_bits,
                             is_signed=is_signed)


@dataclass(frozen=True, eq=False)
class PcmMacro:
    """Cells whose every reading has the noise of its place and of the conversion's number.

    ``adc_bits``: resolution of the ADCs, by default as many as the operands have.
    """

    cells: Cells
    seed: int
    adc_bits: int | None = None

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping, is_signed: bool) -> np.ndarray:
        """As ``Macro``."""
        return pcm_codes(
            operands, self.cells.weights[rows][:, columns], self.cells.noise[rows][:, columns],
            conversions=counts, rows=np.arange(rows.start, rows.stop), columns=columns,
            seed=self.seed, activation_bits=mapping.activation_bits, is_signed=is_signed,
            adc_shift=mapping.adc_shift, adc_bits=self.adc_bits)


@dataclass(frozen=True, eq=False)
class StatisticalMacro:
    """``PcmMacro`` in distribution, far faster: a column's sum has normal noise of the variance
    ``sum(operand**2 * noise**2)``, drawn from ``generator``."""

    cells: Cells
    generator: np.random.Generator
    adc_bits: int | None = None

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping, is_signed: bool) -> np.ndarray:
        """As ``Macro``; the numbers of conversions do not matter."""
        weights = self.cells.weights[rows][:, columns].astype(np.float64)
        noise = self.cells.noise[rows][:, columns].astype(np.float32)
        x = operands.astype(np.float64)
        single = x.astype(np.float32)
        spread = np.sqrt((single * single) @ (noise * noise))
        sums = x @ weights + spread * self.generator.standard_normal(spread.shape)
        return pcm_code(np.rint(sums).astype(np.int64), adc_shift=mapping.adc_shift,
                        adc_bits=self.adc_bits or mapping.activation_bits)
