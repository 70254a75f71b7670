# SPDX-License-Identifier: Apache-2.0
"""How far predicted area and energy are off what is measured."""

from dataclasses import dataclass

import numpy as np

from ...gen.build import arithmetic, parameters
from ...gen.compile.schedule import row_tiles
from ...gen.mapping import compile_network
from ...gen.predict.costs import (
    GROUPS,
    Costs,
    Tile,
    layer_toggles,
    logic_area,
    tile_energy,
    tpe_area,
)
from ...gen.spec import Spec
from ...golden import interpreter
from ...golden.network import Network
from .measured import Bench, TpePoint, arithmetic_of, matrices, step_toggles, tile_of
from .simulation import Simulator
from .technology import Technology
from .training import Shape, Work, spec_shape
from .workloads import matrix_layers, sampled

__all__ = ["Judgement", "judge_blocks", "judge_network", "judge_tpe"]


@dataclass(frozen=True)
class Judgement:
    """Measured and predicted, and by how much prediction is off."""

    name: str
    measured: float
    predicted: float

    @property
    def error(self) -> float:
        """Relative to what was measured."""
        return self.predicted / self.measured - 1


def judge_tpe(shape: Shape, point: TpePoint, costs: Costs, technology: Technology
              ) -> tuple[Judgement, list[Judgement]]:
    """Area of a TPE, and its energy for a tile of each workload."""
    built = arithmetic_of(shape, technology)
    energies = []
    for run in point.runs:
        toggles, steps = step_toggles(shape.facts, matrices(run.work), run.work.bound)
        tile = tile_of(shape.facts, run, steps)
        energies.append(Judgement(
            f"{run.work.nnz}/8, {run.work.zeros:.0%} zeros, {run.work.bound} kept",
            (run.clock + run.data) * tile.cycles,
            tile_energy(shape.facts, built, toggles, tile, costs)))
    return (Judgement(shape.label, point.area, tpe_area(shape.facts, built, costs)), energies)


def judge_blocks(spec: Spec, bench: Bench, costs: Costs) -> list[Judgement]:
    """All logic of a spec by block, the whole first."""
    shape = spec_shape(spec)
    p, measured = parameters(spec), bench.blocks(spec)
    chosen = arithmetic(spec, asic=True, inverting=costs.inverting)
    assert chosen is not None
    areas = {"TPEs": p.facts.m * p.facts.n * bench.tpe(shape).area} | {
        name: sum(measured.get(kind, 0.0) for kind in kinds) for name, kinds in GROUPS.items()}
    predicted = {area.name: area.um2 for area in logic_area(p, chosen, costs)}
    return [Judgement("all logic", sum(areas.values()), sum(predicted.values())),
            *(Judgement(name, area, predicted[name]) for name, area in areas.items())]


def judge_network(spec: Spec, network: Network, values: np.ndarray, bench: Bench, costs: Costs
                  ) -> list[Judgement]:
    """nJ that the TPEs of ``spec`` take for the layers of an input int8 [1, ...], the whole first:
    steps of the compiled layer times the energy of a step, once of a TPE's netlist that computes
    tiles of that layer, once predicted from its weights and the tensor that it reads."""
    shape, p = spec_shape(spec), parameters(spec)
    f, built = shape.facts, arithmetic_of(shape, bench.technology)
    program = compile_network(spec, network)
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    layers = {layer.output: layer for layer in matrix_layers(network)}
    simulator = Simulator(bench.netlist(shape), bench.library)
    found = []
    for layer in program.layers:
        low = layers.get(layer.lowered.output)
        if low is None:
            continue
        run = bench.energy(simulator, f, Work(0, 0.0), sampled(network, values, low,
                                                              tensors=tensors))
        each = run.cycles / run.tiles
        predicted = tile_energy(
            f, built, layer_toggles(program, layer, tensors[layer.lowered.source]),
            Tile.of_row(f, 0, cycles=each, steps=each), costs) / each
        events = row_tiles(layer.lowered, p) * int(layer.plan.steps.sum()) * f.m * f.n
        found.append(Judgement(low.name, (run.clock + run.data) * events * 1e-6,
                               predicted * events * 1e-6))
    return [Judgement("all layers", sum(each.measured for each in found),
                      sum(each.predicted for each in found)), *found]
