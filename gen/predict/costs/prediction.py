# SPDX-License-Identifier: Apache-2.0
"""Area of a spec's logic, by block, and energy of what an engine does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from ....golden.dbb import BLOCK
from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.facts import EngineFacts
from ....rtl.parameters import AcceleratorParameters
from ....rtl.sequencer.descriptor import Opcode
from ...compile.plan import block_weights
from ...compile.program import CompiledLayer, Program
from ...compile.schedule import row_tiles
from ..activity import layer_operands
from ..cycles import Prediction
from .blocks import PARTS, block_terms
from .coefficients import Costs, total
from .operands import Toggles, drawn_activations, mean_toggles, toggles_of
from .tpe import Tile, area_terms, clock_terms, data_terms

__all__ = ["BlockArea", "engine_energy", "layer_toggles", "logic_area", "tile_energy", "tpe_area"]

ZEROS = 0.5
"""Share of activations that are taken to be zero where no input is given."""
SAMPLED = 8
"""Rows, and columns, of a layer that are looked at."""
SAMPLED_TILES = 4
SAMPLED_BLOCKS = 128
NO_TOGGLES = Toggles(**{item.name: 0.0 for item in fields(Toggles)})


@dataclass(frozen=True)
class BlockArea:
    """Predicted cell area of a block, um2."""

    name: str
    um2: float


def tpe_area(facts: EngineFacts, arithmetic: Arithmetic, costs: Costs) -> float:
    """um2 of a TPE."""
    costs.check(arithmetic, facts.pipelined)
    return total(costs.area, area_terms(facts, arithmetic))


def logic_area(p: AcceleratorParameters, arithmetic: Arithmetic, costs: Costs) -> list[BlockArea]:
    """All logic, the TPEs first; memories are not in it."""
    areas = dict.fromkeys(("TPEs", *PARTS), 0.0)
    areas["TPEs"] = p.facts.m * p.facts.n * tpe_area(p.facts, arithmetic, costs)
    for (part, kind), terms in block_terms(p).items():
        areas[part] += total(costs.blocks.get(kind, {}), terms)
    return [BlockArea(name, um2) for name, um2 in areas.items()]


def tile_energy(facts: EngineFacts, toggles: Toggles, tile: Tile, costs: Costs) -> float:
    """fJ of a TPE for one tile of outputs, without leakage."""
    return (total(costs.clock, clock_terms(facts, toggles, tile))
            + total(costs.data, data_terms(facts, toggles, tile)))


def engine_energy(program: Program, prediction: Prediction, arithmetic: Arithmetic, costs: Costs,
                  *, clock_mhz: float, tensors: Mapping[int, np.ndarray] | None = None
                  ) -> list[float]:
    """nJ that the TPEs take in each layer of a run, leakage and idle cycles included.

    ``tensors``: golden's of one input, by index, the input itself among them; without them,
    activations are drawn at random, half of them zero.
    """
    p = program.parameters
    f, tpes = p.facts, p.facts.m * p.facts.n
    leakage = costs.leakage * tpe_area(f, arithmetic, costs) * 1e-3 / clock_mhz  # pJ a cycle
    found = []
    for layer, predicted in zip(program.layers, prediction.layers, strict=True):
        if layer.lowered.opcode is Opcode.MATRIX:
            tiles = row_tiles(layer.lowered, p) * len(layer.plan.tiles)
            steps = float(layer.plan.steps.sum()) / len(layer.plan.tiles)
            source = None if tensors is None else tensors[layer.lowered.source]
            toggles = layer_toggles(program, layer, source, arithmetic)
            each = sum(tile_energy(f, toggles, Tile.of_row(
                f, row, cycles=predicted.cycles / tiles, steps=steps), costs)
                for row in range(f.m)) / f.m
        else:
            tiles, tile = 1, Tile(cycles=predicted.cycles, steps=0, drains=0, moves=0)
            each = total(costs.clock, clock_terms(f, NO_TOGGLES, tile))
        found.append(tpes * (tiles * each * 1e-6 + leakage * predicted.cycles * 1e-3))
    return found


def layer_toggles(program: Program, layer: CompiledLayer, source: np.ndarray | None,
                  arithmetic: Arithmetic) -> Toggles:
    """What toggles in a step of an engine layer: sampled from its weights and the tensor that it
    reads."""
    p, plan = program.parameters, layer.plan
    weights = block_weights(layer.lowered.weights, p.facts.columns)
    parts = []
    for column in np.linspace(0, len(plan.tiles) - 1, min(SAMPLED_TILES, len(plan.tiles)),
                              dtype=int):
        issued = plan.tiles[column][:SAMPLED_BLOCKS]
        w = np.stack([weights[column, each.block, each.ky, each.kx][:SAMPLED]
                      for each in issued], axis=1)
        if source is None:
            x = drawn_activations(ZEROS, SAMPLED, len(issued), seed=int(column) + 1)
        else:
            taps = dict(_sampled_rows(program, layer, source))
            x = np.stack([taps[each.ky, each.kx][:, each.block] for each in issued], axis=1)
        passes = np.array([each.passes for each in issued])
        parts.append((toggles_of(p.facts, arithmetic, x, w, passes, steps=plan.pass_steps,
                                 split=plan.split), float(passes.sum())))
    return mean_toggles(*zip(*parts, strict=True))


def _sampled_rows(program: Program, layer: CompiledLayer, source: np.ndarray
                  ) -> Iterator[tuple[tuple[int, int], np.ndarray]]:
    """Of each tap the operands of sampled pixels, int16 [pixels, blocks, 8]."""
    shape = program.lowered.shapes[layer.lowered.source]
    rows = source.reshape(shape)[slice(*layer.part.source_rows)]
    height, width, _ = layer.lowered.output_shape
    pixels = np.linspace(0, height * width - 1, SAMPLED, dtype=int)
    for ky, kx, operands in layer_operands(layer, program.parameters, rows):
        picked = operands[pixels]
        padded = np.pad(picked, ((0, 0), (0, -picked.shape[1] % BLOCK)))
        yield (ky, kx), padded.reshape(SAMPLED, -1, BLOCK)
