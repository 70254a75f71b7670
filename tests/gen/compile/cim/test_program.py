# SPDX-License-Identifier: Apache-2.0
"""What is in the images of programs for a compute-in-memory macro."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.cim.reference import array_cells, mappings
from systolith.gen.compile import CompileFault, rounded_network
from systolith.gen.compile.cim import pair_places
from systolith.gen.compile.cim.lowering import weight_step
from systolith.gen.compile.cim.plan import shape_of
from systolith.gen.compile.image import Image
from systolith.gen.compiler import compile_network
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.gen.transport import image_words
from systolith.golden.cim.layers import place
from systolith.golden.cim.network import array_layers
from systolith.rtl.cim.fields import SPOTS, CimFields
from systolith.rtl.sequencer.descriptor import (
    DESCRIPTOR_ROWS,
    HEADER_ROWS,
    TRAILER_MAGIC,
    Descriptor,
)
from systolith.verif.networks import branching_network, small_network

DIGITS = load_model(Path(demo.__file__).parent / "digits_dense.tflite")
SHAPE = ["cim.rows=152", "cim.columns=128", "postproc.lanes=8"]


def small(*overrides, name="cim-digital", seed=1):
    return compile_network(load(name, [*SHAPE, *overrides]),
                           small_network(np.random.default_rng(seed)))


def descriptors(program):
    """Of every layer its descriptor and what its members ``SPOTS`` hold."""
    words = program.memory_image.program.astype("<u8").tobytes()
    size = 16 * DESCRIPTOR_ROWS
    for index in range(len(program.layers)):
        start = 16 * HEADER_ROWS + size * index
        bits = int.from_bytes(words[start:start + size], "little")
        value = place = 0
        for name in SPOTS:
            member = Descriptor[name]
            value |= (bits >> member.offset & (1 << member.width) - 1) << place
            place += member.width
        yield Descriptor.from_bits(bits), CimFields.from_bits(
            value & (1 << CimFields.size) - 1)


def test_descriptors_say_where_layers_lie():
    program = small("cim.activation_bits=6", "cim.weight_bits=7")
    for layer, (found, fields) in zip(program.layers, descriptors(program), strict=True):
        if layer.plan is None:
            continue
        mapping = layer.plan.mapping
        assert found.column_tiles == len(mapping.tiles)
        for index, tile in enumerate(mapping.tiles):
            spot = fields.tiles[index]
            assert (spot.row, spot.adc, spot.phase) == (tile.row, tile.adc, tile.phase)
        assert (fields.adcs, fields.phases) == (mapping.adcs, mapping.phases)
        assert (fields.activation_bits, fields.weight_bits) == (6, 7)
        assert (fields.scale, fields.scale_shift) == (1 << 3, 0)
        assert fields.load_words == 0


@pytest.mark.parametrize("mux_map", ["interleaved", "adjacent"])
def test_cells_are_goldens(mux_map):
    program = small(f"cim.mux_map={mux_map}")
    found, written = array_cells(program)
    places = mappings(program)
    weights, used = place(array_layers(program.network, places), places,
                          shape_of(program.parameters.macro))
    np.testing.assert_array_equal(np.where(used, found, 0), weights)
    assert written[used].all()


def test_image_comes_back_and_is_loaded_word_by_word():
    program = small()
    image = program.memory_image
    found = Image.from_bytes(program.image)
    np.testing.assert_array_equal(found.weights, image.weights)
    assert found.weight_stride == Image.PLACED
    assert found.trailer_words == image.trailer_words == 2
    assert int(image.program[-2]) & 0xFFFFFFFF == TRAILER_MAGIC
    runs, words = image_words(program)
    p = program.parameters
    inside = [(address, words[first + k]) for address, first, count in runs
              for k, address in enumerate(range(address, address + 8 * count, 8))
              if address >> p.region_bits == 1]
    pairs = image.weights.reshape(-1, 2)
    places = pair_places(pairs, p.macro)
    assert [(p.region_address(1) + 8 * place) for place in places] == [
        address for address, _ in inside]
    np.testing.assert_array_equal(pairs[:, 1], [word for _, word in inside])
    assert places.max() < p.region_words[1]


def test_only_cells_in_use_are_loaded():
    program = small()
    assert program.memory_image.weights.size // 2 < 152 * 128 // 8


def test_reloaded_weights_come_in_pairs_ahead_of_their_layers():
    program = compile_network(
        load("cim-digital", ["cim.rows=152", "cim.columns=32", "cim.mux=2", "postproc.lanes=8",
                             "cim.residency=reloaded"]),
        small_network(np.random.default_rng(1)))
    loads = [layer for layer in program.layers if layer.load_words]
    assert len(loads) > 1
    assert program.layers[0] in loads
    for layer in loads:
        words = program.memory_image.weights[layer.weight_row:][:layer.load_words]
        assert (words[::2] & 0xFFFF).max() < 152
        assert (words[::2] >> 16).max() < 4
    assert program.memory_image.trailer_words == 2


def test_memory_that_weights_do_not_fit():
    with pytest.raises(CompileFault, match="memory.weights must be at least 1[0-9] KiB"):
        compile_network(load("cim-digital", [*SHAPE, "cim.residency=reloaded",
                                             "memory.weights=1KiB"]),
                        small_network(np.random.default_rng(1)))


@pytest.mark.parametrize(("adc_shift", "bits", "shift"), [(12, 8, 8), (5, 8, 15), (12, 4, 4),
                                                          (0, 8, 20)])
def test_digital_scale_of_pcm(adc_shift, bits, shift):
    program = small(f"cim.adc_shift={adc_shift}", f"cim.activation_bits={bits}", name="cim-pcm")
    mapping = program.layers[0].plan.mapping
    assert (mapping.scale, mapping.scale_shift) == (1 << 15, shift)


def test_scales_that_are_not_possible():
    with pytest.raises(CompileFault, match=r"a step of the ADC must be worth 2\*\*-16 to 2\*\*15, "
                                           r"not 2\*\*20; change cim.adc_shift"):
        small("cim.adc_shift=25", name="cim-pcm")


def test_codes_that_could_overflow():
    with pytest.raises(CompileFault, match=r"cim.code_bits must be at least 19 for its sums, not "
                                           "16"):
        small("cim.code_bits=16")


def test_layers_that_move_values_need_exact_codes():
    network = branching_network(np.random.default_rng(2))
    spec = ["cim.rows=512", "cim.columns=256"]
    with pytest.raises(CompileFault, match="it only moves values"):
        compile_network(load("cim-pcm", spec), network)
    compile_network(load("cim-digital", spec), network)


@pytest.mark.parametrize(("weights", "bits", "step"), [
    ([127, -128], 8, 0), ([127, -128], 4, 4), ([63, -64], 4, 3), ([1, 0], 2, 0), ([1], 1, 1),
    ([0], 1, 0), ([-1], 1, 0)])
def test_steps_of_weights(weights, bits, step):
    assert weight_step(np.array(weights, np.int8), bits) == step


def test_rounded_weights_fit_their_bits():
    network = rounded_network(DIGITS, 3)
    for before, after in zip(DIGITS.layers, network.layers, strict=True):
        weights = getattr(after, "weights", None)
        if weights is None:
            continue
        step = weight_step(before.weights, 3)
        assert not (weights & (1 << step) - 1).any()
        assert (np.abs((weights >> step) * 2 + 1) <= 7).all()
        assert np.abs(weights.astype(int) - before.weights).max() <= 1 << step
    assert rounded_network(DIGITS, 8) is DIGITS


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("reach", [-127, -66, -64, -3, 1, 65, 127])
def test_magnitudes_fit_their_planes(bits, reach):
    conv1, *others = (replace(layer, weights=-np.abs(layer.weights)) if hasattr(layer, "weights")
                      else layer for layer in DIGITS.layers)
    weights = np.full_like(conv1.weights, reach // 3)
    weights[0, 0, 0, 0] = reach
    network = replace(DIGITS, layers=(replace(conv1, weights=weights), *others))
    program = compile_network(load("cim-digital", ["cim.fragment=8", f"cim.weight_bits={bits}"]),
                              network)
    cells, _ = array_cells(program)
    assert np.abs(cells).max() < 1 << max(bits - 1, 1)
    rounded = program.network.layers[0].weights.astype(int)
    step = program.layers[0].plan.weight_step
    assert np.abs(rounded - weights).max() <= 1 << step and rounded[0, 0, 0, 0] * reach > 0
    assert (rounded % (1 << step) == 0).all()


def test_mapping_rows_say_what_layers_have():
    rows = small("cim.depthwise=vector").mapping_rows
    assert [row["unit"] for row in rows] == [
        "array", "vector", "vector", "vector", "array", "vector", "array"]
    assert rows[0]["array_rows"] == 27
    assert rows[0]["conversions"] == 20
    assert rows[1]["array_rows"] is None


@pytest.mark.parametrize(("value", "message"), [
    (3, (r"^layer conv1 \(CONV_2D\): weights of rows 0 to 3 of output channel 2 must have one "
         r"sign, not both; train the network so, or set cim.fragment to 0$")),
    (-128, (r"^layer conv1 \(CONV_2D\): weights of 8 bits must be at least -127 where signs are "
            r"kept apart, not -128; set cim.fragment to 0$"))])
def test_weights_of_both_signs_are_refused(value, message):
    conv1, *others = DIGITS.layers
    weights = -np.abs(conv1.weights)
    weights[2, 0, :2, 0] = value, -5
    layers = (replace(conv1, weights=weights), *others)
    with pytest.raises(CompileFault, match=message):
        compile_network(load("cim-digital", ["cim.fragment=4"]), replace(DIGITS, layers=layers))
