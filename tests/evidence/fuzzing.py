# SPDX-License-Identifier: Apache-2.0
"""Random valid models run exactly; damaged files end in one sentence."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
from systolith.gen.importer.tflite.operators import SUPPORTED
from systolith.gen.spec import load

from ..fuzz.compiler import GIB, SECONDS, CompileServer, faults
from ..fuzz.mutations import MUTATIONS
from ..fuzz.networks import run_random_models
from .table import Result, Section

__all__ = ["SECTIONS"]

MODELS = 200
REJECTED = 500
FIVE = ("kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "ad01_int8", "str_ww_ref_model")


def random_models(_: Path | None) -> Iterator[Result]:
    """On two engines; LiteRT, golden and RTL agree in every tensor, cycle and counter, or this
    stops."""
    specs = [load("demo", [f"engine.kind={kind}", "postproc.lanes=8", "engine.zero_gating=true",
                           "memory.weights=256 KiB"]) for kind in ("vdbb", "sta-dbb")]
    with tempfile.TemporaryDirectory() as folder:
        done = run_random_models(specs, MODELS, Path(folder) / "net.tflite")
    reached = (f"{done['run']} models, {done['layers']} layers, {done['fused']} fused, "
               f"{done['copies']} copies")
    yield ("random models: LiteRT = golden = RTL, every tensor, cycles, counters",
           f"{MODELS} models", reached, done["run"] == MODELS)
    least = min(SUPPORTED, key=lambda kind: done[kind])
    yield ("random models: operators that they use", f"all {len(SUPPORTED)}",
           f"{sum(done[kind] > 0 for kind in SUPPORTED)}, rarest {least}: {done[least]}",
           done[least] > 0)
    yield ("random models: refused, since the spec's memories are too small", "<= 10 %",
           str(done["refused"]), 10 * done["refused"] <= done["run"])


def damaged_files(networks: Path | None) -> Iterator[Result]:
    """Of the two digits models and, where given, the five networks, in turn, damaged in each way
    in turn."""
    sources = [("demo", files("systolith.gen.demo").joinpath(f"{name}.tflite").read_bytes())
               for name in ("digits_dbb4", "digits_dense")]
    if networks is not None:
        sources += [("tinyml-vdbb", (networks / f"{name}.tflite").read_bytes()) for name in FIVE]
    rng = np.random.default_rng(0)
    ends: Counter = Counter()
    outcomes, wrong = [], []
    with tempfile.TemporaryDirectory() as folder, CompileServer() as server:
        number = 0
        while ends[2] < REJECTED and number < 20 * REJECTED:
            spec, content = sources[number % len(sources)]
            mutate = MUTATIONS[number // len(sources) % len(MUTATIONS)]
            model = Path(folder) / str(number) / "net.tflite"
            model.parent.mkdir()
            model.write_bytes(mutate(content, rng))
            outcome = server.compile(spec, model)
            outcomes.append(outcome)
            ends[outcome.code] += 1
            wrong += [f"file {number} ({mutate.__name__}): {fault}"
                      for fault in faults(outcome, model)]
            number += 1
    rejected = [outcome for outcome in outcomes if outcome.code == 2]
    yield ("damaged files: exit 2 and one sentence, nothing written", f"{REJECTED} files",
           f"{len(rejected)} files" + (f"; {wrong[0]}" if wrong else ""),
           len(rejected) == REJECTED and not wrong)
    yield ("damaged files: harmless ones, exit 0 and a whole image", "the rest",
           f"{ends[0]} of {number}", ends[0] + ends[2] == number)
    slowest = max(outcome.seconds for outcome in outcomes)
    yield ("damaged files: slowest of all", f"< {SECONDS:g} s", f"{slowest:.1f} s",
           slowest < SECONDS)
    peak = max(outcome.peak for outcome in outcomes)
    yield ("damaged files: most memory of all", "< 1 GiB", f"{peak / (1 << 20):.0f} MiB",
           peak < GIB)


SECTIONS: tuple[Section, ...] = ((random_models, False), (damaged_files, False))
