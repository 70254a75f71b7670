# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from systolith.fpga.asic.block_stimuli import Recording
from systolith.fpga.asic.blocks import Job, synthesise_blocks
from systolith.fpga.asic.chip import Chip
from systolith.fpga.asic.chip_energy import (
    NetworkEnergy,
    _busy,
    _measure,
    _Shares,
    network_energy,
)
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.hierarchy import Hierarchy
from systolith.fpga.asic.liberty import read_libraries
from systolith.fpga.asic.technology import load_technology
from systolith.gen.predict import Busy, Prediction
from systolith.gen.predict.cycles import LayerPrediction
from systolith.gen.spec import load

LANE = """
module lane(clk, i_valid, i_data, o);
  input clk;
  input i_valid;
  input [7:0] i_data;
  output [7:0] o;
  reg [7:0] o;
  always @(posedge clk) if (i_valid) o <= o + i_data;
endmodule
"""


def chip(technology, library, clock_ps, tmp_path):
    blocks = synthesise_blocks([Job("lane", LANE, (), library, technology, clock_ps)],
                               cache=tmp_path)
    return Chip(spec=load("demo"), hierarchy=Hierarchy("lane", {"lane": LANE}), library=library,
                technology=technology, clock_ps=clock_ps, macros=None, blocks=blocks)


def test_gates_alone_have_no_energy(tmp_path):
    gates = load_technology("gates")
    found = chip(gates, gate_library(gates), None, tmp_path)
    with pytest.raises(ValueError, match="must have a library of cells and a map of macros"):
        network_energy(found, None, None, None, np.zeros(1, np.int8))


def test_operations_per_joule():
    told = NetworkEnergy(parts={"a": 2.0, "b": 1.0}, memories={"m": 4.0}, leakage=1.0, glitches=0.5,
                         cycles=1000, period_ps=5000.0, macs=16_000, compared=1)
    assert (told.logic, told.memory, told.total()) == (3.0, 4.0, 8.0)
    assert told.tops_per_watt() == pytest.approx(4.0)  # 32,000 operations in 8,000 pJ
    assert told.total(0.5) == 6.0 and told.total(2.0) == 12.0
    assert told.microseconds == pytest.approx(5.0)


def test_busy_cycles_of_a_part():
    busy = Busy()
    busy.add("engine", 10, 40)
    busy.add("results", 20, 25)
    prediction = Prediction(cycles=100, layers=[], utilisation=0.0, first_layer=0, busy=busy,
                            waits=[0])
    assert [_busy(part, prediction, 100) for part in
            ("engine", "decompressor", "post-processor", "counters", "buses", "vector unit")] == [
                30, 30, 5, 100, 0, 0]


def test_work_takes_more_than_rest(pdk, tmp_path):
    library = read_libraries(sorted((pdk / "asap7").glob("*.lib.gz")))
    found = chip(load_technology("asap7"), library, 1000.0, tmp_path)
    source = Recording(np.random.default_rng(1).integers(-128, 128, 4096).astype(np.int8),
                       np.ones(8, np.int8))
    work, rest, leakage = _measure(found, found.blocks["lane"].netlist, source)
    assert work > 5 * rest > 0
    assert leakage == pytest.approx(sum(library.cells[i.cell].leakage for i in
                                        found.blocks["lane"].netlist.instances))


def test_layers_have_what_falls_into_their_cycles():
    busy = Busy()
    busy.add("engine", 10, 40)    # of the first layer 10 to 30, of the second 10
    busy.add("vector", 25, 35)
    layers = [LayerPrediction(name=name, op="CONV_2D", cycles=cycles, macs=7, utilisation=1.0)
              for name, cycles in (("a", 20), ("b", 25))]
    prediction = Prediction(cycles=60, layers=layers, utilisation=0.0, first_layer=10, busy=busy,
                            waits=[0, 5])
    shares = _Shares(prediction, [1.0, 0.5])
    shares.engine = {"a": 100.0}
    for part, work, rest in (("engine", 2.0, 1.0), ("counters", 0.5, 0.25)):
        shares.add(part, work, rest)
    shares.add("vector unit", 10.0, 0.0, True)  # half of the lanes have a channel of the second
    first, second = shares.layers(0.1, [1000.0, 2000.0])
    assert (first.cycles, second.cycles) == (20, 30)
    assert first.logic == pytest.approx(100 + 40 + 50 + 10)
    assert second.logic == pytest.approx(20 + 20 + 25 + 15)
    assert first.array == 100.0 and second.array == 0.0
    assert first.resting == pytest.approx(0.0) and second.resting == pytest.approx(20.0)
    assert (first.memory, second.memory) == (1.0, 2.0)
    assert (first.leakage, second.leakage) == (pytest.approx(2.0), pytest.approx(3.0))
    assert first.total(2.0) == pytest.approx(204.0)
