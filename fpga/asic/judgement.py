# SPDX-License-Identifier: Apache-2.0
"""How far predicted area and energy are off what is measured."""

from contextlib import suppress

import numpy as np

from ...gen.build import arithmetic, parameters
from ...gen.compile import CompileFault
from ...gen.compile.schedule import row_tiles
from ...gen.compiler import compile_network
from ...gen.predict.costs import (
    PARTS,
    Costs,
    Judged,
    Pair,
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
from .stimuli import steps_of
from .technology import Technology
from .training import Shape, Work, spec_shape
from .workloads import matrix_layers, sampled

__all__ = ["judge", "judge_blocks", "judge_network", "judge_tpe"]

LAYERS = "all layers"


def judge(spec: Spec, bench: Bench, costs: Costs,
          inference: tuple[Network, np.ndarray] | None = None) -> Judged:
    """A whole spec: its logic, its TPE, and what that takes for tiles of seeded workloads and for
    an inference, a network and its input, if that fits."""
    shape = spec_shape(spec)
    tpe, tiles = judge_tpe(shape, bench.tpe(shape), costs, bench.technology)
    logic = judge_blocks(spec, bench, costs)
    network = None
    if inference is not None:
        with suppress(CompileFault):
            network = judge_network(spec, *inference, bench, costs)[LAYERS]
    return Judged(logic=(sum(pair[0] for pair in logic.values()),
                         sum(pair[1] for pair in logic.values())),
                  tpe=tpe, tiles=tiles, network=network)


def judge_tpe(shape: Shape, point: TpePoint, costs: Costs, technology: Technology
              ) -> tuple[Pair, dict[str, Pair]]:
    """Area of a TPE, and its energy for a tile of each workload."""
    built = arithmetic_of(shape, technology)
    energies = {}
    for run in point.runs:
        toggles, steps = step_toggles(shape.facts, built, matrices(run.work), run.work.bound)
        tile = tile_of(shape.facts, run, steps)
        energies[f"{run.work.nnz}/8, {run.work.zeros:.0%} zeros, {run.work.bound} kept"] = (
            (run.clock + run.data) * tile.cycles, tile_energy(shape.facts, toggles, tile, costs))
    return (point.area, tpe_area(shape.facts, built, costs)), energies


def judge_blocks(spec: Spec, bench: Bench, costs: Costs) -> dict[str, Pair]:
    """All logic of a spec by part."""
    shape, p = spec_shape(spec), parameters(spec)
    areas = dict.fromkeys(("TPEs", *PARTS), 0.0)
    areas["TPEs"] = p.facts.m * p.facts.n * bench.tpe(shape).area
    for (part, _), area in bench.blocks(spec).items():
        areas[part] += area
    built = arithmetic(spec, asic=True, inverting=costs.inverting)
    assert built is not None
    return {area.name: (areas[area.name], area.um2) for area in logic_area(p, built, costs)}


def judge_network(spec: Spec, network: Network, values: np.ndarray, bench: Bench, costs: Costs
                  ) -> dict[str, Pair]:
    """nJ that the TPEs of ``spec`` take for the layers of an input int8 [1, ...], the whole first:
    steps of the compiled layer times the energy of a step, with its share of the read-out, once of
    a TPE's netlist that computes tiles of that layer, once predicted from its weights and the
    tensor that it reads. CompileFault where the network does not fit."""
    shape, p = spec_shape(spec), parameters(spec)
    f, built = shape.facts, arithmetic_of(shape, bench.technology)
    program = compile_network(spec, network)
    tensors = interpreter.run(network, values) | {network.inputs[0]: values}
    layers = {layer.output: layer for layer in matrix_layers(network)}
    simulator = Simulator(bench.netlist(shape), bench.library)
    found = {}
    for layer in program.layers:
        low = layers.get(layer.lowered.output)
        if low is None:
            continue
        work = sampled(network, values, low, tensors=tensors)
        run = bench.energy(simulator, f, Work(0, 0.0), work)
        steps = steps_of(f, work, tiles=run.tiles + 1)
        tile = Tile.of_row(f, 0, cycles=run.cycles / run.tiles, steps=steps)
        predicted = tile_energy(
            f, layer_toggles(program, layer, tensors[layer.lowered.source], built), tile, costs)
        tiles = row_tiles(layer.lowered, p) * int(layer.plan.steps.sum()) / steps * f.m * f.n
        found[low.name] = ((run.clock + run.data) * tile.cycles * tiles * 1e-6,
                           predicted * tiles * 1e-6)
    return {LAYERS: (sum(pair[0] for pair in found.values()),
                     sum(pair[1] for pair in found.values()))} | found
