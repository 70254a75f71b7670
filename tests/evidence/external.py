# SPDX-License-Identifier: Apache-2.0
"""Networks larger than the memories on chip: every engine, many programs, every bench."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from systolith.gen.compile import CompileFault
from systolith.gen.compiler import compile_network
from systolith.verif.run import run_in_turn, simulator
from systolith.verif.stress import stress

from ..exact import compare
from ..external import ADDITIONS, external_cases, external_spec, features
from ..gen.compile.external.replay import faults
from ..random_designs import KINDS_OF_LAYERS, random_network, thinned
from .table import Result, Section

__all__ = ["SECTIONS"]

KINDS = ("vdbb", "sta-dbb", "s2ta-aw", "sta", "sa")
NETWORKS = 12
PROGRAMS = 60
SHAPES: tuple[tuple[int, int, tuple[int, int], tuple[str, ...]], ...] = (
    (16, 4, (8, 20), ()),
    (32, 8, (14, 40), ()),
    (4, 2, (5, 13), ()),
    (16, 4, (8, 20), ("vector.lanes=8", "engine.tpe={a: 2, b: 8, c: 4}",
                      "engine.grid={m: 2, n: 6}")),
)
"""KiB of weights and of activations, the input's sides, other overrides."""


def external_networks(_: Path | None) -> Iterator[Result]:
    """Every tensor, cycle, counter and byte moved, or this stops."""
    for kind in KINDS:
        spec = external_spec(kind)
        found: Counter = Counter()
        for stalls in (None, 3):
            cases = [case for kinds in (KINDS_OF_LAYERS, ADDITIONS)
                     for case in islice(external_cases(spec, 300, kinds), NETWORKS // 2)]
            for (program, inputs), result in zip(
                    cases, run_in_turn(cases, simulator(spec), stalls=stalls), strict=True):
                compare(program, inputs, result)
                found += features(program) + Counter(all=1)
        yield (f"{kind}, weights from outside: golden = RTL, cycles, counters, bytes",
               f"{2 * NETWORKS} networks",
               f"{found['all']}, {found['striped']} in stripes, {found['stores']} with stores",
               found["all"] == 2 * NETWORKS)


def external_programs(_: Path | None) -> Iterator[Result]:
    """Replayed word by word, with transfers as early and as late as can be."""
    for kind in KINDS:
        found: Counter = Counter()
        for weights, activations, sides, more in SHAPES:
            if more and kind != "vdbb":
                continue
            spec = external_spec(kind, weights=weights, activations=activations, roomy=True,
                                 more=more)
            for seed in range(PROGRAMS):
                rng = np.random.default_rng(seed)
                network = random_network(
                    rng, layers=int(rng.integers(3, 8)), sides=sides,
                    kinds=ADDITIONS if seed % 2 else KINDS_OF_LAYERS)
                if seed % 3 == 0:
                    network = thinned(rng, network)
                try:
                    program = compile_network(spec, network)
                except CompileFault:
                    continue
                found += features(program)
                found["all"] += 1
                found["wrong"] += bool(list(faults(program)))
        yield (f"{kind}, programs with transfers: every part finds what it reads", "all",
               f"{found['all'] - found['wrong']} of {found['all']}, {found['striped']} in stripes",
               not found["wrong"] and found["striped"] > 0)


def external_robust(_: Path | None) -> Iterator[Result]:
    for seed in range(2):
        checks = stress(external_spec("sta-dbb"), seed=seed)
        failed = [name for name, passed, _ in checks if not passed]
        yield (f"weights from outside: stalls, resets, errors, hangs, images; seed {seed}",
               "no hang, right bits", ", ".join(failed) or f"{len(checks)} checks", not failed)


SECTIONS: tuple[Section, ...] = (
    (external_programs, False), (external_networks, False), (external_robust, False))
