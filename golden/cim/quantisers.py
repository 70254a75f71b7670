# SPDX-License-Identifier: Apache-2.0
"""The quantisers around an array, in integers: row drivers, the digital scale behind the ADCs.

AnalogNets and AON-CiM, section 4: ``xq = round(clip(x, +-rD) / dD)`` ahead of the array,
``yq = round(clip(y, +-rA) / dA)`` behind it, with one fixed gain of all ADCs. Steps are powers of
two here: of the drivers ``2**(8 - bits)``, of the ADCs, which ``conversion.pcm_code`` has,
``2**adc_shift``.
"""

import numpy as np

__all__ = ["GDC_ONE", "dac", "digital_scale", "effective_scale"]

GDC_ONE = 1 << 13
"""Drift compensation of 1.0, as the register has it."""


def dac(operands: np.ndarray, bits: int, *, signed: bool) -> np.ndarray:
    """Operands of 8 bits to ``bits``: ``x / 2**(8 - bits)``, rounded half up, at most the largest
    number of so many bits. ``signed``: two's complement, otherwise unsigned; int64."""
    if not 1 <= bits <= 8:
        raise ValueError(f"Activation bits must be 1 ... 8, not {bits!r}")
    wide = operands.astype(np.int64)
    if bits == 8:
        return wide
    most = (1 << (bits - signed)) - 1
    return np.minimum((wide + (1 << (7 - bits))) >> (8 - bits), most)


def effective_scale(scale: int, gdc: int = GDC_ONE) -> int:
    """A layer's ``scale`` with the drift compensation in it: ``scale * gdc / GDC_ONE``, rounded
    half up."""
    return (scale * gdc + GDC_ONE // 2) // GDC_ONE


def digital_scale(codes: np.ndarray, factor: int, shift: int) -> np.ndarray:
    """``codes * factor / 2**shift``, rounded half up; int64."""
    return (codes.astype(np.int64) * factor + ((1 << shift) >> 1)) >> shift
