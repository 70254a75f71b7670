# SPDX-License-Identifier: Apache-2.0
"""What a macro's conversions give, in integers: one code for every pixel and column.

Operands and weights are those of the enabled rows and ADCs alone; what others hold plays no part.
"""

import numpy as np

from .noise import NOISE_GAIN, counter_noise

__all__ = ["CELL_STEPS", "DIGITAL_OVERHEAD", "digital_codes", "digital_cycles", "grouped_planes",
           "low_bits", "needed_planes", "pcm_code", "pcm_codes", "pcm_weights", "read_weights",
           "sign_groups"]

DIGITAL_OVERHEAD = 2
"""Cycles of a digital conversion beside those of its planes."""
CELL_STEPS = 32
"""Steps of a PCM cell's conductance for one of its weight."""
CHUNK = 1 << 22
"""Cells of several conversions whose noise is worked out at once."""


def low_bits(values: np.ndarray, bits: int, is_signed: bool = True) -> np.ndarray:
    """The number that the low ``bits`` (1 ... 8) of each value are, int64: two's complement, or
    unsigned."""
    low = np.asarray(values).astype(np.int64) & (1 << bits) - 1
    return low - ((low >> bits - 1 & 1) << bits) if is_signed else low


def digital_codes(operands: np.ndarray, weights: np.ndarray, *, activation_bits: int = 8,
                  weight_bits: int = 8, is_signed: bool = True, code_bits: int = 32,
                  fragment: int = 0) -> np.ndarray:
    """Codes of the digital macro, int64 [pixels, columns], of ``operands`` [pixels, rows] and
    ``weights`` [rows, columns]: ``sum(operand * weight)`` of the low bits that count, exact, modulo
    ``2**code_bits`` in two's complement.

    Of sign-grouped columns, ``fragment`` rows of one sign from row 0 on, those are the low bits of
    magnitudes, one less (FORMS, section 3). Raises ValueError where a fragment has both signs.
    """
    x = low_bits(operands, activation_bits, is_signed).astype(np.float64)
    w = low_bits(weights, weight_bits).astype(np.float64)
    if fragment:
        magnitudes, signs = sign_groups(weights, fragment)
        low = magnitudes & (1 << grouped_planes(weight_bits)) - 1
        w = np.where(np.repeat(signs, fragment, axis=0), -low, low).astype(np.float64)
    sums = np.rint(x @ w).astype(np.int64)  # exact: far below 2**53, and fast
    half = 1 << code_bits - 1
    return (sums + half & 2 * half - 1) - half


