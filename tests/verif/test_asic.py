# SPDX-License-Identifier: Apache-2.0
"""What ``generate --target asic`` writes, with models of SG13G2's macros as memories: whole
networks, and every access to a memory as predicted."""

import json
import re
from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import accelerator, parameters
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compile import Program
from systolith.gen.compiler import compile_network
from systolith.gen.emit.asic import AsicPlatform
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.memory import load_map, memories_of
from systolith.gen.predict import Accesses, predict, predict_accesses
from systolith.gen.spec import Spec, load
from systolith.verif.run import TOP, prepare, run
from systolith.verif.simulator import Simulator, build

from ..exact import compare
from ..external import external_cases, external_spec
from ..further import further
from ..macros import sg13g2_model
from ..random_designs import fuse_all, random_inputs, random_network

pytestmark = pytest.mark.xdist_group("asic")

DIGITS = Path(demo.__file__).parent


@cache
def asic_simulator(spec: Spec) -> Simulator:
    """Every bank made of macros, none of registers."""
    macros = load_map("sg13g2").model_copy(update={"registers": None})
    platform = AsicPlatform(TOP, macros)
    source, ports = platform.convert(accelerator(spec, monitors=True), TOP)
    used = [macro for macro in macros.macro if macro.cell in platform.black_boxes]
    models = "".join(sg13g2_model(macro.words, macro.bits, macro.cell) for macro in used)
    return build(source[:source.index("(* blackbox")] + models, top=TOP, ports=ports, variables=[
        (macro.cell, name) for macro in used for name in ("reads", "writes")])


def _measured(program: Program, inputs: np.ndarray, model: Simulator,
              tmp_path: Path) -> list[Accesses]:
    """Of each run the accesses to banks, by memory. No bank here has macros side by side."""
    job = prepare(program, inputs, tmp_path / "job").save()
    model.run("tests.verif.access_bench", job=job, work=tmp_path / "work")
    names = [kind.name for kind in memories_of(program.parameters)]
    found = []
    for counts in json.loads((tmp_path / "job" / "accesses.json").read_text()):
        total = Accesses()
        for path, (reads, writes) in counts.items():
            [memory] = [name for name in names if re.search(rf"_{name}(_\d+)?\.", path)]
            total.reads[memory] += reads
            total.writes[memory] += writes
        found.append(total)
    return found


def check_accesses(program: Program, inputs: np.ndarray, tmp_path: Path, spec: Spec) -> Accesses:
    outside, layers = predict_accesses(program, predict(program))
    expected = sum(layers, outside)
    for found in _measured(program, inputs, asic_simulator(spec), tmp_path):
        found.reads.pop("layer_table", None)  # whenever the host reads a register
        assert (+found.reads, +found.writes) == (expected.reads, expected.writes)
    return expected


def test_digits_on_macros(tmp_path):
    spec = load("demo")
    network = load_model(DIGITS / "digits_dbb4.tflite")
    program = compile_network(spec, network)
    inputs = load_inputs(DIGITS / "digits_held_back.npz", network).first(3).values
    compare(program, inputs, run(program, inputs, asic_simulator(spec), layers=True))
    accesses = check_accesses(program, inputs[:2], tmp_path, spec)
    assert set(accesses.reads) == {"activations", "weights", "program", "schedule"}


@pytest.mark.parametrize("seed", [0, 1, *further((5, 24, 26))])
def test_random_networks_on_macros(tmp_path, seed):
    spec = load("demo")
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    program = fuse_all(spec, network)
    assert any(layer.fused for layer in program.layers) == (seed >= 5)
    inputs = random_inputs(rng, network, 2)
    compare(program, inputs, run(program, inputs, asic_simulator(spec), layers=True))
    accesses = check_accesses(program, inputs, tmp_path, spec)
    assert (accesses.reads["tile_buffer"] > 0) == (seed >= 5)


@pytest.mark.parametrize("seed", [0, 8, 14])
def test_parameters_that_are_asked_for_in_vain_on_macros(tmp_path, seed):
    """Behind a layer's last set of parameters the next one is begun; the layer ends meanwhile."""
    spec = load("demo", ["engine.kind=s2ta-aw", "postproc.lanes=8", "memory.weights=256 KiB",
                         "vector.fused_channels=0"])
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    program = compile_network(spec, network)
    each = {program.parameters.facts.columns // program.parameters.program_width,
            2 * program.parameters.vector_lanes // program.parameters.program_width}
    assert any(layer.parameter_reads % size for size in each
               for layer in predict(program).layers)
    check_accesses(program, random_inputs(rng, network, 1), tmp_path, spec)


def test_weights_from_outside_on_macros(tmp_path):
    spec = external_spec("vdbb")
    seen: Counter[str] = Counter()
    for index, (program, inputs) in enumerate(islice(
            external_cases(spec, 0, ("conv", "depthwise", "pointwise")), 3)):
        compare(program, inputs, run(program, inputs, asic_simulator(spec), layers=True))
        accesses = check_accesses(program, inputs, tmp_path / str(index), spec)
        seen += accesses.writes
    assert seen["weights"]


def test_kws_on_macros(tmp_path, networks):
    spec = load("kws-edge")
    network = load_model(networks / "kws_dbb4_ft.tflite")
    program = compile_network(spec, network)
    inputs = load_inputs(networks / "kws_public100.npz", network).first(1).values
    compare(program, inputs, run(program, inputs, asic_simulator(spec), layers=True))
    accesses = check_accesses(program, inputs, tmp_path, spec)
    assert accesses.reads["tile_buffer"] == 32_768
    assert {kind.name for kind in memories_of(parameters(spec))} == {
        *accesses.reads, *accesses.writes}
