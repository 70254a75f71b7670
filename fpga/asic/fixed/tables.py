# SPDX-License-Identifier: Apache-2.0
"""A comparison as tables and as plain data."""

import dataclasses
from collections.abc import Iterator

from .bench import FLOOR, GOAL, Bench

__all__ = ["Table", "as_dict", "notes", "tables"]


@dataclasses.dataclass(frozen=True)
class Table:
    """``rows`` have equal keys, the headings."""

    title: str
    rows: list[dict]


def tables(bench: Bench) -> Iterator[Table]:
    """Layers, engines, splits."""
    mhz = f"{1e6 / bench.clock_ps:g} MHz"
    yield Table(f"Front end of {bench.model} on {bench.technology}, {mhz}", [
        *(_layer(bench, index) for index in range(len(bench.layers))),
        {"layer": "all", "macs": bench.macs,
         "cells_um2": sum(layer.cell_area for layer in bench.layers),
         "memory_um2": sum(layer.memory_area for layer in bench.layers),
         "nj": bench.energy,
         "glitches_nj": sum(layer.glitches for layer in bench.layers) * bench.interval / 1e6,
         "memory_nj": sum(layer.memory for layer in bench.layers) * bench.interval / 1e6,
         "fj_a_mac": bench.energy * 1e6 / bench.macs, "tops_w": bench.tops_per_watt,
         **{f"{engine.name}_nj": engine.total(bench.names) for engine in bench.engines},
         "ratio": bench.ratio}])
    yield Table("The same layers on programmable engines of 256 multipliers", [
        {"engine": engine.name, "area_um2": engine.area, "nj": engine.total(bench.names),
         "tops_w": bench.engine_tops_per_watt(engine),
         "front_end_over_it": engine.total(bench.names) / bench.energy,
         "if_rest_cost_nothing": engine.gated(bench.names) / bench.energy,
         "over_its_tpes_and_memories": engine.bare(bench.names) / bench.energy}
        for engine in bench.engines])
    yield Table("Whole network, by the last layer that is fixed", [
        {"engine": split.engine, "fixed_up_to": split.last, "front_um2": split.front_area,
         "fixed_nj": split.fixed, "handoff_nj": split.handoff, "rest_nj": split.rest,
         "waiting_nj": split.waiting, "total_nj": split.total, "engine_alone_nj": split.alone,
         "gain": split.gain}
        for engine in bench.engines for split in bench.splits(engine)])


def _layer(bench: Bench, index: int) -> dict:
    layer = bench.layers[index]
    energy = layer.total()
    on = {f"{engine.name}_nj": engine.total([layer.name]) for engine in bench.engines}
    return {
        "layer": layer.name, "macs": layer.macs, "cells_um2": layer.cell_area,
        "memory_um2": layer.memory_area, "nj": energy,
        "glitches_nj": layer.glitches * layer.interval / 1e6,
        "memory_nj": layer.memory * layer.interval / 1e6,
        "fj_a_mac": energy * 1e6 / layer.macs if layer.macs else None,
        "tops_w": 2 * layer.macs / (energy * 1e3), **on,
        "ratio": (None if layer.name in bench.baseline.within
                  else on[f"{bench.baseline.name}_nj"] / energy)}


def notes(bench: Bench) -> Iterator[str]:
    """What the figures mean, and how the front end stands."""
    state = ("goal reached" if bench.ratio >= GOAL else
             "floor held" if bench.ratio >= FLOOR else "floor MISSED")
    yield (f"front end {bench.tops_per_watt:.2f} TOPS/W, {bench.baseline.name} "
           f"{bench.engine_tops_per_watt(bench.baseline):.2f}: {bench.ratio:.2f} times "
           f"(required {FLOOR:g}, goal {GOAL:g}): {state}")
    base = bench.baseline
    yield (f"if {base.name}'s blocks took nothing while they rest, "
           f"{base.gated(bench.names) / bench.energy:.2f} times; its TPEs and memories alone take "
           f"{base.bare(bench.names) / bench.energy:.2f} times the front end's energy")
    yield (f"{sum(layer.compared for layer in bench.layers)} pixels of netlists equal golden; "
           f"a frame in {bench.interval:,} cycles; line buffers counted")
    yield ("energy of cells with glitches, 0.35 fF of wire a sink, clock pins and gates, leakage; "
           "no layout, no clock tree; a layer that an engine runs within the next one is counted "
           "there")
    yield f"memories of both: {bench.macros}"


def as_dict(bench: Bench) -> dict:
    """Plain data; units as in ``LayerCost``, ``LayerEnergy`` and ``Split``."""
    return {
        "model": bench.model, "technology": bench.technology, "library": bench.library,
        "clock_ps": bench.clock_ps, "interval": bench.interval, "macs": bench.macs,
        "front_end_nj": bench.energy, "front_end_tops_per_watt": bench.tops_per_watt,
        "baseline": bench.baseline.name,
        "baseline_tops_per_watt": bench.engine_tops_per_watt(bench.baseline),
        "ratio": bench.ratio, "floor": FLOOR, "goal": GOAL,
        "layers": [dataclasses.asdict(layer) | {
            "nj": layer.total(), "nj_memory_half": layer.total(0.5),
            "nj_memory_twice": layer.total(2.0)} for layer in bench.layers],
        "engines": [dataclasses.asdict(engine) | {
            "front_end_layers_nj": engine.total(bench.names),
            "front_end_layers_gated_nj": engine.gated(bench.names),
            "front_end_layers_bare_nj": engine.bare(bench.names)} for engine in bench.engines],
        "splits": [dataclasses.asdict(split) | {"total": split.total, "gain": split.gain}
                   for engine in bench.engines for split in bench.splits(engine)],
        "notes": list(notes(bench))}
