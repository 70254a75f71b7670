# SPDX-License-Identifier: Apache-2.0
"""What an array is given: operands of real pixels, weights of real channels."""

from dataclasses import dataclass

import numpy as np

from ....golden.cim.conversion import digital_codes, digital_cycles
from ....golden.cim.quantisers import dac
from ....golden.dbb import BLOCK
from ..workloads import Matrices

__all__ = ["Conversions", "conversions"]

PIXELS, CHANNELS = 8, 3
"""Of a layer that are simulated: neighbouring pixels, for one channel after the other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversions:
    """Conversions of one ADC, one after the other.

    ``operands`` int16 [conversions, rows], of two's complement if ``signed``; ``weights`` int8
    [conversions, rows]; the first ``used`` rows are enabled. ``others``: codes of further channels
    for the same pixels, [conversions, channels], which other ADCs leave.
    """

    operands: np.ndarray
    weights: np.ndarray
    used: int
    signed: bool
    activation_bits: int
    weight_bits: int
    others: np.ndarray

    @property
    def enabled(self) -> np.ndarray:
        """Operands of enabled rows, others zero."""
        return np.where(np.arange(self.operands.shape[1]) < self.used, self.operands, 0)

    def codes(self, code_bits: int) -> np.ndarray:
        """Golden's, one a conversion."""
        return np.concatenate([digital_codes(
            x[None], w[:, None], activation_bits=self.activation_bits,
            weight_bits=self.weight_bits, is_signed=self.signed, code_bits=code_bits)[0]
            for x, w in zip(self.enabled, self.weights, strict=True)])

    def cycles(self, early_stop: bool) -> np.ndarray:
        """Golden's, from one ``fire`` to the next."""
        return digital_cycles(
            self.enabled, activation_bits=self.activation_bits, weight_bits=self.weight_bits,
            is_signed=self.signed, early_stop=early_stop)


def conversions(work: Matrices, *, rows: int, code_bits: int, activation_bits: int = 8,
                weight_bits: int = 8, pixels: int = PIXELS,
                channels: int = CHANNELS) -> Conversions:
    """A layer on an array of ``rows``: neighbouring pixels from its middle for some of its
    channels, spread over all; weights are rounded as operands are. Of a layer with more rows the
    first tile; where it has fewer the other rows' cells hold its weights again, and are not
    enabled."""
    there = np.arange(BLOCK) < work.sizes[:, None]
    x = dac(work.x[:, there], activation_bits, signed=work.signed)
    w = dac(work.w[:, there], weight_bits, signed=True)
    used = min(x.shape[1], rows)
    start = max((len(x) - pixels) // 2, 0)
    chosen = np.arange(start, start + pixels) % len(x)
    places = np.linspace(0, len(w) - 1, channels).astype(int)
    operands = np.zeros((pixels, rows), np.int16)
    operands[:, :used] = x[chosen, :used]
    codes = digital_codes(operands[:, :used], w[:, :used].T, activation_bits=activation_bits,
                          weight_bits=weight_bits, is_signed=work.signed, code_bits=code_bits)
    cells = np.stack([np.resize(w[place, :used], rows) for place in places])
    return Conversions(
        operands=np.tile(operands, (channels, 1)), used=used, signed=work.signed,
        weights=np.repeat(cells, pixels, axis=0).astype(np.int8),
        activation_bits=activation_bits, weight_bits=weight_bits,
        others=np.tile(codes, (channels, 1)))
