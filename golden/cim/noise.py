# SPDX-License-Identifier: Apache-2.0
"""Read noise as integers: a hash of conversion and cell, the same in NumPy and in Verilog.

A counter takes the place of a generator's state, so that every cell's noise in every conversion is
known by itself, in any order (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
1, 2, 3", 2011).
"""

import numpy as np

__all__ = ["NOISE_GAIN", "WEYL", "counter_noise", "mix"]

WEYL = 0x9E3779B9
"""By which the seed grows from conversion to conversion: 2**32 over the golden ratio, odd."""
NOISE_GAIN = 443
"""Standard deviation of ``counter_noise`` times this is 2**16, within 0.1 %: that of four bytes
is ``sqrt(4 * (2**16 - 1) / 12) = 147.8``."""


def mix(x: np.ndarray) -> np.ndarray:
    """A bijection of 32-bit words, uint32, in which every bit depends on all (Wellons' "lowbias32",
    "Prospecting for hash functions", 2018)."""
    x = np.asarray(x, np.uint32)
    x = (x ^ x >> np.uint32(16)) * np.uint32(0x7FEB352D)
    x = (x ^ x >> np.uint32(15)) * np.uint32(0x846CA68B)
    return x ^ x >> np.uint32(16)


def counter_noise(seed: int, conversions: np.ndarray, rows: np.ndarray,
                  columns: np.ndarray) -> np.ndarray:
    """Noise of cells in conversions, int32 [conversions, rows, columns], -510 ... 510.

    ``h = mix(mix(seed + k * WEYL) ^ (row << 16 | column))`` modulo 2**32 for conversion ``k``
    since reset and a cell's place in the array; the sum of h's four bytes less their mean, 510.
    """
    keys = (np.asarray(conversions, np.uint64) * np.uint64(WEYL) + np.uint64(seed & 0xFFFFFFFF)
            & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    places = (np.asarray(rows, np.uint32)[:, None] << np.uint32(16)
              | np.asarray(columns, np.uint32)[None, :])
    words = np.ascontiguousarray(mix(mix(keys)[:, None, None] ^ places))
    return words.view(np.uint8).reshape(*words.shape, 4).sum(-1, dtype=np.int32) - 510
