# SPDX-License-Identifier: Apache-2.0
"""The predictor's sums and bounds; that it equals the RTL is shown in ``tests/verif``."""

import ast
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.predict.cycles as cycles_module
from systolith.gen.compile.plan import weight_density
from systolith.gen.compiler import compile_network
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.rtl.kinds import KINDS
from systolith.rtl.sequencer.descriptor import Opcode
from systolith.rtl.sequencer.sequencer import Sequencer

from ...random_designs import random_network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(4))
def test_layers_add_up_and_none_beats_its_multipliers(kind, seed):
    spec = load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "memory.weights=256 KiB",
                         "memory.activations=64 KiB"])
    program = compile_network(spec, random_network(np.random.default_rng(seed)))
    prediction = predict(program)
    p = program.parameters
    assert prediction.cycles == Sequencer.overhead_cycles(p.program_width) + sum(
        layer.cycles for layer in prediction.layers)
    for layer, predicted in zip(program.layers, prediction.layers, strict=True):
        low = layer.lowered
        assert 0 <= predicted.utilisation <= 1
        if low.opcode is Opcode.MATRIX:
            height, width, channels = low.output_shape
            tiles = -(-height * width // p.facts.rows)
            assert len(layer.plan.steps) == -(-channels // p.facts.columns)
            assert predicted.cycles >= tiles * layer.plan.steps.sum()


def test_natural_sparsity_pays_block_by_block_and_more_so_sorted(networks):
    """VWW as it is distributed; 1x1 convolutions and the fully connected layer, array steps."""
    spec = load("tinyml-vdbb")
    network = load_model(networks / "vww_96_int8.tflite")
    steps, cycles, layer_wide = {}, {}, {}
    for sort in (False, True):
        program = compile_network(spec, network, sort=sort)
        cycles[sort] = predict(program).cycles
        engine = [layer for layer in program.layers if layer.plan][1:]
        tiles = [-(-layer.lowered.output_shape[0] * layer.lowered.output_shape[1]
                   // program.parameters.facts.rows) for layer in engine]
        steps[sort] = sum(count * int(layer.plan.steps.sum())
                          for count, layer in zip(tiles, engine, strict=True))
        layer_wide[sort] = sum(count * layer.plan.steps.size * weight_density(layer.lowered)
                               for count, layer in zip(tiles, engine, strict=True))
    assert layer_wide[False] >= 1.3 * steps[False] and layer_wide[False] >= 1.65 * steps[True]
    assert cycles[True] < cycles[False] and cycles[True] <= 30_000


def test_uses_only_static_facts():
    """Of rtl, the predictor imports classes for their constants and elaborates nothing."""
    source = Path(cycles_module.__file__).read_text()
    names = {node.module for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.ImportFrom) and node.module}
    assert not any("simulat" in name or "verif" in name or "core" in name for name in names)
    assert "elaborate" not in source
