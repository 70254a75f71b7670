# SPDX-License-Identifier: Apache-2.0
"""Random specs and random small networks, from a seed."""

from dataclasses import replace

import numpy as np
from systolith.gen.compile import Program, bound_activations
from systolith.gen.compiler import compile_network
from systolith.gen.spec import Spec
from systolith.golden import network as golden
from systolith.golden.dbb import prune
from systolith.golden.numerics import Requantise, Rounding
from systolith.rtl.facts import EngineFacts
from systolith.rtl.kinds import KINDS
from systolith.verif.networks import random_addition

__all__ = ["KINDS_OF_LAYERS", "fuse_all", "random_bounds", "random_inputs", "random_network",
           "random_overrides", "thinned", "vector_network"]


KINDS_OF_LAYERS = ("conv", "conv", "depthwise", "pointwise", "pool", "add")


def fuse_all(spec: Spec, network: golden.Network) -> Program:
    """``network`` compiled with every possible chain, whether it pays or not."""
    return compile_network(spec, network, fuse="always")


def random_bounds(rng: np.random.Generator, network: golden.Network,
                  facts: EngineFacts) -> golden.Network:
    """``network`` with activations pruned at random, where ``facts`` has an engine for it."""
    if not facts.holds_weights:
        return network
    return bound_activations(network, facts, [str(rng.choice([1, 2, 3, 4, 5, 8]))])


