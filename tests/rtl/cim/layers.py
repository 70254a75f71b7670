# SPDX-License-Identifier: Apache-2.0
"""Layers for the core with a macro, and what they should give, straight from the definition."""

import random
from dataclasses import dataclass, field

import numpy as np
from systolith.golden.cim.conversion import digital_codes
from systolith.rtl.cim.fields import GDC_ONE
from systolith.rtl.sequencer.descriptor import Rounding

from ..postproc.reference import requantised, wrap

__all__ = ["Layer", "plane", "random_layer"]


@dataclass
class Layer:
    """A convolution of ``x`` [height, width, channels] with ``weights`` [kh, kw, channels, n].

    ``places``: (row, ADC, phase) of each row tile; ``cuts``: words of each; ``fields`` beside;
    ``change``, ``change_fields``: of the
    descriptor."""

    x: np.ndarray
    weights: np.ndarray
    stride: int
    pad: int
    is_signed: bool
    places: list
    words: list
    adcs: int
    phases: int
    fields: dict
    requantise: dict
    channel_parameters: list
    change: dict
    change_fields: dict = field(default_factory=dict)

    @property
    def out_shape(self):
        h, w, _ = self.x.shape
        kh, kw, _, channels = self.weights.shape
        return ((h + 2 * self.pad - kh) // self.stride + 1,
                (w + 2 * self.pad - kw) // self.stride + 1, channels)

    @property
    def pad_operand(self):
        """What a pixel outside of the input is, as the rows get it."""
        return -3 if self.is_signed else 5

    @property
    def blocks(self):
        return -(-self.x.shape[2] // 8)

    @property
    def taps(self):
        """Channel block, kernel row and column of each word, in order."""
        kh, kw = self.weights.shape[:2]
        return [(b, y, x) for b in range(self.blocks) for y in range(kh) for x in range(kw)]

    def rows_of(self, word):
        """Channels of a word."""
        block = self.taps[word][0]
        return range(8 * block, min(8 * block + 8, self.x.shape[2]))

    def tiles(self):
        """Words of each tile."""
        first = 0
        for count in self.words:
            yield range(first, first + count)
            first += count

    def place_weights(self, p, array):
        """Write the layer's weights into ``array`` [rows, columns]; returns what was written."""
        written = []
        for (row, adc, phase), tile in zip(self.places, self.tiles(), strict=True):
            for word in tile:
                _, ky, kx = self.taps[word]
                for channel in self.rows_of(word):
                    for k in range(self.weights.shape[3]):
                        column = p.column(adc + k % self.adcs, phase + k // self.adcs)
                        array[row, column] = self.weights[ky, kx, channel, k]
                        written.append((row, column))
                    row += 1
        return written

    def expected(self, gdc=GDC_ONE):
        """The result, int8 [height, width, channels]."""
        f = self.fields
        height, width, channels = self.out_shape
        sums = np.zeros((height * width, channels), np.int64)
        factor = (f["scale"] * gdc + GDC_ONE // 2) // GDC_ONE
        half = (1 << f["scale_shift"]) >> 1
        zero = 0 if self.is_signed else 128
        padded = np.zeros((self.x.shape[0] + 2 * self.pad, self.x.shape[1] + 2 * self.pad,
                           self.x.shape[2]), np.int64)
        padded[:] = self.pad_operand
        inner = slice(self.pad, self.pad + self.x.shape[0]), slice(
            self.pad, self.pad + self.x.shape[1])
        padded[inner] = self.x.astype(np.int64) + zero
        operands = _quantised(padded, f["activation_bits"], self.is_signed)
        for tile in self.tiles():
            matrix, weights = [], []
            for word in tile:
                _, ky, kx = self.taps[word]
                for channel in self.rows_of(word):
                    matrix.append([operands[y * self.stride + ky, x * self.stride + kx, channel]
                                   for y in range(height) for x in range(width)])
                    weights.append(self.weights[ky, kx, channel])
            codes = digital_codes(
                np.array(matrix).T, np.array(weights), activation_bits=f["activation_bits"],
                weight_bits=f["weight_bits"], is_signed=self.is_signed)
            sums += (codes * factor + half) >> f["scale_shift"]
        result = np.zeros((height * width, channels), np.int8)
        for pixel in range(height * width):
            for k in range(channels):
                c = self.channel_parameters[k]
                result[pixel, k] = requantised(
                    wrap(int(sums[pixel, k])), c["multiplier"], c["bias"], c["shift"],
                    **self.requantise)
        return result.reshape(self.out_shape)


def plane(shape):
    """Words from one channel block to the next: odd, so that neighbours lie in different banks."""
    return shape[0] * shape[1] | 1


def _quantised(x, bits, is_signed):
    top = (1 << bits - 1) - 1 if is_signed else (1 << bits) - 1
    drop = 8 - bits
    return np.minimum((x + ((1 << drop) >> 1)) >> drop, top)


def random_layer(seed, p, *, channels_in, channels_out, kernel=(1, 1), size=(2, 3), stride=1,
                 pad=0, tiles=1, phases=1, bits=(8, 8), signed=False, scale=None, change=None,
                 x=None):
    """A layer that fits the macro ``p``: its tiles one below the other, or in other columns."""
    rng = random.Random(seed)
    nrng = np.random.default_rng(seed)
    kh, kw = kernel
    weights = nrng.integers(-128, 128, (kh, kw, channels_in, channels_out))
    layer = Layer(
        x=nrng.integers(-128, 128, (*size, channels_in), dtype=np.int8) if x is None else x,
        weights=weights,
        stride=stride, pad=pad, is_signed=signed, places=[], words=[], adcs=0, phases=phases,
        fields={"activation_bits": bits[0], "weight_bits": bits[1], "adc_shift": rng.randrange(32),
                "scale": 1, "scale_shift": 0} | (scale or {}),
        requantise={"rounding": rng.choice([Rounding.DOUBLE, Rounding.SINGLE]),
                    "zero_point": rng.randint(-128, 127), "low": -128, "high": 127},
        channel_parameters=[{"multiplier": rng.randrange(1 << 30, 1 << 31), "shift": 8,
                             "bias": rng.randint(-20_000, 20_000)} for _ in range(channels_out)],
        change=change or {})
    words = len(layer.taps)
    tiles = min(tiles, words)
    layer.words = [words // tiles + (index < words % tiles) for index in range(tiles)]
    heights = [sum(len(layer.rows_of(word)) for word in tile) for tile in layer.tiles()]
    layer.adcs = channels_out if phases == 1 else -(-channels_out // phases // p.lanes) * p.lanes
    groups = (p.adcs - layer.adcs) // p.lanes
    row = rng.randint(0, max(p.rows - sum(heights), 0))
    beside = tiles * phases <= p.mux and (row + sum(heights) > p.rows or rng.random() < 0.5)
    for index, height in enumerate(heights):
        phase = index * phases if beside else rng.randint(0, p.mux - phases)
        layer.places.append((rng.randint(0, p.rows - height) if beside else row,
                             p.lanes * rng.randint(0, groups), phase))
        row += height
    return layer
