# SPDX-License-Identifier: Apache-2.0
"""Inputs that are streamed in: two slots apart from all else, and descriptors for each."""

from dataclasses import replace

import numpy as np
import pytest
from systolith.gen.compile import CompileFault
from systolith.gen.compile.layout import TensorLayout
from systolith.gen.compiler import compile_network
from systolith.gen.fixed import build
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.rtl.frames.handoff import SlotLayout
from systolith.rtl.sequencer.descriptor import (
    DESCRIPTOR_ROWS,
    HEADER_ROWS,
    ROW_BITS,
    Descriptor,
    Header,
    Opcode,
)
from systolith.verif.networks import small_network

from ...random_designs import random_network

ROW_BYTES = ROW_BITS // 8
OVERRIDES = ["memory.activations=64 KiB", "memory.weights=1 MiB", "memory.program=64 KiB"]
SPEC = load("demo", [*OVERRIDES, "front_end.layers=none"])


@pytest.fixture
def compiled(monkeypatch):
    """Compiles a network for a core that it is streamed into."""
    def compile_(network, **options):
        monkeypatch.setattr(build, "model_of", lambda spec: network)
        return compile_network(SPEC, network, **options)
    return compile_


def _words(layout, p):
    count = layout.word_groups(p.vector_blocks) * p.vector_blocks
    return set(range(layout.base, layout.base + count))


def _fields(layout, raw):
    view = layout.from_bits(int.from_bytes(raw, "little") & (1 << layout.size) - 1)
    return {name: getattr(view, name) for name, _ in layout}


def _tables(program):
    """Descriptors of slot 0 and of slot 1, as the core reads them."""
    raw = program.memory_image.program.tobytes()
    header = _fields(Header, raw[:HEADER_ROWS * ROW_BYTES])
    size = DESCRIPTOR_ROWS * ROW_BYTES
    assert header["slot_rows"] == DESCRIPTOR_ROWS * len(program.layers)
    return [[_fields(Descriptor, raw[start + index * size:start + (index + 1) * size])
             for index in range(header["layers"])]
            for start in (HEADER_ROWS * ROW_BYTES,
                          (HEADER_ROWS + header["slot_rows"]) * ROW_BYTES)]


@pytest.mark.parametrize("seed", range(25))
def test_slots_lie_apart_from_everything(compiled, seed):
    program = compiled(random_network(np.random.default_rng(seed), layers=6))
    p = program.parameters
    layout = program.input_layout
    assert (layout.group, layout.base) == (0, 0)
    assert len(_words(layout, p)) <= p.slots.slot_step and p.slots.slot_step % p.banks == 0
    passing = {layer.lowered.output for layer in program.layers if layer.fused}
    inside = {program.lowered.input, *program.lowered.inside}
    for index, other in program.layouts.items():
        if other.group == 0 and index not in passing | inside:
            assert min(_words(other, p)) >= 2 * p.slots.slot_step, index


@pytest.mark.parametrize("seed", range(25))
def test_descriptors_of_slot_1_differ_in_the_place_of_the_input(compiled, seed):
    program = compiled(random_network(np.random.default_rng(100 + seed), layers=6))
    step, streamed = program.parameters.slots.slot_step, 0
    for layer, first, second in zip(program.layers, *_tables(program), strict=True):
        low = layer.lowered
        reads = [source == program.lowered.input for source in (low.source, low.second)]
        want = dict(first)
        if reads[0]:
            want["pixel_base"] = (first["pixel_base"] + step) % 2**32
        if reads[1]:
            want["second_base"] = first["second_base"] + step
        assert second == want
        streamed += any(reads)
    assert streamed


def test_sum_of_the_input_and_what_is_made_of_it(compiled):
    """A residual around the first layer: both read the slot."""
    rng = np.random.default_rng(1)
    network = small_network(rng)
    tail = replace(network, layers=network.layers[1:], inputs=(1,))
    program = compiled(tail)
    sums = [place for place, layer in enumerate(program.layers)
            if layer.lowered.opcode is Opcode.ADD]
    first, second = _tables(program)
    assert first[sums[0]] != second[sums[0]]
    assert first[0]["pixel_base"] != second[0]["pixel_base"]


@pytest.mark.parametrize("seed", range(10))
def test_cycles_are_those_of_an_input_that_the_host_writes(compiled, seed):
    network = random_network(np.random.default_rng(200 + seed), layers=5)
    host = compile_network(load("demo", OVERRIDES), network)
    assert predict(compiled(network)).cycles == predict(host).cycles


@pytest.mark.parametrize("split", [1, 2])
@pytest.mark.parametrize("shape", [(1, 1, 8), (5, 7, 20), (8, 8, 3), (2, 3, 64)])
def test_layout_of_a_slot_is_the_tensors(split, shape):
    layout = TensorLayout.plan(*shape, split=split, extra_pitch=1)
    slots = SlotLayout(
        height=shape[0], width=shape[1], channels=shape[2], step_x=layout.steps_x,
        step_y=layout.steps_y, plane=layout.plane, slot_step=4096)
    np.testing.assert_array_equal(TensorLayout.of_slot(slots).addresses(), layout.addresses())


def test_memory_too_small_for_two_slots(monkeypatch):
    network = random_network(np.random.default_rng(3), layers=3, sides=(12, 13))
    monkeypatch.setattr(build, "model_of", lambda spec: network)
    with pytest.raises(CompileFault, match="memory.activations must be at least"):
        compile_network(load("demo", ["front_end.layers=none", "memory.activations=4 KiB"]),
                        network)


def test_batches_come_one_by_one(compiled):
    with pytest.raises(CompileFault, match="--batch and --switchable must not be given with a "
                                           "front_end"):
        compiled(small_network(np.random.default_rng(1)), batch=2)


def test_another_frame_than_that_of_the_hardware(monkeypatch):
    network = small_network(np.random.default_rng(1))
    monkeypatch.setattr(build, "model_of", lambda spec: network)
    with pytest.raises(CompileFault, match="the tensor that the front end hands off must be "
                                           "8x10x3, as in front_end.network, not 4x5x16"):
        compile_network(load("demo", ["front_end.layers=none"]),
                        replace(network, layers=network.layers[1:], inputs=(1,)))
