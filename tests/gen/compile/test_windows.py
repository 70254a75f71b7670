# SPDX-License-Identifier: Apache-2.0
"""Layers without weights of their own: what they are cut into, and what cannot be."""

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compile.lower import lower
from systolith.gen.compile.windows import MAX_STRIPS, diagonal, strips
from systolith.golden.interpreter import run
from systolith.golden.network import AveragePool, Convolution, MaxPool, Mean, Network, Pad, Tensor
from systolith.golden.numerics import Requantise, Rounding
from systolith.rtl.sequencer.descriptor import Opcode

KEPT = Requantise(np.array([2**30], np.int32), np.array([1], np.int32), -5, -128, 127,
                  Rounding.DOUBLE)


def network(layer, source, output, *more):
    tensors = {0: Tensor(0, "in", (1, *source), zero_point=-5),
               1: Tensor(1, "out", (1, *output), zero_point=-5)}
    for index, (_, shape) in enumerate(more, start=2):
        tensors[index] = Tensor(index, f"t{index}", (1, *shape), zero_point=-5)
    return Network("one", tensors, (layer, *(next_ for next_, _ in more)), (0,),
                   (1 + len(more),))


def pool(kind, kernel, stride=(1, 1), padding=(0, 0, 0, 0)):
    name = {AveragePool: "AVERAGE_POOL_2D", MaxPool: "MAX_POOL_2D"}[kind]
    return kind("pool", name, (0,), 1, kernel, stride, padding, -128, 127)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("pixels", "kernel"), [(1, 2), (1, 3), (5, 2), (8, 3), (9, 4), (3, 7)])
