# SPDX-License-Identifier: Apache-2.0
"""A layer of a front end on silicon: its cells, its row memories, and what they take."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....gen.emit.asic import AsicPlatform
from ....gen.memory import MacroMap, compose
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.fixed.layer import FixedLayer
from ....rtl.fixed.parameters import LayerParameters
from ..blocks import Block, Job, synthesise_blocks
from ..energy import Energy, energy
from ..library import Library
from ..simulation import Simulator
from ..technology import Technology
from .stream import Accesses, Mismatch, compare, feed, memories, stimulus

__all__ = ["LayerCost", "measure", "netlist"]

TOP = "fixed_layer"
_BANK = re.compile(r"_sram_(\d+)x(\d+)$")


@dataclass(frozen=True, kw_only=True)
class LayerCost:
    """A layer on silicon, at its rate in the front end. Areas in um2, energies in fJ a cycle.

    ``timed``: of cells, with glitches, leakage included; ``glitches``: what of it is theirs;
    ``memory``: of accesses to row memories, ``memory_leakage`` besides. ``interval``: cycles a
    frame; ``compared``: pixels that were golden's; ``period``: critical path in ps.
    """

    name: str
    macs: int
    cell_area: float
    memory_area: float
    timed: Energy
    glitches: float
    memory: float
    memory_leakage: float
    interval: int
    compared: int
    period: float

    @property
    def area(self) -> float:
        """um2."""
        return self.cell_area + self.memory_area

    @property
    def leakage(self) -> float:
        """fJ a cycle of cells and memories."""
        return self.timed.leakage + self.memory_leakage

    def total(self, memory: float = 1.0) -> float:
        """nJ a frame, memories' accesses at ``memory`` times what the map says."""
        return (self.timed.total + memory * self.memory + self.memory_leakage) * self.interval / 1e6


def netlist(layer: LayerParameters, library: Library, technology: Technology,
            clock_ps: float) -> Block:
    """The layer in the technology's cells, its row memories black boxes."""
    adder = technology.full_adder
    platform = AsicPlatform(TOP, None, Arithmetic(
        inverting=adder is not None and adder.inverted))
    source, _ = platform.convert(FixedLayer(layer), TOP)
    job = Job(TOP, source, tuple(sorted(platform.black_boxes)), library, technology, clock_ps)
    return synthesise_blocks([job])[TOP]


def measure(layer: LayerParameters, block: Block, library: Library, macros: MacroMap,
            source: np.ndarray, result: np.ndarray, arrivals: Sequence[int], *, macs: int,
            interval: int, clock_ps: float) -> LayerCost:
    """Simulate the netlist on pixels of ``source`` as they arrive (``stream.feed``), compare what
    comes out with ``result``, and count. Raises Mismatch."""
    found = feed(layer, source, result, arrivals)
    simulator = Simulator(block.netlist, library)
    ports = stimulus(found)
    given, accesses = memories(simulator, ports, found.first, found.last)
    ports |= given
    timed, plain = (simulator.run(ports, timed=delays, first=found.first, last=found.last)
                    for delays in (True, False))
    try:
        compared = min(compare(found, ports, trace) for trace in (timed, plain))
    except Mismatch as fault:
        raise Mismatch(f"{layer.name}: {fault}") from None
    told, quiet = (energy(simulator, trace, period=clock_ps) for trace in (timed, plain))
    area, spent, leakage = _banks(block, macros, accesses)
    return LayerCost(
        name=layer.name, macs=macs, cell_area=block.area, memory_area=area, timed=told,
        glitches=told.total - quiet.total, memory=spent / (found.last - found.first),
        memory_leakage=leakage * clock_ps * 1e-6, interval=interval, compared=compared,
        period=block.period)


def _banks(block: Block, macros: MacroMap, accesses: Accesses) -> tuple[float, float, float]:
    """Area of row memories, fJ of their accesses, their leakage in nW as far as it is known."""
    area = leakage = 0.0
    read = write = 0.0
    for module, _ in block.netlist.children.values():
        words, bits = map(int, _BANK.search(module).groups())
        bank = compose(macros, words, bits)
        area += bank.area_um2
        leakage += bank.leakage_nw or 0.0
        read, write = bank.read_pj or 0.0, bank.write_pj or 0.0  # all rows are alike
    return area, 1e3 * (accesses.reads * read + accesses.writes * write), leakage
