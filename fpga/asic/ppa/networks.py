# SPDX-License-Identifier: Apache-2.0
"""A real network on each engine: operands for its TPE, tiles, cycles and accesses to memories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ....gen.build import parameters
from ....gen.cli.inputs import load_inputs
from ....gen.compile import bound_activations
from ....gen.compile.schedule import row_tiles
from ....gen.compiler import compile_network
from ....gen.importer import load as load_model
from ....gen.memory import MacroMap
from ....gen.predict import memory_use, predict, predict_accesses
from ....gen.spec import load
from ....golden import interpreter
from ....golden.dbb import BLOCK
from ....golden.network import Network
from ....rtl.sequencer.descriptor import Opcode
from ..workloads import Matrices, matrix_layers, sampled
from .designs import Engine

__all__ = ["SRAM_FACTORS", "NetworkRow", "Plan", "plan", "row"]

SAMPLED = 64
"""Rows and columns of a layer, at most, that are simulated."""
SRAM_FACTORS = (0.5, 1.0, 2.0)
"""Of the table of memories, whose numbers are scaled ones on ASAP7."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A network on an engine. ``layers``: operands, by name; ``tiles``: of one TPE each, in the
    whole array, by name; ``above``: TPEs above the middle one of a column; ``sram_nj``: energy of
    all accesses of an inference, None without a map of macros."""

    engine: str
    layers: Mapping[str, Matrices]
    tiles: Mapping[str, int]
    above: int
    cycles: int
    sram_nj: float | None
    macs: int


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """Energy of an inference in nJ: of the array's TPEs, and of all memories by the factor that
    their table is multiplied with. Layers of the vector unit are in the memories' part alone."""

    engine: str
    model: str
    cycles: int
    macs: int
    array_nj: float
    sram_nj: Mapping[str, float]

    def total(self, factor: float = 1.0) -> float | None:
        """nJ, or None without a table of memories."""
        found = self.sram_nj.get(f"{factor:g}")
        return None if found is None else self.array_nj + found


def plan(engine: Engine, model: Path, inputs: Path, overlapped: bool,
         macros: MacroMap | None) -> Plan:
    """Compile ``model`` for ``engine`` and take operands from the first of ``inputs``.

    Engines that prune activations prune them to their bound wherever that saves cycles. Raises
    what reading and compiling raise.
    """
    name, *changes = engine.spec
    spec = load(name, [*changes, "drain.read_out=" + ("overlapped" if overlapped else
                                                      "in-place")])
    p = parameters(spec)
    network = load_model(model)
    if engine.bound != BLOCK:
        network = bound_activations(network, p.facts, [str(engine.bound)])
    program = compile_network(spec, network)
    prediction = predict(program)
    outside, accesses = predict_accesses(program, prediction)
    uses = [] if macros is None else memory_use(p, macros, [outside, *accesses])
    energies = [use.energy_pj for use in uses]
    tiles: dict[str, int] = {}
    for layer in program.layers:
        if layer.lowered.opcode is Opcode.MATRIX:
            count = row_tiles(layer.lowered, p) * len(layer.plan.tiles) * spec.engine.grid.m
            own = layer.lowered.name
            tiles[own] = tiles.get(own, 0) + count * spec.engine.grid.n
    return Plan(
        engine=engine.name, layers=_operands(network, inputs, tiles), tiles=tiles,
        above=(spec.engine.grid.m - 1) // 2, cycles=prediction.cycles,
        sram_nj=None if not uses or None in energies else sum(energies) / 1e3,
        macs=sum(layer.lowered.macs for layer in program.layers
                 if layer.lowered.opcode is Opcode.MATRIX))


def _operands(network: Network, inputs: Path, wanted: Sequence[str]) -> dict[str, Matrices]:
    values = load_inputs(inputs, network).values[:1]
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    found = {}
    for layer in matrix_layers(network):
        if layer.name in wanted:
            work = sampled(network, values, layer, tensors=tensors)
            found[layer.name] = replace(work, x=_spread(work.x), w=_spread(work.w))
    return found


def _spread(values: np.ndarray) -> np.ndarray:
    """At most ``SAMPLED`` of the first axis, from end to end, in runs as a tile's rows are."""
    if len(values) <= SAMPLED:
        return values
    runs = np.linspace(0, len(values) // BLOCK - 1, SAMPLED // BLOCK).astype(int)
    return np.concatenate([values[BLOCK * run:BLOCK * (run + 1)] for run in runs])


def row(found: Plan, model: str, tile_fj: Mapping[str, float]) -> NetworkRow:
    """Energy of an inference: ``tile_fj`` is that of a TPE's tile, by layer."""
    array = sum(count * tile_fj[name] for name, count in found.tiles.items()) / 1e6
    sram = {} if found.sram_nj is None else {f"{factor:g}": factor * found.sram_nj
                                             for factor in SRAM_FACTORS}
    return NetworkRow(engine=found.engine, model=model, cycles=found.cycles, macs=found.macs,
                      array_nj=array, sram_nj=sram)
