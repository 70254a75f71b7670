# SPDX-License-Identifier: Apache-2.0
"""Small networks that use every unit of the core."""

from dataclasses import replace

import numpy as np

from ..golden import network as golden
from ..golden.numerics import Requantise, Rounding

__all__ = ["branching_network", "deep_network", "random_addition", "small_network"]


def random_addition(rng: np.random.Generator, name: str, sources: tuple[int, int], output: int,
                    zero_points: tuple[int, int], zero_point: int) -> golden.Add:
    """ADD with random scales, whose results use most of the int8 range."""
    multipliers = tuple(int(value) for value in rng.integers(2**30, 2**31, 3))
    shifts = (int(rng.integers(0, 4)), int(rng.integers(0, 4)), int(rng.integers(16, 20)))
    return golden.Add(name, "ADD", sources, output, zero_points, multipliers, shifts, zero_point,
                      -128, 127)


def small_network(rng: np.random.Generator, *, adds: bool = True) -> golden.Network:
    """Convolution of stride 2, depthwise, ADD, depthwise and 1x1 (which may be fused), global
    pool, fully connected; 8 x 10 x 3 in. Without ADD where ``adds`` is false."""

    def requantise(channels: int, rounding=Rounding.DOUBLE) -> Requantise:
        return Requantise(
            multiplier=rng.integers(2**30, 2**31, channels).astype(np.int32),
            shift=rng.integers(6, 10, channels).astype(np.int32),
            zero_point=-128 if rounding is Rounding.DOUBLE else 4, low=-128, high=127,
            rounding=rounding)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    def bias(channels: int) -> np.ndarray:
        return rng.integers(-9000, 9000, channels).astype(np.int32)

    layers = (
        golden.Convolution("conv", "CONV_2D", (0,), 1, weights(16, 3, 3, 3), bias(16), (2, 2),
                           (0, 1, 0, 1), 7, requantise(16)),
        golden.DepthwiseConvolution("depthwise", "DEPTHWISE_CONV_2D", (1,), 2, weights(3, 3, 16),
                                    bias(16), (1, 1), (1, 1, 1, 1), -128, requantise(16)),
        *([random_addition(rng, "sum", (1, 2), 3, (-128, -128), -128)] if adds else []),
        golden.DepthwiseConvolution("separable", "DEPTHWISE_CONV_2D", (3 if adds else 2,), 4,
                                    weights(3, 3, 16), bias(16), (1, 1), (1, 1, 1, 1), -128,
                                    requantise(16)),
        golden.Convolution("pointwise", "CONV_2D", (4,), 5, weights(24, 1, 1, 16), bias(24),
                           (1, 1), (0, 0, 0, 0), -128, requantise(24)),
        golden.AveragePool("pool", "AVERAGE_POOL_2D", (5,), 6, (4, 5), (1, 1), (0, 0, 0, 0),
                           -128, 127),
        golden.FullyConnected("dense", "FULLY_CONNECTED", (6,), 7, weights(16, 24), bias(16),
                              -128, requantise(16, Rounding.SINGLE)),
    )
    shapes = {0: (8, 10, 3), 1: (4, 5, 16), 2: (4, 5, 16), 3: (4, 5, 16), 4: (4, 5, 16),
              5: (4, 5, 24), 6: (1, 1, 24), 7: (16,)}
    tensors = {index: golden.Tensor(index, f"t{index}", (1, *shape))
               for index, shape in shapes.items() if adds or index != 3}
    return golden.Network("small", tensors, layers, (0,), (7,))


def of_one_sign(rng: np.random.Generator, network: golden.Network) -> golden.Network:
    """``network``, the weights of each output channel with one sign, as sign-grouped columns of a
    compute-in-memory macro have them."""

    def signed(layer: golden.Layer) -> golden.Layer:
        if (weights := getattr(layer, "weights", None)) is None:
            return layer
        depthwise = isinstance(layer, golden.DepthwiseConvolution)
        sign = rng.choice(np.array([-1, 1], np.int8), weights.shape[-1 if depthwise else 0])
        shape = (1,) * (weights.ndim - 1)
        return replace(layer, weights=np.abs(weights) * sign.reshape(
            (*shape, -1) if depthwise else (-1, *shape)))

    return replace(network, layers=tuple(map(signed, network.layers)))


