# SPDX-License-Identifier: Apache-2.0
"""Macros to run layers on: digital, PCM with the very noise of the hardware, or with statistics."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .device import Cells
from .mapping import LayerMapping
from .quantisers import adc

__all__ = ["DigitalMacro", "Macro", "PcmMacro", "StatisticalMacro"]

_CHUNK = 1 << 22


class Macro(Protocol):
    """An array with its weights."""

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping) -> np.ndarray:
        """Codes int64 [N, C] of N conversions.

        ``operands``: int64 [N, R], as the row drivers have them; ``rows``: R of the array;
        ``columns`` [C]: one for every enabled ADC; ``counts`` [N]: conversions since reset before
        each; ``mapping``: bits and gain.
        """
        ...


@dataclass(frozen=True, eq=False)
class DigitalMacro:
    """Exact sums of int8 ``weights`` [rows, columns]."""

    weights: np.ndarray

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping) -> np.ndarray:
        """As ``Macro``; of weights their low bits count, as two's complement."""
        spare = 8 - mapping.weight_bits
        low = self.weights[rows][:, columns].astype(np.int8) << spare >> spare
        return (operands.astype(np.float64) @ low.astype(np.float64)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class PcmMacro:
    """Cells whose every reading has the noise of its place and of the conversion's number.

    ``adc_bits``: resolution of the ADCs, by default as many as the operands have.
    """

    cells: Cells
    seed: int
    adc_bits: int | None = None

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping) -> np.ndarray:
        """As ``Macro``."""
        weights = self.cells.weights[rows][:, columns].astype(np.int64)
        noise = self.cells.noise[rows][:, columns].astype(np.int64)
        place = (np.arange(rows.start, rows.stop)[:, np.newaxis] << 16 | columns).astype(np.uint32)
        sums = np.empty((len(operands), len(columns)), np.int64)
        step = max(1, _CHUNK // weights.size)
        for first in range(0, len(operands), step):
            part = slice(first, first + step)
            normal = read_noise(self.seed, counts[part], place)
            cells = weights + ((noise * normal * 443 + 32768) >> 16)
            sums[part] = (operands[part, np.newaxis].astype(np.float64)
                          @ cells.astype(np.float64))[:, 0]
        return adc(sums, mapping.adc_shift, self.adc_bits or mapping.activation_bits)


@dataclass(frozen=True, eq=False)
class StatisticalMacro:
    """``PcmMacro`` in distribution, far faster: a column's sum has normal noise of the variance
    ``sum(operand**2 * noise**2)``, drawn from ``generator``."""

    cells: Cells
    generator: np.random.Generator
    adc_bits: int | None = None

    def convert(self, operands: np.ndarray, rows: slice, columns: np.ndarray, counts: np.ndarray,
                mapping: LayerMapping) -> np.ndarray:
        """As ``Macro``; the numbers of conversions do not matter."""
        weights = self.cells.weights[rows][:, columns].astype(np.float64)
        noise = self.cells.noise[rows][:, columns].astype(np.float64)
        x = operands.astype(np.float64)
        spread = np.sqrt((x * x) @ (noise * noise))
        sums = x @ weights + spread * self.generator.standard_normal(spread.shape)
        return adc(np.rint(sums).astype(np.int64), mapping.adc_shift,
                   self.adc_bits or mapping.activation_bits)


def read_noise(seed: int, counts: np.ndarray, place: np.ndarray) -> np.ndarray:
    first = _mix((seed + counts.astype(np.int64) * 0x9E3779B9).astype(np.uint32))
    mixed = _mix(first[:, np.newaxis, np.newaxis] ^ place)
    return mixed.view(np.uint8).reshape(*mixed.shape, 4).sum(-1, dtype=np.int64) - 510


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
