# SPDX-License-Identifier: Apache-2.0
"""A comparison with round numbers."""

from systolith.fpga.asic.chip_energy import LayerEnergy
from systolith.fpga.asic.energy import Energy
from systolith.fpga.asic.fixed.bench import Bench, Engine
from systolith.fpga.asic.fixed.measure import LayerCost

__all__ = ["bench", "cost", "engine", "layer"]


def cost(name, fj, *, macs=1000, area=100.0):
    """A layer of ``fj`` a cycle, 1000 cycles a frame: of it a tenth leakage, as much memory."""
    return LayerCost(name=name, macs=macs, cell_area=area, memory_area=10.0,
                     timed=Energy(0.3 * fj, 0.0, 0.5 * fj, 0.1 * fj), glitches=0.2 * fj,
                     memory=0.1 * fj, memory_leakage=0.0, interval=1000, compared=50,
                     period=900.0)


def layer(name, nj, *, cycles=500, macs=1000):
    return LayerEnergy(name=name, cycles=cycles, macs=macs, logic=0.9 * nj, memory=0.1 * nj,
                       leakage=0.0, array=0.4 * nj, resting=0.2 * nj)


def engine(name, *energies):
    """Layers a, b, c, ... of these nJ; b runs within c."""
    layers = [layer(chr(97 + index), nj, cycles=0 if index == 1 else 500)
              for index, nj in enumerate(energies)]
    return Engine(name=name, area=5000.0, layers=layers, outside=1.0, leakage=0.002, write=0.01)


def bench(*engines):
    return Bench(model="net", technology="asap7", library="lib", macros="a table",
                 clock_ps=5000.0, layers=[cost("a", 1000.0), cost("b", 2000.0), cost("c", 3000.0)],
                 shapes=[(4, 4, 9), (4, 4, 9), (2, 2, 16)], interval=1000, engines=engines)
