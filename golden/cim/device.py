# SPDX-License-Identifier: Apache-2.0
"""Phase-change memory: conductances after programming, their drift and their read noise.

The statistical model of measured devices of Nandakumar et al. (ICECS 2019), with the constants of
aihwkit (``inference/noise/pcm.py``), on which AnalogNets' simulator builds too. A weight is a pair
of devices, of which one is programmed to ``|weight| / 127 * G_MAX``, the other to 0; both have
noise. Conductances become integers here, so that golden and Verilog share every bit behind.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .conversion import CELL_STEPS, pcm_weights
from .quantisers import GDC_ONE

__all__ = ["G_MAX", "T_0", "Cells", "Devices", "compensation", "ideal", "program"]

G_MAX = 25.0
"""Conductance of the weight 127, microsiemens."""
T_0 = 20.0
"""Seconds from programming to the first reading, from which on devices drift."""

_T_READ = 250e-9
_LEAST = 1e-7
_CELL = 127 * CELL_STEPS / G_MAX
_GDC_MOST = (1 << 16) - 1


@dataclass(frozen=True, eq=False)
class Cells:
    """``weights`` int16 [rows, columns], differences of pairs, ``CELL_STEPS`` a step of the int8
    weight; ``noise`` uint16 [rows, columns], standard deviation of a reading in the same unit."""

    weights: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True, eq=False)
class Devices:
    """Pairs of devices, the one for positive weights first.

    ``conductance`` [2, rows, columns]: after programming, microsiemens, never negative;
    ``exponent`` [2, rows, columns]: nu, with which each of them drifts.
    """

    conductance: np.ndarray
    exponent: np.ndarray

    def drifted(self, time: float) -> np.ndarray:
        """``g(t) = g (t / T_0)**-nu``, microsiemens, ``time`` seconds since programming."""
        if not T_0 <= time < float("inf"):
            raise ValueError(f"Time since programming must be at least {T_0:g} s, not {time!r}")
        factor = np.exp(-np.log(time / T_0) * self.exponent, where=self.conductance > 0,
                        out=np.zeros(self.conductance.shape))
        return self.conductance * factor

    @cached_property
    def _quality(self) -> np.ndarray:
        relative = np.maximum(self.conductance / G_MAX, _LEAST)
        return np.minimum(0.0088 / relative ** 0.65, 0.2)

    def read_noise(self, time: float) -> np.ndarray:
        """Standard deviation of a reading, microsiemens:
        ``g(t) Q sqrt(ln((t + T_READ) / (2 T_READ)))``, ``Q = min(0.0088 / (g / G_MAX)**0.65,
        0.2)``, ``T_READ`` = 250 ns."""
        return self._noise(self.drifted(time), time)

    def _noise(self, drifted: np.ndarray, time: float) -> np.ndarray:
        return drifted * self._quality * np.sqrt(np.log((time + _T_READ) / (2 * _T_READ)))

    def cells(self, time: float) -> Cells:
        """What the array holds ``time`` seconds after programming: differences of pairs, rounded.

        A reading is normal around a pair's difference; that a single device's never falls below
        zero, which would show in those below 0.2 microsiemens, is left out.
        """
        drifted = self.drifted(time)
        positive, negative = drifted
        noise = np.sqrt((self._noise(drifted, time) ** 2).sum(0))
        return Cells(
            np.clip(np.rint((positive - negative) * _CELL), -32768, 32767).astype(np.int16),
            np.minimum(np.rint(noise * _CELL), 65535).astype(np.uint16))


def program(weights: np.ndarray, seed: int | np.random.Generator,
            written: np.ndarray | None = None) -> Devices:
    """Program int8 ``weights`` [rows, columns]; the same ``seed``, the same devices.

    With g the target over ``G_MAX``: conductances are normal around the target with a standard
    deviation of ``0.26348 + 1.9650 g - 1.1731 g**2`` microsiemens, not below 0; exponents are
    ``|N(m, s)|``, ``m = clip(-0.0155 ln g + 0.0244, 0.049, 0.1)``, ``s = clip(-0.0125 ln g -
    0.0059, 0.008, 0.045)``. Cells outside ``written`` (bool, like ``weights``) stay at 0.
    """
    if weights.dtype != np.int8:
        raise TypeError(f"Weights must be int8, not {str(weights.dtype)!r}")
    generator = np.random.default_rng(seed)
    signed = np.stack([weights, -weights.astype(np.int16)])
    target = np.minimum(np.maximum(signed, 0) / 127, 1.0)
    spread = 0.26348 + 1.9650 * target - 1.1731 * target ** 2
    conductance = np.maximum(
        target * G_MAX + spread * generator.standard_normal(target.shape), 0)
    logarithm = np.log(np.maximum(target, _LEAST))
    mean = np.clip(-0.0155 * logarithm + 0.0244, 0.049, 0.1)
    deviation = np.clip(-0.0125 * logarithm - 0.0059, 0.008, 0.045)
    exponent = np.abs(mean + deviation * generator.standard_normal(target.shape))
    if written is not None:
        conductance = np.where(written, conductance, 0)
    return Devices(conductance, exponent)


def ideal(weights: np.ndarray) -> Cells:
    """Cells of int8 ``weights`` [rows, columns] without any noise or drift."""
    return Cells(pcm_weights(weights), np.zeros(weights.shape, np.uint16))


def compensation(before: Cells, after: Cells,
                 regions: Iterable[tuple[slice, np.ndarray]]) -> int:
    """Factor of global drift compensation, ``GDC_ONE`` = 1.0, 16 bits.

    The procedure of aihwkit's documentation (AnalogNets, section 4): ones on all rows, columns'
    sums read ``before``, right after programming, and ``after``; the factor is the ratio of the
    sums of their magnitudes. Readings are averaged until their noise is gone. ``regions``: rows
    and columns that a conversion reads, of every row tile.
    """
    regions = list(regions)
    first, now = (sum(int(np.abs(cells.weights[rows][:, columns].sum(0, dtype=np.int64)).sum())
                      for rows, columns in regions) for cells in (before, after))
    if not now:
        return GDC_ONE
    return min((GDC_ONE * first + now // 2) // now, _GDC_MOST)