def test_strips_have_the_windows_of_the_pool(pixels, kernel, stride):
    outputs = -(-pixels // stride)
    padding = max((outputs - 1) * stride + kernel - pixels, 0) // 2
    found = strips(pool(AveragePool, (1, 1)), outputs, pixels, kernel, stride, padding)
    windows = [(strip.start + i * stride, strip.size)
               for strip in found for i in range(strip.count)]
    assert [strip.first for strip in found] == [
        sum(strip.count for strip in found[:i]) for i in range(len(found))]
    places = [output * stride - padding for output in range(outputs)]
    assert windows == [(max(p, 0), min(p + kernel, pixels) - max(p, 0)) for p in places]
    assert all(strip.start + strip.reach(stride) <= pixels for strip in found)


def test_padded_average_pool_is_a_layer_for_each_size():
    padded = network(pool(AveragePool, (3, 3), padding=(1, 1, 1, 1)), (6, 5, 8), (6, 5, 8))
    lowered = lower(padded)
    assert [layer.kernel for layer in lowered.layers] == [
        (h, w) for h in (2, 3, 2) for w in (2, 3, 2)]
    assert [layer.output_shape[:2] for layer in lowered.layers] == [
        (h, w) for h in (1, 4, 1) for w in (1, 3, 1)]
    assert lowered.output == 1 and len(lowered.joins[0].parts) == 9


@pytest.mark.parametrize(("layer", "source", "output", "unit"), [
    (pool(AveragePool, (3, 3)), (6, 5, 8), (4, 3, 8), Opcode.WINDOW),
    (pool(AveragePool, (4, 4)), (6, 5, 8), (3, 2, 8), Opcode.MATRIX),
    (pool(AveragePool, (4, 5), (2, 7)), (6, 5, 8), (2, 1, 8), Opcode.WINDOW),
    (pool(MaxPool, (4, 5), (2, 7)), (6, 5, 8), (2, 1, 8), Opcode.WINDOW),
    (Mean("mean", "MEAN", (0,), 1, (1, 2), -5, 0, KEPT), (6, 5, 8), (1, 1, 8), Opcode.WINDOW),
    (Mean("mean", "MEAN", (0,), 1, (1,), -5, 0, KEPT), (6, 5, 8), (1, 5, 8), Opcode.MATRIX),
    (Pad("pad", "PAD", (0,), 1, ((0, 0), (1, 0), (0, 2), (0, 0)), -5), (6, 5, 8), (7, 7, 8),
     Opcode.WINDOW),
    (Pad("pad", "PAD", (0,), 1, ((0, 0), (0, 0), (0, 0), (3, 2)), -5), (6, 5, 8), (6, 5, 13),
     Opcode.MATRIX),
])
def test_unit(layer, source, output, unit):
    lowered, = lower(network(layer, source, output)).layers
    assert lowered.opcode is unit
    assert lowered.output_shape == output
    assert lowered.macs == 0


@pytest.mark.parametrize(("layer", "source", "output", "sentence"), [
    (pool(MaxPool, (4, 4)), (6, 5, 8), (3, 2, 8),
     "layer pool .*window larger than 3x3 must have an output of width 1, not 2"),
    (pool(MaxPool, (3, 3), (3, 3)), (9, 9, 8), (3, 3, 8), "layer pool .*stride must be 1 or 2"),
    (pool(AveragePool, (256, 1)), (256, 1, 8), (1, 1, 8),
     "layer pool .*windows must be at most 255x255, not 256x1"),
    (pool(AveragePool, (30, 30)), (60, 60, 2000), (31, 31, 2000),
     "layer pool .*it would need 3600000000 weights"),
    (pool(AveragePool, (17, 3), padding=(8, 8, 1, 1)), (40, 5, 8), (40, 5, 8),
     f"layer pool .*at most {MAX_STRIPS} sizes along an axis"),
    (pool(AveragePool, (3, 1), padding=(1, 1, 0, 0)), (40000, 1, 1), (40000, 1, 1),
     "layer pool .*height and width of its result must be at most 32767, not 40000"),
    (pool(AveragePool, (8, 3), padding=(3, 4, 1, 1)), (40, 5, 8), (40, 5, 8),  # one too many
     f"layer pool .*at most {MAX_STRIPS} sizes along an axis"),
    (Pad("pad", "PAD", (0,), 1, ((0, 0), (0, 0), (0, 0), (0, 9000)), -5), (1, 1, 9000),
     (1, 1, 18000), "layer pad .*it would need 162000000 weights"),
])
def test_refusals(layer, source, output, sentence):
    with pytest.raises(CompileFault, match=sentence):
        lower(network(layer, source, output))


def _convolution(zero_point):
    return Convolution("conv", "CONV_2D", (1,), 2, np.ones((4, 3, 3, 8), np.int8),
                       np.zeros(4, np.int32), (2, 2), (0, 1, 1, 0), zero_point, KEPT)


@pytest.mark.parametrize(("zero_point", "folded"), [(-5, True), (-6, False)])
def test_padding_in_front_of_a_convolution(zero_point, folded):
    pad = Pad("pad", "PAD", (0,), 1, ((0, 0), (2, 1), (1, 3), (0, 0)), -5)
    net = network(pad, (6, 5, 8), (9, 9, 8), (_convolution(zero_point), (4, 4, 4)))
    layers = lower(net).layers
    assert len(layers) == 2 - folded
    assert layers[-1].padding == ((2, 2) if folded else (0, 1))
    assert layers[-1].source == (0 if folded else 1)


def test_spread_depthwise_weights_are_the_same_convolution():
    rng = np.random.default_rng(0)
    weights = rng.integers(-128, 128, (2, 3, 6)).astype(np.int8)
    x = rng.integers(-128, 128, (2, 4, 5, 3)).astype(np.int8)
    spread = Convolution("c", "CONV_2D", (0,), 1, diagonal(pool(MaxPool, (1, 1)), weights, 2),
                         np.zeros(6, np.int32), (1, 1), (0, 0, 0, 0), -5, KEPT)
    out = run(network(spread, (4, 5, 3), (3, 3, 6)), x)[1]
    offset = np.repeat(x.astype(int) + 5, 2, axis=-1)
    total = sum(offset[:, ky:ky + 3, kx:kx + 3] * weights[ky, kx].astype(int)
                for ky in range(2) for kx in range(3))
    twice = (total + 1) >> 1  # times a half, twice, each rounded: by a quarter
    expected = np.sign(twice) * ((np.abs(twice) + 1) >> 1) - 5
    np.testing.assert_array_equal(out, np.clip(expected, -128, 127))
