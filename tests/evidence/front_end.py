# SPDX-License-Identifier: Apache-2.0
"""Fixed layers ahead of a programmable core (FixyNN): networks streamed frame after frame."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import systolith.gen.demo as demo
from systolith.gen.cli.inputs import Inputs
from systolith.gen.fixed.pipeline import front_end
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.verif.front_end import FrontEndBench
from systolith.verif.inference import run_network
from systolith.verif.toolchain import simulation_environment

from ..litert import reference_tensors
from ..random_designs import random_inputs
from .table import Result, Section

__all__ = ["SECTIONS"]

FRAMES = 8
STALLS = 1
MOST_SECONDS = 60.0
STA_DBB = ("engine.kind=sta-dbb", "engine.weights.nnz=4", "engine.grid={m: 2, n: 2}")
CASES = (
    ("vww_96_int8", "vww-fixy", "0..6", ()),
    ("vww_96_int8", "vww-fixy", "0..6", STA_DBB),
    ("kws_ref_model", "kws-vdbb", "0..2", ()),
    ("kws_ref_model", "kws-edge", "0..2", ()),
    ("digits_dbb4", "demo", "0..1", ()),
    ("digits_dbb4", "demo", "0..1", ("engine.kind=vdbb", "postproc.lanes=8")),
)
"""Model, spec, fixed layers, overrides."""


def fixed_front_ends(networks: Path) -> Iterator[Result]:
    """Frames back to back in one simulation, random stalls on all buses and on the stream."""
    for model, name, layers, overrides in CASES:
        folder = Path(demo.__file__).parent if model.startswith("digits") else networks
        path = folder / f"{model}.tflite"
        inputs = random_inputs(np.random.default_rng(0), load_model(path), FRAMES)
        spec = load(name, [*overrides, f"front_end.layers={layers}"])
        report = run_network(spec, path, lambda _, inputs=inputs: Inputs(inputs, None),
                             simulate=True, layers=True, stalls=STALLS, quiet=True)
        what = f"{model}, layers {layers} fixed, the rest on {spec.engine.kind}"
        yield (f"{what}: RTL = golden, every tensor, fixed ones among them; cycles as predicted",
               f"{FRAMES} frames", report.mismatch or f"{report.inferences} frames",
               bool(report.bit_exact))
        reference = reference_tensors(path, inputs, list(report.tensors))
        same = sum(np.array_equal(golden, reference[index])
                   for index, golden in report.tensors.items())
        yield (f"{model}: golden = LiteRT BUILTIN_REF, tensors", f"all {len(reference)}",
               str(same), same == len(reference))
        during = sum(words > 0 for words in report.stream_words)
        yield (f"{what}: runs during which the next frame but one is handed off",
               f"{FRAMES - 2}", str(during), during == FRAMES - 2)


def fixed_pipelines(networks: Path) -> Iterator[Result]:
    """Front ends by themselves: a pixel a cycle, latency, stalls at both ends, abort and restart.
    """
    for model, _, layers, _ in (CASES[0], CASES[2], CASES[4]):
        folder = Path(demo.__file__).parent if model.startswith("digits") else networks
        network = load_model(folder / f"{model}.tflite")
        bench = FrontEndBench(network, front_end(
            network, range(int(layers[-1]) + 1), monitors=True))
        inputs = random_inputs(np.random.default_rng(0), network, FRAMES)
        height, width, _ = bench.parameters.in_shape
        what = f"{model}, layers {layers} fixed"
        with TemporaryDirectory() as name:
            found = bench.run(inputs, Path(name))
            wrong = bench.mismatch(inputs, found)
            yield (f"{what}: every tensor, no stalls", f"{FRAMES} frames",
                   wrong or f"{len(found.frames)} frames",
                   wrong is None and found.frames.tolist() == list(range(FRAMES)))
            yield (f"{what}: cycles from the first pixel to the last result, as predicted",
                   f"{bench.timing.latency:,}", f"{found.last[0] - found.first[0]:,}",
                   bool(found.last[0] - found.first[0] == bench.timing.latency))
            interval = np.diff(found.last)[2:]
            yield (f"{what}: cycles a frame, one a pixel", f"{height * width:,}",
                   f"{interval.min():,} to {interval.max():,}",
                   bool((interval == height * width).all()))
            found = bench.run(inputs, Path(name), stalls=STALLS)
            wrong = bench.mismatch(inputs, found)
            yield (f"{what}: every tensor, random stalls at both ends", f"{FRAMES} frames",
                   wrong or f"{len(found.frames)} frames",
                   wrong is None and found.frames.tolist() == list(range(FRAMES)))
            steps = [(0, height * width // 2, "abort"), (1, height * width, ""),
                     (2, height * width // 3, "first"), (0, height * width, ""),
                     (1, height * width, "")]
            found = bench.run(inputs, Path(name), steps=steps, stalls=STALLS)
            wrong = bench.mismatch(inputs, found, tensors=False)
            yield (f"{what}: the last two frames after an abort and a restart", "as fresh ones",
                   wrong or "equal", wrong is None and found.frames.tolist()[-2:] == [0, 1])


def fixed_emission(networks: Path) -> Iterator[Result]:
    """Eight layers as a user has them made, and their lint."""
    with TemporaryDirectory() as name:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "systolith.gen.cli", "generate", "vww-fixy", "-o", "out",
             "--set", "front_end.layers=0..7",
             "--set", f"front_end.network={(networks / 'vww_96_int8.tflite').resolve()}"],
            cwd=name, capture_output=True, text=True, env={**os.environ, "FORCE_COLOR": "1"})
        seconds = time.perf_counter() - start
        yield ("vww-fixy, layers 0..7: emission", "<= 60 s", f"{seconds:.1f} s",
               done.returncode == 0 and seconds <= MOST_SECONDS)
        told = re.findall(r"generate vww-fixy: [\d.]+ s", done.stderr)
        yield ("vww-fixy, layers 0..7: progress, as on a terminal", "shown",
               told[0] if told else done.stderr[-200:], bool(told))
        lint = subprocess.run(
            ["verilator", "--lint-only", "-Wall", "--top-module", "systolith", "lint.vlt",
             "-f", "filelist.f"], cwd=Path(name) / "out", capture_output=True, text=True,
            env={**simulation_environment(), "HOME": name})
        yield ("vww-fixy, layers 0..7: Verilator's lint, all warnings", "no word",
               lint.stderr[-200:] or "no word", lint.returncode == 0 and not lint.stderr)


SECTIONS: tuple[Section, ...] = (
    (fixed_front_ends, True), (fixed_pipelines, True), (fixed_emission, True))