def sign_groups(weights: np.ndarray, fragment: int) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes of ``weights`` [rows, columns], and of every ``fragment`` rows of a column whether
    they are negative, bool [rows / fragment, columns]. Raises ValueError where they have both signs
    or a magnitude more than 7 bits."""
    weights = np.asarray(weights).astype(np.int64)
    groups = weights.reshape(-1, fragment, weights.shape[1])
    mixed = (groups < 0).any(axis=1) & (groups > 0).any(axis=1)
    if mixed.any():
        group, column = np.argwhere(mixed)[0].tolist()
        raise ValueError(f"Weights of a fragment must have one sign, not both, in rows "
                         f"{group * fragment} ... {(group + 1) * fragment - 1} of column {column}")
    if (weights < -127).any():
        row, column = np.argwhere(weights < -127)[0].tolist()
        raise ValueError(f"Weights of sign-grouped columns must be at least -127, not "
                         f"{weights[row, column]}, in row {row} of column {column}")
    return np.abs(weights), (groups < 0).any(axis=1)


def grouped_planes(weight_bits: int) -> int:
    """Planes of magnitudes of sign-grouped weights of ``weight_bits``; at least 1."""
    return max(weight_bits - 1, 1)


def needed_planes(operands: np.ndarray, *, activation_bits: int = 8,
                  is_signed: bool = True) -> np.ndarray:
    """Bit planes of [pixels, rows] without which operands would change, [pixels], 1 ... 8: the
    longest two's complement or unsigned length of a pixel's operands, where 0 has length 1. The
    planes before these are copies of the sign, or zero (FORMS, section 3: effective input cycles).
    """
    x = low_bits(operands, activation_bits, is_signed)
    # A negative number is as long as its inverse.
    magnitude = np.where(x < 0, ~x, x).max(axis=1, initial=0)
    lengths = (magnitude[:, None] >> np.arange(8) > 0).sum(axis=1)
    return np.maximum(lengths + is_signed, 1)


def digital_cycles(operands: np.ndarray, *, activation_bits: int = 8, weight_bits: int = 8,
                   is_signed: bool = True, early_stop: bool = False,
                   fragment: int = 0) -> np.ndarray:
    """Cycles of the digital macro's conversions, [pixels], from a ``fire`` to the next one that is
    possible: one a plane of activations and of weights, of which sign-grouped columns have one
    less, and the overhead."""
    planes = np.full(len(operands), activation_bits)
    if early_stop:
        planes = needed_planes(operands, activation_bits=activation_bits, is_signed=is_signed)
    weight_planes = grouped_planes(weight_bits) if fragment else weight_bits
    return planes * weight_planes + DIGITAL_OVERHEAD


def read_weights(cells: np.ndarray, sigmas: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """What a conversion sees of PCM cells, int64: ``cells + sigmas * noise / 147.8``, rounded half
    up; ``noise`` as ``counter_noise`` gives it."""
    scaled = np.asarray(sigmas, np.int64) * np.asarray(noise, np.int64) * NOISE_GAIN
    return np.asarray(cells, np.int64) + (scaled + (1 << 15) >> 16)


def pcm_weights(weights: np.ndarray) -> np.ndarray:
    """Cells without an error, int16, of int8 weights."""
    return np.asarray(weights, np.int16) * np.int16(CELL_STEPS)


def pcm_code(sums: np.ndarray, *, adc_bits: int, adc_shift: int) -> np.ndarray:
    """The ADC: ``sums / 2**adc_shift``, rounded half up, clipped to ``adc_bits`` with symmetric
    ends (AnalogNets, section 3: one gain, of the hardware)."""
    top = (1 << adc_bits - 1) - 1
    half = 1 << adc_shift - 1 if adc_shift else 0
    return np.clip(np.asarray(sums, np.int64) + half >> adc_shift, -top, top)


def pcm_codes(operands: np.ndarray, cells: np.ndarray, sigmas: np.ndarray, *,
              conversions: np.ndarray, rows: np.ndarray, columns: np.ndarray, seed: int = 0,
              activation_bits: int = 8, is_signed: bool = True, adc_shift: int = 0,
              adc_bits: int | None = None) -> np.ndarray:
    """Codes of the PCM macro, int64 [pixels, columns].

    ``operands`` [pixels, rows]; ``cells`` int16 and ``sigmas`` uint16 [rows, columns], conductance
    and its read noise's standard deviation in steps; ``rows`` and ``columns``: where they lie in
    the array; ``conversions`` [pixels]: how many there were before each since reset;
    ``adc_bits``: None for those of activations.
    """
    x = low_bits(operands, activation_bits, is_signed)
    cells = np.asarray(cells, np.int64)
    if not np.any(sigmas):
        sums = np.rint(x.astype(np.float64) @ cells.astype(np.float64)).astype(np.int64)
    else:
        sums = np.empty((len(x), cells.shape[1]), np.int64)
        step = max(CHUNK // max(cells.size, 1), 1)
        for first in range(0, len(x), step):
            chunk = slice(first, first + step)
            noise = counter_noise(seed, np.asarray(conversions)[chunk], rows, columns)
            seen = read_weights(cells, sigmas, noise)
            sums[chunk] = np.rint(np.matmul(
                x[chunk, None, :].astype(np.float64), seen.astype(np.float64)))[:, 0]
    return pcm_code(sums, adc_bits=adc_bits or activation_bits, adc_shift=adc_shift)
