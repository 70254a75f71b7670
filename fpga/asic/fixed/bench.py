# SPDX-License-Identifier: Apache-2.0
"""A network's fixed-weight front end against the same layers on programmable engines."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ....gen.build import parameters
from ....gen.cli.inputs import InputFault, load_inputs
from ....gen.compiler import compile_network
from ....gen.fixed.latency import FRAMES, arrivals
from ....gen.fixed.pipeline import front_end
from ....gen.importer import load as load_model
from ....gen.memory import MacroMap
from ....gen.predict import memory_use, predict
from ....gen.spec import Spec, load
from ....golden import interpreter
from ....golden.network import Network
from ....rtl.constants.plan import Form
from ....rtl.fixed.parameters import FrontEndParameters
from ..chip import synthesise_chip
from ..chip_energy import LayerEnergy, network_energy
from ..hierarchy import emit
from ..library import Library
from ..ppa.measure import has_power
from ..sources import Sources, macros_of
from ..technology import Technology
from .measure import LayerCost, measure, netlist

__all__ = ["ENGINES", "FLOOR", "GOAL", "Bench", "Engine", "Split", "Task", "prepare"]

ENGINES = {
    "sta": ("engine.kind=sta", "engine.tpe.b=8", "engine.grid.m=1", "engine.grid.n=2"),
    "sta-dbb": ("engine.kind=sta-dbb", "engine.weights.nnz=4", "engine.grid.m=2",
                "engine.grid.n=2"),
    "vdbb": ("engine.kind=vdbb", "engine.tpe.b=8", "engine.grid.m=4", "engine.grid.n=4"),
}
"""Engines of 256 multipliers in TPEs of 4x8x4, as fields of the spec that all share."""
FLOOR, GOAL = 2.0, 4.81
"""Of TOPS/W, front end over engine: at least; the paper's (FixyNN, arXiv 1902.11128)."""
LEVELS_PER_STAGE = 1 << 10
"""A carry-save tree of constants is one stage."""
WORD = 8
"""Bytes of a word of the activation memory."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The whole network on an engine. ``layers``: nJ and cycles by layer; ``outside``: nJ ahead of
    them; ``leakage``: nJ a cycle; ``write``: nJ of a word that is written into the activation
    memory; ``area`` in um2."""

    name: str
    area: float
    layers: Sequence[LayerEnergy]
    outside: float
    leakage: float
    write: float

    def total(self, names: Sequence[str]) -> float:
        """nJ of the layers of these names."""
        return sum(layer.total() for layer in self.layers if layer.name in names)

    @property
    def within(self) -> set[str]:
        """Layers that run within the next one, where their energy is counted."""
        return {layer.name for layer in self.layers if layer.macs and not layer.cycles}

    def gated(self, names: Sequence[str]) -> float:
        """As ``total``, if blocks took nothing while they rest."""
        return self.total(names) - sum(layer.resting for layer in self.layers
                                       if layer.name in names)

    def bare(self, names: Sequence[str]) -> float:
        """nJ of the TPEs at work and of memories alone."""
        return sum(layer.array + layer.memory for layer in self.layers if layer.name in names)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Layers up to ``last`` fixed, the others on an engine: nJ of an inference. ``handoff``: of
    the tensor between them, written into the activation memory; ``waiting``: leakage of the side
    that ends first, until the other does. ``gain``: times less energy than all on the engine."""

    last: str
    engine: str
    fixed: float
    handoff: float
    rest: float
    waiting: float
    alone: float
    front_area: float

    @property
    def total(self) -> float:
        """nJ."""
        return self.fixed + self.handoff + self.rest + self.waiting

    @property
    def gain(self) -> float:
        """Whole network."""
        return self.alone / self.total


@dataclass(frozen=True, kw_only=True)
class Bench:
    """``layers`` of the front end in order, ``shapes`` (rows, columns, channels) of their tensors;
    ``interval``: cycles a frame; ``engines``: every one that was measured."""

    model: str
    technology: str
    library: str
    macros: str
    clock_ps: float
    layers: Sequence[LayerCost]
    shapes: Sequence[tuple[int, int, int]]
    interval: int
    engines: Sequence[Engine] = field(default=())

    @property
    def names(self) -> list[str]:
        """Of the front end's layers."""
        return [layer.name for layer in self.layers]

    @property
    def macs(self) -> int:
        """Of the front end's dense layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def energy(self) -> float:
        """nJ a frame of the front end, line buffers counted."""
        return sum(layer.total() for layer in self.layers)

    @property
    def tops_per_watt(self) -> float:
        """Of the front end: two operations a dense MAC."""
        return 2 * self.macs / (self.energy * 1e3)

    def engine_tops_per_watt(self, engine: Engine) -> float:
        """Of the same layers on ``engine``."""
        return 2 * self.macs / (engine.total(self.names) * 1e3)

    @property
    def baseline(self) -> Engine:
        """The engine of least energy on the front end's layers."""
        return min(self.engines, key=lambda engine: engine.total(self.names))

    @property
    def ratio(self) -> float:
        """TOPS/W of the front end over the baseline's."""
        return self.baseline.total(self.names) / self.energy

    def splits(self, engine: Engine) -> list[Split]:
        """Every split behind a layer that the engine does not run within the next one."""
        alone = engine.outside + sum(layer.total() for layer in engine.layers)
        within = engine.within
        found = []
        for count, layer in enumerate(self.layers, start=1):
            if layer.name in within:
                continue
            rest = [each for each in engine.layers if each.name not in self.names[:count]]
            idle = self.interval - sum(each.cycles for each in rest)
            fixed = self.layers[:count]
            height, width, channels = self.shapes[count - 1]
            found.append(Split(
                last=layer.name, engine=engine.name, fixed=sum(each.total() for each in fixed),
                handoff=height * width * math.ceil(channels / WORD) * engine.write,
                rest=engine.outside + sum(each.total() for each in rest),
                waiting=(engine.leakage * idle if idle > 0
                         else -idle * sum(each.leakage for each in fixed) * 1e-6),
                alone=alone, front_area=sum(each.area for each in fixed)))
        return found


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that is known before anything is measured."""

    library: Library
    technology: Technology
    macros: MacroMap
    network: Network
    values: np.ndarray
    front: FrontEndParameters
    specs: dict[str, Spec]
    clock_ps: float

    @property
    def steps(self) -> int:
        """Layers and engines."""
        return len(self.front.layers) + len(self.specs)

    def run(self, ended: Callable[[str], None] = lambda name: None) -> Bench:
        """Measure layer by layer, then engine by engine; ``ended`` hears of each. Raises
        Mismatch, SynthesisFault."""
        tensors = interpreter.run(self.network, self.values) | {
            self.network.inputs[0]: self.values}
        macs = {layer.name: layer.macs for layer in predict(compile_network(
            next(iter(self.specs.values())), self.network)).layers}
        layers, interval = self._front(tensors, macs, ended)
        engines = []
        for name, spec in self.specs.items():
            engines.append(self._engine(name, spec))
            ended(name)
        return Bench(
            model=self.network.name, technology=self.technology.name, library=self.library.name,
            macros=self.macros.source, clock_ps=self.clock_ps, layers=layers,
            shapes=[layer.out_shape for layer in self.front.layers], interval=interval,
            engines=engines)

    def _front(self, tensors: dict[int, np.ndarray], macs: dict[str, int],
               ended: Callable[[str], None]) -> tuple[list[LayerCost], int]:
        cycles = arrivals(self.front)
        pixels = self.front.in_shape[0] * self.front.in_shape[1]
        interval = cycles[0][(FRAMES - 1) * pixels] - cycles[0][(FRAMES - 2) * pixels]
        shapes = {-1: self.front.in_shape} | {
            place: layer.out_shape for place, layer in enumerate(self.front.layers)}
        numbers = {-1: self.network.inputs[0]} | {
            place: layer.tensor for place, layer in enumerate(self.front.layers)}
        found = []
        for layer, taken in zip(self.front.layers, cycles, strict=True):
            source = np.concatenate([tensors[numbers[place]].reshape(shapes[place])
                                     for place in layer.sources], axis=2)
            block = netlist(layer, self.library, self.technology, self.clock_ps)
            found.append(measure(
                layer, block, self.library, self.macros, source,
                tensors[layer.tensor].reshape(layer.out_shape), taken,
                macs=macs.get(layer.name, 0), interval=interval, clock_ps=self.clock_ps))
            ended(layer.name)
        return found, interval

    def _engine(self, name: str, spec: Spec) -> Engine:
        hierarchy = emit(spec, self.technology)
        chip = synthesise_chip(spec, hierarchy, self.library, self.technology,
                               macros=self.macros, clock_mhz=1e6 / self.clock_ps)
        program = compile_network(spec, self.network)
        found = network_energy(chip, self.network, program, predict(program), self.values)
        bank = next(use.bank for use in memory_use(parameters(spec), self.macros)
                    if use.kind.name == "activations")
        return Engine(
            name=name, area=chip.area, layers=found.layers,
            outside=found.outside,
            leakage=found.leakage / found.cycles, write=(bank.write_pj or 0.0) / 1e3)


def prepare(sources: Sources, model: Path, inputs: Path, *, layers: int, spec: str,
            overrides: Sequence[str] = (), engines: Sequence[str] = tuple(ENGINES), effort: int = 1,
            clock_mhz: float | None = None) -> Task:
    """Read cells and network; the first ``layers`` of it are the front end. ``spec``, with
    ``overrides`` and what ``ENGINES`` says, is the baseline, and has the clock. ``effort``: see
    ``gen.fixed.pipeline``.

    Raises ValueErrors of one sentence, OSError.
    """
    library, technology = sources.load()
    macros = macros_of(technology)
    if macros is None or not has_power(library):
        raise InputFault("--liberty must be given, of a technology with SRAM macros: gate "
                         "equivalents have no energy")
    for name in engines:
        if name not in ENGINES:
            raise InputFault(f"--engine must be {', '.join(ENGINES)}, not {name!r}")
    specs = {name: load(spec, [*ENGINES[name], *overrides]) for name in engines}
    network = load_model(model)
    front = front_end(network, range(layers), levels_per_stage=LEVELS_PER_STAGE, single_port=True,
                      effort=effort, form=Form.TREES)
    for each in specs.values():
        compile_network(each, network)  # fits, before anything takes long
    clock = clock_mhz or next(iter(specs.values())).target.clock_mhz
    return Task(library=library, technology=technology, macros=macros, network=network,
                values=load_inputs(inputs, network).first(1).values, front=front, specs=specs,
                clock_ps=1e6 / clock)