def random_overrides(rng: np.random.Generator) -> list[str]:
    """Overrides of the spec ``demo``: any engine, shape, widths."""
    kind = str(rng.choice(list(KINDS)))
    if kind == "sa":
        rows, columns = int(rng.choice([8, 16])), int(rng.choice([8, 16, 24]))
        shape = {"a": 1, "b": 1, "c": 1, "m": rows, "n": columns}
    else:
        rows, columns = int(rng.choice([4, 8])), int(rng.choice([8, 16]))
        a, c = int(rng.choice([1, 2, 4])), int(rng.choice([2, 4, 8]))
        b = int(rng.choice(KINDS[kind].depths))
        rows = max(rows, 8 // b)  # a block of activations at least
        shape = {"a": a, "b": b, "c": c, "m": rows // a, "n": columns // c}
    weights = ([f"engine.weights={{block: 8, nnz: {int(rng.integers(1, 9))}}}"]
               if KINDS[kind].bounded else [])
    lanes = int(rng.choice([lane for lane in (8, 16, 24) if columns % lane == 0]))
    return [
        f"engine.kind={kind}",
        f"engine.tpe={{a: {shape['a']}, b: {shape['b']}, c: {shape['c']}}}",
        f"engine.grid={{m: {shape['m']}, n: {shape['n']}}}",
        *weights,
        f"postproc.lanes={lanes}",
        f"vector.lanes={int(rng.choice([8, 16]))}",
        f"vector.fused_channels={int(rng.choice([0, 24, 48]))}",
        f"drain.read_out={rng.choice(['overlapped', 'in-place'])}",
        "memory.activations=32 KiB", "memory.weights=256 KiB", "memory.program=32 KiB",
    ]


def _requantise(rng, channels: int, rounding=Rounding.DOUBLE) -> Requantise:
    low = int(rng.choice([-128, -20]))
    return Requantise(
        multiplier=rng.integers(2**30, 2**31, channels).astype(np.int32),
        shift=rng.integers(5, 11, channels).astype(np.int32),
        zero_point=int(rng.choice([-128, int(rng.integers(-128, 128))])), low=low, high=127,
        rounding=rounding)


def random_network(rng: np.random.Generator, *, layers: int = 4, separable: bool = False,
                   sides: tuple[int, int] = (5, 13),
                   kinds: tuple[str, ...] = KINDS_OF_LAYERS) -> golden.Network:
    """Random layers: any kernel, stride, padding, density, zero point, ADD; FC at the end.

    ``separable``: depthwise and 1x1 in turns. ``sides``: the input's shortest, and the one behind
    the longest. ``kinds``: layers to choose from.
    """
    height, width = (int(v) for v in rng.integers(*sides, 2))
    shape = (height, width, int(rng.choice([1, 3, 8, 12, 20])))
    zero = int(rng.choice([-128, 83, -5]))
    tensors = {0: golden.Tensor(0, "input", (1, *shape), zero_point=zero)}
    chain: list[golden.Layer] = []
    for index in range(1, layers + 2):
        names = {"sources": (index - 1,), "output": index, "name": f"layer{index}"}
        kind = "fc" if index == layers + 1 else str(rng.choice(list(kinds)))
        if separable and index <= layers:
            kind = "depthwise" if index % 2 else "pointwise"
        if kind == "pool" and (index < layers or min(shape[:2]) < 2):
            kind = "pointwise"
        channels = int(rng.integers(1, 41))
        if kind == "add":
            rivals = [tensor for tensor in tensors.values() if tensor.shape[1:] == shape]
            other = rivals[int(rng.integers(len(rivals)))]
            points = (other.zero_point, zero)
            zero = int(rng.choice([-128, int(rng.integers(-128, 128))]))
            layer = random_addition(rng, names["name"], (other.index, index - 1), index, points,
                                    zero)
            chain.append(layer)
            tensors[index] = golden.Tensor(index, names["name"], (1, *shape), zero_point=zero)
            continue
        if kind == "fc":
            flat = int(np.prod(shape))
            layer = golden.FullyConnected(
                kind="FULLY_CONNECTED", weights=_weights(rng, (channels, flat)),
                bias=_bias(rng, channels), source_zero_point=zero,
                requantise=_requantise(rng, channels, Rounding.SINGLE), **names)
            out = (channels,)
        elif kind == "pool":
            layer = golden.AveragePool(kind="AVERAGE_POOL_2D", kernel=shape[:2], stride=(1, 1),
                                       padding=(0, 0, 0, 0), low=-128, high=127, **names)
            out = (1, 1, shape[2])
        else:
            # The engine takes depthwise kernels that are too large for the vector unit.
            limit = int(rng.choice([3, 3, 7])) if kind == "depthwise" else 5
            kernel = (1, 1) if kind == "pointwise" else tuple(
                int(min(rng.integers(1, limit + 1), size)) for size in shape[:2])
            if limit == 7:
                kernel = (kernel[0], 1)
            stride = (tuple(int(s) for s in rng.choice([1, 2], 2))
                      if min(shape[:2]) > 3 and kind != "pointwise" else (1, 1))
            padding = tuple(int(v) for k in kernel for v in (
                rng.integers(0, (k + 1) // 2 + (k > 1)), rng.integers(0, (k + 1) // 2)))
            size = [(n + before + after - k) // s + 1 for n, before, after, k, s in zip(
                shape[:2], padding[::2], padding[1::2], kernel, stride, strict=True)]
            if kind == "depthwise":
                channels = shape[2]
            common = {"bias": _bias(rng, channels), "stride": stride, "padding": padding,
                      "source_zero_point": zero, "requantise": _requantise(rng, channels)}
            if kind == "depthwise":
                layer = golden.DepthwiseConvolution(
                    kind="DEPTHWISE_CONV_2D", weights=_weights(rng, (*kernel, channels), False),
                    **common, **names)
            else:
                layer = golden.Convolution(
                    kind="CONV_2D", weights=_weights(rng, (channels, *kernel, shape[2])),
                    **common, **names)
            out = (*size, channels)
        if hasattr(layer, "requantise"):
            zero = layer.requantise.zero_point
        chain.append(layer)
        tensors[index] = golden.Tensor(index, f"layer{index}", (1, *out), zero_point=zero)
        shape = out
    return golden.Network("random", tensors, tuple(chain), (0,), (layers + 1,))


def thinned(rng: np.random.Generator, network: golden.Network) -> golden.Network:
    """``network`` with most weights of convolutions gone: whole outputs, inputs, taps, blocks."""
    return replace(network, layers=tuple(
        replace(layer, weights=_thin(rng, layer.weights))
        if isinstance(layer, golden.Convolution | golden.FullyConnected) else layer
        for layer in network.layers))


def _thin(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Weights [Cout, ..., Cin], each output, input, tap and weight of them kept at random."""
    shape = weights.shape
    kept = rng.random(shape) < rng.choice([0.1, 0.5, 1], (shape[0], *[1] * (len(shape) - 1)))
    for axes in ((0,), (len(shape) - 1,), tuple(range(1, len(shape) - 1))):
        share = rng.choice([0.3, 0.7, 1])
        kept &= rng.random([size if axis in axes else 1 for axis, size in enumerate(shape)]
                           ) < share
    return np.where(kept, weights, 0).astype(np.int8)


def random_inputs(rng: np.random.Generator, network: golden.Network, count: int) -> np.ndarray:
    """int8 inputs: random, and with ``count`` above 2 also all -128 and all 127."""
    inputs = rng.integers(-128, 128, (count, *network.tensors[0].shape[1:])).astype(np.int8)
    if count > 2:
        inputs[1], inputs[2] = -128, 127
    return inputs


def _bias(rng, channels: int) -> np.ndarray:
    return rng.integers(-20000, 20000, channels).astype(np.int32)


def _weights(rng, shape: tuple[int, ...], prunable: bool = True) -> np.ndarray:
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    return prune(weights, nnz=int(rng.integers(1, 9))) if prunable else weights


def vector_network(rng: np.random.Generator) -> golden.Network:
    """Three fully connected layers and the sum of two of them; 20 values in, 24 out."""
    def dense(name: str, source: int, output: int, inputs: int, zero: int) -> golden.Layer:
        return golden.FullyConnected(
            name=name, kind="FULLY_CONNECTED", sources=(source,), output=output,
            weights=rng.integers(-127, 128, (24, inputs)).astype(np.int8),
            bias=rng.integers(-9000, 9000, 24).astype(np.int32), source_zero_point=zero,
            requantise=Requantise(
                multiplier=rng.integers(2**30, 2**31, 24).astype(np.int32),
                shift=rng.integers(6, 9, 24).astype(np.int32), zero_point=-128, low=-128,
                high=127, rounding=Rounding.SINGLE))

    layers = (dense("first", 0, 1, 20, 89), dense("second", 1, 2, 24, -128),
              random_addition(rng, "sum", (1, 2), 3, (-128, -128), -128),
              dense("last", 3, 4, 24, -128))
    tensors = {index: golden.Tensor(index, f"t{index}", (1, 24 if index else 20), zero_point=zero)
               for index, zero in enumerate((89, -128, -128, -128, -128))}
    return golden.Network("vectors", tensors, layers, (0,), (4,))
