# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.components import design_of
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.synthesis import synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.gen.build import parameters
from systolith.gen.predict.costs import GROUPS, block_terms
from systolith.gen.spec import load

TECHNOLOGY = load_technology("gates")


@pytest.fixture(scope="module")
def demo():
    return design_of(load("demo"), TECHNOLOGY)


def test_counts(demo):
    counts = {}
    for part in demo.components:
        counts[part.kind] = counts.get(part.kind, 0) + part.count
    assert (counts["tpe"], counts["vector_lane"], counts["core"]) == (4, 16, 1)
    assert "sram" not in counts


def test_all_kinds_are_predicted(demo):
    kinds = {part.kind for part in demo.components} - {"tpe", "row", "grid"}
    assert kinds == set(block_terms(parameters(load("demo"))))
    assert kinds <= {kind for kinds in GROUPS.values() for kind in kinds}


def test_equal_logic_has_equal_digests(demo):
    again = design_of(load("demo", ["engine.grid={m: 4, n: 2}"]), TECHNOLOGY)
    before = {part.kind: part.digest for part in demo.components}
    after = {part.kind: part.digest for part in again.components}
    assert before["vector_lane"] == after["vector_lane"] and before["tpe"] == after["tpe"]
    assert before["core_engine"] != after["core_engine"]


def test_components_stand_apart(demo):
    """A component's netlist has the pins of what was left out, and nothing of what is in it."""
    part = next(part for part in demo.components if part.kind == "core_weights")
    netlist = synthesise(demo.verilog, part.module, gate_library(TECHNOLOGY), TECHNOLOGY,
                         apart=part.apart)
    assert part.apart == ("systolith_sram_2048x64",) or part.apart[0].startswith("systolith_sram")
    assert any("read_data" in name for name in netlist.inputs)
    assert len(netlist.instances) < 2000