def deep_network(rng: np.random.Generator, side: int) -> golden.Network:
    """Convolution (3x3, then 1x1), depthwise and ADD twice, with tensors of 24 channels and
    ``side`` x ``side`` pixels; then a convolution of stride 2, global pool and 512 outputs."""

    def requantise(channels: int, rounding=Rounding.DOUBLE) -> Requantise:
        return Requantise(multiplier=rng.integers(2**30, 2**31, channels).astype(np.int32),
                          shift=rng.integers(6, 10, channels).astype(np.int32), zero_point=-128,
                          low=-128, high=127, rounding=rounding)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    def bias(channels: int) -> np.ndarray:
        return rng.integers(-9000, 9000, channels).astype(np.int32)

    layers: list[golden.Layer] = []
    shapes: list[tuple[int, ...]] = [(side, side, 8)]

    def convolution(channels: int, kernel: int, stride: int = 1) -> None:
        height, width, before = shapes[-1]
        layers.append(golden.Convolution(
            f"conv{len(layers)}", "CONV_2D", (len(layers),), len(layers) + 1,
            weights(channels, kernel, kernel, before), bias(channels), (stride, stride),
            (kernel // 2,) * 4, -128, requantise(channels)))
        shapes.append((-(-height // stride), -(-width // stride), channels))

    for kernel in (3, 1):
        convolution(24, kernel)
        number = len(layers)
        layers += [
            golden.DepthwiseConvolution(
                f"depthwise{number}", "DEPTHWISE_CONV_2D", (number,), number + 1,
                weights(3, 3, 24), bias(24), (1, 1), (1, 1, 1, 1), -128, requantise(24)),
            random_addition(rng, f"sum{number}", (number, number + 1), number + 2, (-128, -128),
                            -128)]
        shapes += 2 * shapes[-1:]
    convolution(16, 3, stride=2)
    end = len(layers)
    layers += [
        golden.AveragePool("pool", "AVERAGE_POOL_2D", (end,), end + 1, shapes[-1][:2], (1, 1),
                           (0, 0, 0, 0), -128, 127),
        golden.FullyConnected("dense", "FULLY_CONNECTED", (end + 1,), end + 2, weights(512, 16),
                              bias(512), -128, requantise(512, Rounding.SINGLE))]
    shapes += [(1, 1, 16), (512,)]
    tensors = {index: golden.Tensor(index, f"t{index}", (1, *shape))
               for index, shape in enumerate(shapes)}
    return golden.Network("deep", tensors, tuple(layers), (0,), (len(layers),))


def branching_network(rng: np.random.Generator) -> golden.Network:
    """What ``small_network`` has not: both pools with padding, PAD, CONCATENATION of whole and of
    broken blocks and of rows, ReLU, mean, depth multiplier; 7 x 6 x 8 in."""

    def requantise(channels: int, rounding=Rounding.DOUBLE, shift: int = 7) -> Requantise:
        return Requantise(multiplier=rng.integers(2**30, 2**31, channels).astype(np.int32),
                          shift=np.full(channels, shift, np.int32), zero_point=-9, low=-128,
                          high=127, rounding=rounding)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-127, 128, shape).astype(np.int8)

    def bias(channels: int) -> np.ndarray:
        return rng.integers(-900, 900, channels).astype(np.int32)

    def convolution(name: str, source: int, output: int, channels: int, shape: tuple,
                    padding: int) -> golden.Convolution:
        return golden.Convolution(name, "CONV_2D", (source,), output, weights(channels, *shape),
                                  bias(channels), (1, 1), (padding,) * 4, -9, requantise(channels))

    around = ((0, 0), (1, 1), (1, 1), (0, 0))
    layers = (
        golden.MaxPool("max", "MAX_POOL_2D", (0,), 1, (3, 3), (1, 1), (1, 1, 1, 1), -128, 120),
        golden.AveragePool("average", "AVERAGE_POOL_2D", (0,), 2, (3, 3), (1, 1), (1, 1, 1, 1),
                           -128, 127),
        golden.Concatenation("blocks", "CONCATENATION", (0, 1, 2), 3, 3),
        golden.Pad("folded", "PAD", (3,), 4, around, -9),
        convolution("padded", 4, 5, 5, (3, 3, 24), 0),
        convolution("pointwise", 3, 6, 7, (1, 1, 24), 0),
        golden.Concatenation("channels", "CONCATENATION", (5, 6, 5), 7, 3),
        golden.Rescale("relu", "RELU", (7,), 8, -9, 1,
                       replace(requantise(1, shift=1), low=-9)),
        golden.Pad("framed", "PADV2", (8,), 9, around, 33),
        golden.DepthwiseConvolution("doubled", "DEPTHWISE_CONV_2D", (9,), 10, weights(3, 3, 34),
                                    bias(34), (2, 2), (0, 0, 0, 0), -9, requantise(34)),
        golden.MaxPool("column", "MAX_POOL_2D", (10,), 11, (2, 3), (2, 2), (0, 0, 0, 0), -60, 127),
        golden.Mean("mean", "MEAN", (10,), 12, (1, 2), -9, 0, requantise(1, shift=2)),
        golden.Concatenation("rows", "CONCATENATION", (11, 12), 13, 1),
        golden.FullyConnected("dense", "FULLY_CONNECTED", (13,), 14, weights(9, 3 * 34), bias(9),
                              -9, requantise(9, Rounding.SINGLE)),
    )
    shapes = {0: (7, 6, 8), 1: (7, 6, 8), 2: (7, 6, 8), 3: (7, 6, 24), 4: (9, 8, 24),
              5: (7, 6, 5), 6: (7, 6, 7), 7: (7, 6, 17), 8: (7, 6, 17), 9: (9, 8, 17),
              10: (4, 3, 34), 11: (2, 1, 34), 12: (1, 1, 34), 13: (3, 1, 34), 14: (9,)}
    tensors = {index: golden.Tensor(index, f"t{index}", (1, *shape), zero_point=-9)
               for index, shape in shapes.items()}
    return golden.Network("branching", tensors, layers, (0,), (14,))
