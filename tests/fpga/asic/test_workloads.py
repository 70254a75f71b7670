# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo
from systolith.fpga.asic.stimuli import check, stimulus
from systolith.fpga.asic.workloads import matrix_layers, sampled, seeded
from systolith.gen.importer import load
from systolith.golden import interpreter
from systolith.golden.dbb import max_nnz
from systolith.golden.numerics import Requantise, Rounding, requantise
from systolith.rtl.sequencer.descriptor import Opcode

from .elements import facts
from .test_stimuli import simulated

DEMO = Path(systolith.gen.demo.__file__).parent


@pytest.fixture(scope="module")
def digits():
    network = load(DEMO / "digits_dbb4.tflite")
    with np.load(DEMO / "digits_held_back.npz") as archive:
        return network, archive["input"][:1]


def test_seeded():
    work = seeded(zeros=0.5, nnz=4)
    assert work.x.shape == (256, 32, 8) and work.w.shape == (64, 32, 8)
    assert work.x.min() == 0 and work.x.max() == 127 and not work.signed
    assert work.zeros == pytest.approx(0.5, abs=0.02)
    assert work.density == 4 and np.count_nonzero(work.w) == pytest.approx(64 * 128, rel=0.02)


def test_seeded_workloads_differ_in_what_was_asked_for_alone():
    dense, sparse = seeded(), seeded(nnz=4)
    np.testing.assert_array_equal(dense.x, sparse.x)
    kept = sparse.w != 0
    np.testing.assert_array_equal(dense.w[kept], sparse.w[kept])
    assert dense.w.astype(float).std() == pytest.approx(24, rel=0.02)
    assert (seeded(seed=2).x != dense.x).any()


def test_tiles_are_new_as_long_as_there_are_any():
    work = seeded(depth=16)
    x, w = work.tile(3, 4, 2)
    np.testing.assert_array_equal(x, work.x[12:16])
    np.testing.assert_array_equal(w, work.w[6:8])
    np.testing.assert_array_equal(work.tile(64, 4, 2)[0], work.x[:4])


def test_sampled_operands_are_golden_s(digits):
    """Of every layer: products, bias and requantisation give the interpreter's tensor."""
    network, values = digits
    tensors = interpreter.run(network, values)
    layers = matrix_layers(network)
    assert layers and all(layer.opcode is Opcode.MATRIX for layer in layers)
    for layer in layers:
        work = sampled(network, values, layer)
        sums = np.einsum("pbk,qbk->pq", work.x.astype(int), work.w.astype(int))
        if work.signed:
            sums = sums - layer.source_zero_point * work.w.astype(int).sum((1, 2))
        result = requantise(sums + layer.bias, layer.requantise)
        np.testing.assert_array_equal(result.ravel(), tensors[layer.output].ravel())
        assert work.sizes.sum() * len(work.w) == layer.weights.size
        assert work.density == max_nnz(layer.weights)


@pytest.mark.parametrize(("stride", "padding", "kernel", "shape", "signed"), [
    ((1, 1), (1, 1), (3, 3), (5, 4), False), ((2, 2), (0, 1), (3, 5), (7, 9), True),
    ((2, 1), (0, 0), (1, 1), (6, 3), False)])
def test_sampled_windows(stride, padding, kernel, shape, signed, digits):
    """Convolutions of any window, against sums taken tap by tap."""
    network, values = digits
    rng = np.random.default_rng(kernel[0])
    channels, outputs = 11, 3
    out = tuple((shape[k] + 2 * padding[k] - kernel[k]) // stride[k] + 1 for k in (0, 1))
    weights = rng.integers(-128, 128, (outputs, *kernel, channels)).astype(np.int8)
    source = rng.integers(-128, 128, (*shape, channels)).astype(np.int8)
    point = 5 if signed else -128
    layer = replace(
        matrix_layers(network)[0], source=network.inputs[0], source_shape=(*shape, channels),
        output_shape=(*out, outputs), kernel=kernel, stride=stride, padding=padding,
        weights=weights, bias=np.zeros(outputs, np.int32), source_zero_point=point,
        requantise=Requantise(multiplier=np.ones(outputs, np.int32),
                              shift=np.zeros(outputs, np.int32), zero_point=0, low=-128,
                              high=127, rounding=Rounding.DOUBLE))
    work = sampled(network, values, layer, tensors={network.inputs[0]: source})
    found = np.einsum("pbk,qbk->pq", work.x.astype(int), work.w.astype(int)).reshape(*out, -1)
    behind = np.arange(8) >= work.sizes[:, np.newaxis]
    assert not work.x[:, behind].any() and not work.w[:, behind].any()
    if signed:
        found = found - point * weights.astype(int).sum((1, 2, 3))
    expected = np.zeros((*out, outputs), int)
    for y, x in np.ndindex(*out):
        for ky, kx in np.ndindex(*kernel):
            row, column = y * stride[0] - padding[0] + ky, x * stride[1] - padding[1] + kx
            if 0 <= row < shape[0] and 0 <= column < shape[1]:
                expected[y, x] += weights[:, ky, kx].astype(int) @ (
                    source[row, column].astype(int) - point)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("shape", ["sa", "sta", "sta-dbb", "vdbb", "s2ta-aw"])
def test_rtl_on_a_real_layer(shape, digits):
    network, values = digits
    layer = max(matrix_layers(network), key=lambda layer: layer.macs)
    run = stimulus(facts(shape), sampled(network, values, layer), tiles=3)
    check(simulated(run), run)


@pytest.mark.parametrize(("change", "text"), [
    ({"depth": 12}, "Depth must be a multiple of 8, not 12"),
    ({"depth": 0}, "Depth must be a multiple of 8, not 0"),
    ({"zeros": 1.5}, "Share of zeros must be 0 ... 1, not 1.5"),
])
def test_refusals(change, text):
    with pytest.raises(ValueError, match=f"^{text}$"):
        seeded(**change)
