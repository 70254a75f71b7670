# SPDX-License-Identifier: Apache-2.0
import json
from functools import cache

import pytest
from systolith.fpga.asic import measured
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.hierarchy import emit
from systolith.fpga.asic.judgement import judge_tpe
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.measured import Bench, works_of
from systolith.fpga.asic.technology import load_technology
from systolith.fpga.asic.training import Shape, held_out, spec_shape
from systolith.gen.build import parameters
from systolith.gen.predict.costs import block_terms, error, load_costs
from systolith.gen.spec import load

GATES = load_technology("gates")
AREA, ENERGY = 0.05, 0.10
SPECS = {"demo": ("demo", ()), "kws-s2ta-aw": ("kws-s2ta-aw", ("vector.fused_channels=0",))}


@cache
def emitted(name, overrides):
    return emit(load(name, overrides), GATES)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Of a technology on which every netlist is as large as its Verilog has lines."""
    class Lines:
        def __init__(self, verilog):
            self.lines = verilog.count("\n")

        def area(self, library):
            return self.lines

    made = []
    monkeypatch.setattr(measured, "emit", lambda spec, technology: emitted(*SPECS[spec.name]))

    def synthesise(self, module, verilog, children):
        made.append(module)
        return Lines(verilog)

    monkeypatch.setattr(Bench, "_synthesise", synthesise)
    bench = Bench(gate_library(GATES), GATES, tmp_path / "store.json")
    bench.made = made
    return bench


def test_blocks_are_those_that_are_predicted(bench):
    for each in SPECS.values():
        spec = load(*each)
        assert set(bench.blocks(spec)) == set(block_terms(parameters(spec)))


def test_blocks_are_measured_once_and_kept(bench):
    areas = bench.blocks(load("demo"))
    first = list(bench.made)
    assert len(first) == len(set(first)) > 30
    assert not any("_tpe_" in module for module in first)
    again = Bench(bench.library, GATES, bench.store)
    assert again.blocks(load("demo")) == areas
    assert bench.made == first
    kept = json.loads(bench.store.read_text())["blocks"]
    lane = next(each["area"] for each in kept.values() if each["module"].endswith("vector_lane"))
    assert areas["vector unit", "vector_lane"] == 16 * lane


def test_names_that_differ_in_numbers_are_one_block():
    verilog = "module a(p$1, p$22);\n  assign p$1 = p$22 & p$3;\nendmodule\n"
    assert measured._digest(verilog) == measured._digest(verilog.replace("$22", "$7"))
    assert measured._digest(verilog) != measured._digest(verilog.replace("$3", "$22"))


def test_engines_that_hold_weights_see_pruned_activations_too():
    shapes = {spec.engine.kind: spec_shape(spec) for spec in held_out().values()}
    assert {work.bound for work in works_of(shapes["s2ta-aw"].facts)} == {8, 4}
    assert {work.bound for work in works_of(shapes["vdbb"].facts)} == {8}


def test_predicted_within_bounds(pdk):
    """The smallest of the specs that were not fitted, measured anew."""
    bench = Bench(read_libraries(sorted((pdk / "asap7").glob("*.lib*"))),
                  load_technology("asap7"))
    shape: Shape = spec_shape(held_out()["sa 16 bits gated"])
    point, costs = bench.tpe(shape), load_costs("asap7")
    area, energies = judge_tpe(shape, point, costs, bench.technology)
    assert abs(error(area)) <= AREA
    assert len(energies) == 4
    for energy in energies.values():
        assert abs(error(energy)) <= ENERGY, energies
    # What is shipped is what was measured.
    told = costs.judged["sa 16 bits gated"]
    assert told.tpe == pytest.approx(area, rel=1e-6)
    assert told.tiles == {name: pytest.approx(pair, rel=1e-6) for name, pair in energies.items()}
