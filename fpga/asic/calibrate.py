# SPDX-License-Identifier: Apache-2.0
"""Fits what ``gen/predict/costs`` predicts with to measured blocks, and says how far off it is on
specs that were not fitted.

``python -m systolith.fpga.asic.calibrate --liberty DIR -o gen/predict/costs/asap7.json``: tens of
minutes; with ``--store FILE`` what was measured is kept, and a run that ended early goes on.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

import numpy as np

from ...gen.build import parameters
from ...gen.cli.inputs import load_inputs
from ...gen.importer import load as load_model
from ...gen.predict.costs import (
    Costs,
    area_terms,
    block_terms,
    clock_terms,
    data_terms,
    error,
)
from ...gen.spec import Spec, load
from .fitting import nonnegative
from .judgement import judge, judge_tpe
from .liberty import read_libraries
from .measured import CLOCK_PS, Bench, arithmetic_of, matrices, step_toggles, tile_of
from .technology import load_technology
from .training import BLOCK_TRAINING, TRAINING, Shape, held_out

__all__ = ["calibrate", "main"]

SOURCE = ("python -m systolith.fpga.asic.calibrate: cell area and energy with glitches of mapped, "
          "sized netlists, no layout")


def calibrate(bench: Bench, shapes: tuple[Shape, ...], specs: dict[str, Spec]) -> Costs:
    """Measure TPEs of ``shapes`` and the other blocks of ``specs``, and fit."""
    technology = bench.technology
    areas, measured = [], []
    clocks, clocked, datas, switched = [], [], [], []
    leaks = []
    for shape in shapes:
        point, built = bench.tpe(shape), arithmetic_of(shape, technology)
        areas.append(area_terms(shape.facts, built))
        measured.append(point.area)
        for run in point.runs:
            toggles, steps = step_toggles(shape.facts, built, matrices(run.work), run.work.bound)
            tile = tile_of(shape.facts, run, steps)
            clocks.append(clock_terms(shape.facts, toggles, tile))
            datas.append(data_terms(shape.facts, toggles, tile))
            clocked.append(run.clock * tile.cycles)
            switched.append(run.data * tile.cycles)
            leaks.append(run.leakage * 1e3 / point.area)  # fJ in 1 ns: uW
    blocks: dict[str, list] = {}
    for spec in specs.values():
        terms = block_terms(parameters(spec))
        for (part, kind), area in bench.blocks(spec).items():
            if area:
                blocks.setdefault(kind, []).append((terms[part, kind], area))
    costs = Costs(
        technology=technology.name,
        operating_point=f"{1e6 / CLOCK_PS:g} MHz, cells' typical corner, before layout",
        source=SOURCE, inverting=arithmetic_of(shapes[0], technology).inverting,
        multipliers=["baugh-wooley"],
        area=nonnegative(areas, measured), clock=nonnegative(clocks, clocked),
        data=nonnegative(datas, switched, np.add(clocked, switched).tolist()),
        leakage=sum(leaks) / len(leaks),
        blocks={kind: nonnegative([terms for terms, _ in rows], [area for _, area in rows])
                for kind, rows in sorted(blocks.items())},
        training=[shape.label for shape in shapes], block_training=list(specs), residuals={})
    judged = [judge_tpe(shape, bench.tpe(shape), costs, technology) for shape in shapes]
    return costs.model_copy(update={"residuals": {
        "area": max(abs(error(area)) for area, _ in judged),
        "energy": max(abs(error(tile)) for _, tiles in judged for tile in tiles.values())}})


def main(arguments: list[str] | None = None) -> int:
    """Calibrate, judge, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--liberty", type=Path, nargs="+", required=True)
    parser.add_argument("--tech", default="asap7")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--judge", action="store_true", help="on specs that are not fitted")
    parser.add_argument("--model", type=Path, help="a network to judge energy by, too")
    parser.add_argument("--input", type=Path, help="inputs of it, of which the first is taken")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    bench = Bench(read_libraries(_files(options.liberty)), load_technology(options.tech),
                  options.store, tell=partial(print, file=sys.stderr, flush=True))
    specs = {label: load(name, overrides)
             for label, (name, overrides) in BLOCK_TRAINING.items()}
    costs = calibrate(bench, TRAINING, specs)
    print(f"largest residual {costs.residuals['area']:.1%} of area, "
          f"{costs.residuals['energy']:.1%} of energy")
    _write(costs, options.output)
    if options.judge:
        inference = None
        if options.model is not None:
            network = load_model(options.model)
            inference = network, load_inputs(options.input, network).first(1).values
        for label, spec in held_out().items():
            told = judge(spec, bench, costs, inference)
            costs = costs.model_copy(update={"judged": costs.judged | {label: told}})
            print(f"{label}: area {told.area_error:+.1%}, TPE {error(told.tpe):+.1%}; energy "
                  f"{told.energy_error:+.1%} at worst", flush=True)
            _write(costs, options.output)
    return 0


def _write(costs: Costs, path: Path) -> None:
    path.write_text(json.dumps(costs.model_dump(), indent=1) + "\n")


def _files(paths: list[Path]) -> list[Path]:
    return [file for path in paths for file in (
        sorted(path.glob("*.lib*")) if path.is_dir() else [path])]


if __name__ == "__main__":
    sys.exit(main())
