# SPDX-License-Identifier: Apache-2.0
"""Random models from file to hardware: LiteRT, golden and RTL must agree."""

from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from systolith.gen.compile import CompileFault, Program
from systolith.gen.compiler import compile_network
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.spec import Spec
from systolith.golden.interpreter import run as run_golden
from systolith.verif.run import run_in_turn, simulator

from ..exact import compare
from ..litert import reference_tensors
from ..random_designs import fuse_all
from .strategies import Model, models

__all__ = ["check_golden", "run_random_models"]

TOGETHER = 25
"""Models in one simulation."""


def check_golden(model: Model, path: Path, count: int = 3):
    """Every operator's tensor as LiteRT computes it; returns the network and its inputs.

    ``path``: where the file is written.
    """
    path.write_bytes(model.content)
    network = load_model(path)
    inputs = np.random.default_rng(len(model.content)).integers(
        -128, 128, (count, *model.shape)).astype(np.int8)
    golden = run_golden(network, inputs)
    for index, expected in reference_tensors(model.content, inputs, list(golden)).items():
        np.testing.assert_array_equal(golden[index], expected,
                                      err_msg=f"tensor {index} of {model}")
    return network, inputs


def run_random_models(specs: list[Spec], wanted: int, path: Path) -> Counter:
    """Run ``wanted`` models of different operators and shapes, on each spec in turn, fused
    wherever possible or where it pays, in turn.

    Counts of models ``run`` and ``refused`` (they do not fit the spec's memories), of each
    operator in those that ran, of their ``layers``, ``fused`` layers and ``copies``.
    """
    done: Counter = Counter(run=0, refused=0)
    seen = set()
    cases: list[list[tuple[Model, Program, np.ndarray]]] = [[] for _ in specs]

    @settings(max_examples=20 * wanted, derandomize=True, deadline=None, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(models())
    def search(model: Model) -> None:
        form = (model.shape, model.operators)
        found = sum(map(len, cases))
        if found == wanted or form in seen:
            return
        seen.add(form)
        network, inputs = check_golden(model, path)
        turn = found % len(specs)
        try:
            program = (compile_network, fuse_all)[found // len(specs) % 2](specs[turn], network)
        except CompileFault as fault:
            assert "must be at least" in str(fault), f"{model}: {fault}"
            done["refused"] += 1
            return
        cases[turn].append((model, program, inputs[:2]))

    search()
    for spec, chosen in zip(specs, cases, strict=True):
        for start in range(0, len(chosen), TOGETHER):
            some = chosen[start:start + TOGETHER]
            results = run_in_turn([case[1:] for case in some], simulator(spec))
            for (model, program, inputs), result in zip(some, results, strict=True):
                try:
                    compare(program, inputs, result)
                except AssertionError as error:
                    raise AssertionError(f"{model} on {spec.name}: {error}") from error
                done["run"] += 1
                done.update(model.operators)
                done.update(layers=len(program.layers), copies=len(program.lowered.copies),
                            fused=sum(layer.fused for layer in program.layers))
    return done
