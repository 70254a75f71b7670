# SPDX-License-Identifier: Apache-2.0
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cim.apart import lay_apart
from systolith.gen.importer import load
from systolith.golden import interpreter
from systolith.golden.cim.device import ideal, program
from systolith.golden.cim.layers import place
from systolith.golden.cim.macros import DigitalMacro, PcmMacro, StatisticalMacro
from systolith.golden.cim.mapping import ArrayShape, LayerMapping, TilePlace
from systolith.golden.cim.network import array_layers, conversions, run
from systolith.golden.numerics import requantise

DEMO = files("systolith.gen.demo")
PCM = {"adc_shift": 13, "scale": 1 << 14, "scale_shift": 6}
CUTS = [{}, {"rows": 50, "adcs": 16}, {"rows": 40, "adcs": 8, "adjacent": True}]


@pytest.fixture(scope="module")
def digits():
    return load(DEMO / "digits_dense.tflite")


@pytest.fixture(scope="module")
def images():
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        return np.load(stream)["input"]


def placed(network, **fields):
    shape, mappings = lay_apart(network, **fields)
    weights, written = place(array_layers(network, mappings), mappings, shape)
    return shape, mappings, weights, written


def assert_exact(network, inputs, **fields):
    shape, mappings, weights, _ = placed(network, **fields)
    tensors, count = run(network, inputs, mappings, shape, DigitalMacro(weights))
    golden = interpreter.run(network, inputs)
    assert list(tensors) == list(golden)
    for index, expected in golden.items():
        np.testing.assert_array_equal(tensors[index], expected, err_msg=f"tensor {index}")
    return count


@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_digital_conversions_leave_every_tensor_of_the_digits_as_it_is(digits, images, cuts):
    count = assert_exact(digits, images, **cuts)
    assert count % len(images) == 0
    if not cuts:
        assert count == len(images) * (64 + 16 + 16 + 1)


@pytest.mark.parametrize("cuts", CUTS[:2], ids=str)
def test_digital_conversions_leave_every_tensor_of_kws_as_it_is(networks, cuts):
    network = load(networks / "kws_ref_model.tflite")
    inputs = np.load(networks / "kws_public100.npz")["input"][:8]
    count = assert_exact(network, inputs, **cuts)
    if not cuts:
        assert count == 8 * (9 * 125 + 1)


def test_signed_operands_and_a_wide_window(networks):
    network = load(networks / "str_ww_ref_model.tflite")
    shape = network.tensors[network.inputs[0]].shape[1:]
    x = np.random.default_rng(1).integers(-128, 128, (2, *shape)).astype(np.int8)
    assert_exact(network, x, rows=512)


def test_ideal_cells_and_fine_adcs_are_the_digital_macro(digits, images):
    shape, mappings, weights, _ = placed(digits, adc_shift=5)
    macros = (DigitalMacro(weights), PcmMacro(ideal(weights), 1, adc_bits=24),
              StatisticalMacro(ideal(weights), np.random.default_rng(0), adc_bits=24))
    results = [run(digits, images[:4], mappings, shape, macro)[0] for macro in macros]
    for index in results[0]:
        for other in results[1:]:
            np.testing.assert_array_equal(results[0][index], other[index])


def test_noise_follows_the_conversion_count(digits, images):
    shape, mappings, weights, written = placed(digits, rows=100, adcs=8, **PCM)
    macro = PcmMacro(program(weights, 3, written).cells(3600.0), 7)
    both, count = run(digits, images[:2], mappings, shape, macro)
    assert count == 2 * conversions(array_layers(digits, mappings), mappings)
    first, middle = run(digits, images[:1], mappings, shape, macro)
    second, end = run(digits, images[1:2], mappings, shape, macro, count=middle)
    again, _ = run(digits, images[1:2], mappings, shape, macro)
    assert end == count
    for index, tensor in both.items():
        np.testing.assert_array_equal(tensor, np.concatenate([first[index], second[index]]))
    assert any((again[index] != second[index]).any() for index in again)


def test_conversions_are_counted_pixel_tile_phase(digits, images):
    """By an array that tells each code's number."""
    seen = []

    class Counting:
        def convert(self, operands, rows, columns, counts, mapping, is_signed):
            seen.append((rows.start, int(columns[0]), counts.copy()))
            return np.zeros((len(operands), len(columns)), np.int64)

    shape, mappings, *_ = placed(digits, rows=100, adcs=16)
    layers = array_layers(digits, mappings)
    every = conversions(layers, mappings)
    run(digits, images[:2], mappings, shape, Counting(), count=10)
    first = {}
    start = 10
    for index, mapping in mappings.items():
        tiles, phases = len(mapping.tiles), mapping.phases
        for t, tile in enumerate(mapping.tiles):
            for phase in range(phases):
                pixels = np.arange(layers[index].pixels) * tiles * phases
                want = start + t * phases + phase + pixels
                first[tile.row, shape.column(0, phase)] = np.concatenate([want, want + every])
        start += layers[index].pixels * tiles * phases
    assert len(seen) == len(first)
    for row, column, counts in seen:
        np.testing.assert_array_equal(counts, first[row, column])


def test_count_wraps_with_32_bits(digits, images):
    shape, mappings, weights, _ = placed(digits)
    _, count = run(digits, images[:1], mappings, shape, DigitalMacro(weights), count=(1 << 32) - 7)
    assert count == 97 - 7


@pytest.mark.parametrize("bits", [4, 6])
def test_fewer_bits_of_activations(digits, images, bits):
    """Sums of rounded operands, by hand, in the first layer."""
    shape, mappings, weights, _ = placed(digits, activation_bits=bits, scale=1 << (8 - bits))
    tensors, _ = run(digits, images[:3], mappings, shape, DigitalMacro(weights))
    index, layer = next(iter(array_layers(digits, mappings).items()))
    step = 1 << (8 - bits)
    rounded = np.minimum((layer.operands(images[:3]) + step // 2) // step, (1 << bits) - 1)
    sums = rounded.astype(np.int64) @ layer.matrix * step + layer.folded_bias
    np.testing.assert_array_equal(tensors[index].reshape(sums.shape),
                                  requantise(sums, layer.requantise))


def test_compensation_scales_codes(digits, images):
    shape, mappings, weights, _ = placed(digits, scale=1, scale_shift=1)
    doubled = run(digits, images[:2], mappings, shape, DigitalMacro(weights), gdc=2 << 13)[0]
    golden = interpreter.run(digits, images[:2])
    for index, expected in golden.items():
        np.testing.assert_array_equal(doubled[index], expected)


def test_a_tensor_that_no_layer_makes(digits, images):
    mapping = LayerMapping(tiles=(TilePlace(0, 8, 0, 0),), channels=8, adcs=8, phases=1)
    with pytest.raises(ValueError, match="Tensor 999 must be the output of a layer of digits"):
        run(digits, images, {999: mapping}, ArrayShape(rows=8, columns=8, mux=1),
            DigitalMacro(np.zeros((8, 8), np.int8)))
