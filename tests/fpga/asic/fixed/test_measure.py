# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""A small layer through the whole flow."""

import numpy as np
import pytest
from systolith.fpga.asic.energy import Energy
from systolith.fpga.asic.fixed.measure import LayerCost, measure, netlist
from systolith.fpga.asic.fixed.stream import Mismatch
from systolith.fpga.asic.sources import Sources, macros_of
from systolith.gen.fixed.latency import arrivals
from systolith.gen.fixed.pipeline import front_end
from systolith.golden import interpreter

from ....gen.fixed.small import convolution, network


@pytest.fixture(scope="module")
def case(pdk):
    """A convolution 3x3 of stride 2 behind one of 1x1, frames of 24x20 pixels, and its netlist."""
    rng = np.random.default_rng(3)
    chain = network((24, 20, 1), convolution(rng, 0, 1, 1, (1, 1)),
                    convolution(rng, 1, 1, 2, (3, 3), (2, 2), (0, 1, 0, 1)))
    front = front_end(chain, range(2), levels_per_stage=64, single_port=True)
    values = rng.integers(-128, 128, (1, 24, 20, 1)).astype(np.int8)
    tensors = interpreter.run(chain, values)
    library, technology = Sources(
        liberty=tuple(sorted((pdk / "asap7").glob("*.lib.gz")))).load()
    block = netlist(front.layers[1], library, technology, 5000.0)
    options = {"arrivals": arrivals(front)[1], "macs": 18 * 120, "interval": 480,
               "clock_ps": 5000.0}
    return (front.layers[1], block, library, macros_of(technology), tensors[1][0],
            tensors[2][0]), options


def test_a_layer_from_end_to_end(case):
    (*_, macros, _, result), options = case
    found = measure(*case[0], **options)
    assert found.compared > 40
    assert 0 < found.glitches < found.timed.total
    # A column a pixel in every second row, of three of four rows, and a write a pixel.
    bank = 4 * 20 * 8 * macros.registers.area_um2
    reads, writes = 3 * 0.5 * 8 * macros.registers.read_pj, 8 * macros.registers.write_pj
    assert found.memory_area == pytest.approx(min(bank, 4 * 337.1))
    assert found.memory == pytest.approx(1e3 * (reads + writes), rel=0.01) or bank > 4 * 337.1
    assert found.total() == pytest.approx(480e-6 * (
        found.timed.total + found.memory + found.memory_leakage))


def test_a_wrong_pixel_is_found(case):
    (*parts, result), options = case
    wrong = result.copy()
    wrong[wrong.shape[0] // 2] ^= 1
    with pytest.raises(Mismatch, match=r"conv1: Pixel \d+ must be"):
        measure(*parts, wrong, **options)


def test_energy_of_a_frame():
    cost = LayerCost(name="a", macs=1000, cell_area=10.0, memory_area=5.0,
                     timed=Energy(100.0, 50.0, 40.0, 10.0), glitches=20.0, memory=30.0,
                     memory_leakage=5.0, interval=2000, compared=1, period=900.0)
    assert cost.area == 15.0 and cost.leakage == 15.0
    assert cost.total() == pytest.approx(0.47)  # 235 fJ in each of 2000 cycles
    assert cost.total(2.0) == pytest.approx(0.53)
