# SPDX-License-Identifier: Apache-2.0
"""The digital macro against VDBB's TPE: the same layers, cells, clock and table of memories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....gen.build import parameters
from ....gen.cli.inputs import InputFault, load_inputs
from ....gen.compiler import compile_network
from ....gen.importer import load as load_model
from ....gen.memory import compose
from ....gen.predict import memory_use, predict, predict_accesses
from ....gen.spec import load
from ....golden import interpreter
from ....rtl.cim.contract import MacroParameters
from ..energy import Measurement
from ..ppa.designs import ENGINES
from ..ppa.measure import has_power
from ..simulation import Simulator
from ..sources import Sources, macros_of
from ..stimuli import steps_of, stimulus
from ..tpe_energy import compare_with_golden, energy_per_mac
from ..workloads import Matrices, matrix_layers, sampled
from .measure import MacroEnergy, measure_macro
from .netlists import Cells, MacroBlocks, macro_blocks, tpe_block
from .operands import conversions

__all__ = ["BITS", "Bench", "Run", "Task", "Tpe", "prepare"]

ENGINE = next(engine for engine in ENGINES if engine.name == "VDBB")
BITS = ((8, 8), (4, 4))
"""Of activations and weights."""
TILES = 3
WORD_BITS = 64


@dataclass(frozen=True, kw_only=True)
class Tpe:
    """VDBB's TPE on a layer. ``area`` in um2, ``period`` in ps; ``macs_a_cycle``: of the dense
    layer; ``energy``: fJ of one; ``weights``: fJ of one in reads of the weight memory;
    ``compared``: sums that were golden's."""

    area: float
    period: float
    macs_a_cycle: float
    energy: Measurement
    weights: float
    compared: int

    def total(self, memory: float = 1.0) -> float:
        """fJ, reads of memory at ``memory`` times what the map says."""
        return self.energy.timed.total + memory * self.weights


@dataclass(frozen=True, kw_only=True)
class Run:
    """A layer, of ``rows`` in all and ``used`` at once: ``tpe``, and the macro by bits of
    activations and weights."""

    layer: str
    rows: int
    used: int
    zeros: float
    tpe: Tpe
    macro: dict[tuple[int, int], MacroEnergy]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """``blocks``: the macro; ``weight_memory``: um2 of an ordinary memory for as many weights."""

    model: str
    technology: str
    library: str
    macros: str
    clock_ps: float
    blocks: MacroBlocks
    weight_memory: float
    runs: Sequence[Run] = field(default=())

    @property
    def met(self) -> bool:
        """Whether the macro's blocks and the TPE meet the clock, before layout."""
        return max(self.periods.values()) <= self.clock_ps

    @property
    def periods(self) -> dict[str, float]:
        """Critical paths of blocks in ps."""
        blocks = self.blocks
        return {"column": blocks.column.period, "shared": blocks.shared.period,
                "row drivers": blocks.drivers.period,
                "TPE": max(run.tpe.period for run in self.runs)}

    @property
    def macs_a_cycle(self) -> float:
        """Of the whole macro at 8 by 8 bits, all rows in use."""
        return self.blocks.macs_a_cycle() * self.blocks.p.adcs

    def tpe_area(self, tpe: Tpe) -> float:
        """um2 of TPEs and memory that do as much a cycle as the macro, and hold as much."""
        return self.macs_a_cycle * tpe.area / tpe.macs_a_cycle + self.weight_memory


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that is known before anything is measured. ``layers``: operands by name, ``weights``: fJ
    a MAC of VDBB's reads of weights."""

    cells: Cells
    p: MacroParameters
    model: str
    layers: dict[str, Matrices]
    weights: dict[str, float]
    bits: Sequence[tuple[int, int]]

    @property
    def steps(self) -> int:
        """Blocks that are synthesised, and layers."""
        return 4 + len(self.layers)

    def run(self, ended: Callable[[str], None] = lambda name: None) -> Bench:
        """Synthesise and measure; ``ended`` hears of each step. Raises Mismatch, ValueError where a
        TPE's sum is wrong, SynthesisFault."""
        cells, p = self.cells, self.p
        blocks = macro_blocks(p, cells, ended)
        facts = ENGINE.facts(overlapped=False)
        block = tpe_block(facts, cells)
        simulator = Simulator(block.netlist, cells.library)
        compared = compare_with_golden(simulator, facts)
        ended("tpe")
        runs = []
        for name, work in self.layers.items():
            rows = int(work.sizes.sum())
            tiles = stimulus(facts, work, tiles=TILES)
            found = {}
            for bits in self.bits:
                made = conversions(work, rows=p.rows, code_bits=p.code_bits,
                                   activation_bits=bits[0], weight_bits=bits[1])
                found[bits] = measure_macro(blocks, made, cells)
            tpe = Tpe(
                area=block.area, period=block.period,
                macs_a_cycle=facts.a * facts.c * rows / steps_of(facts, work, tiles=TILES),
                energy=energy_per_mac(simulator, tiles, period=cells.clock_ps),
                weights=self.weights[name],
                compared=compared + 2 * sum(len(row) for _, row in tiles.sums))
            runs.append(Run(layer=name, rows=rows, used=min(rows, p.rows), zeros=work.zeros,
                            tpe=tpe, macro=found))
            ended(name)
        return Bench(
            model=self.model, technology=cells.technology.name, library=cells.library.name,
            macros=cells.macros.source, clock_ps=cells.clock_ps, blocks=blocks,
            weight_memory=compose(cells.macros, p.rows * p.columns * 8 // WORD_BITS,
                                  WORD_BITS).area_um2, runs=runs)


def prepare(sources: Sources, model: Path, inputs: Path, p: MacroParameters, *,
            layers: Sequence[str] = (), overrides: Sequence[str] = (),
            bits: Sequence[tuple[int, int]] = BITS, clock_mhz: float = 500.0) -> Task:
    """Read cells and network. ``layers``: names of matrix layers, none for the one of most rows;
    ``overrides``: of the spec with which VDBB runs the network, whose reads of weights count.

    Raises ValueErrors of one sentence, OSError.
    """
    library, technology = sources.load()
    macros = macros_of(technology)
    if macros is None or not has_power(library):
        raise InputFault("--liberty must be given, of a technology with SRAM macros: gate "
                         "equivalents have no energy")
    network = load_model(model)
    values = load_inputs(inputs, network).values[:1]
    there = {layer.name: layer for layer in matrix_layers(network)}
    for name in layers:
        if name not in there:
            raise InputFault(f"--layer must be {', '.join(there)}, not {name!r}")
    if not there:
        raise InputFault(f"{model}: network must have a layer that is a product of matrices")
    chosen = layers or [max(there, key=lambda name: there[name].weights[0].size)]
    name, *changes = ENGINE.spec
    spec = load(name, [*changes, *overrides])
    program = compile_network(spec, network)
    prediction = predict(program)
    _, accesses = predict_accesses(program, prediction)
    weights = {}
    for layer, some in zip(prediction.layers, accesses, strict=True):
        if layer.name in chosen:
            read = sum(use.energy_pj or 0.0
                       for use in memory_use(parameters(spec), macros, [some])
                       if use.kind.name == "weights")
            weights[layer.name] = weights.get(layer.name, 0.0) + 1e3 * read / layer.macs
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    return Task(
        cells=Cells(library, technology, macros, 1e6 / clock_mhz), p=p, model=network.name,
        layers={name: sampled(network, np.asarray(values), there[name], tensors=tensors)
                for name in chosen}, weights=weights, bits=tuple(bits))
