# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite of the field: the five MLPerf Tiny networks with their weights on chip."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.spec import Spec, load
from systolith.verif.inference import run_network

from ..litert import reference_tensors
from ..random_designs import random_inputs
from .table import Result, Section

__all__ = ["SECTIONS"]

NETWORKS = ("kws_ref_model", "vww_96_int8", "pretrainedResnet_quant", "ad01_int8",
            "str_ww_ref_model")
CYCLES: dict[tuple[str, ...], dict[str, int | None]] = {
    ("tinyml-vdbb",): {"kws_ref_model": 13_500, "vww_96_int8": 30_000,
                    "pretrainedResnet_quant": 54_000, "ad01_int8": 17_500,
                    "str_ww_ref_model": 5_200},
    ("tinyml-vdbb-1024",): {"kws_ref_model": 5_100, "vww_96_int8": 17_500,
                         "pretrainedResnet_quant": 21_500},
    # As many multipliers on the other kinds of engine. Depthwise kernels of up to 15 taps are
    # whole matrices to a dense one, and the blocks of AD are all full.
    ("tinyml-vdbb", "engine.kind=sta-dbb", "engine.weights.nnz=4", "engine.grid={m: 2, n: 2}",
     "memory.weights=640 KiB", "memory.schedule=32 KiB"): dict.fromkeys(NETWORKS),
    ("tinyml-vdbb", "engine.kind=sta", "engine.tpe.b=2", "engine.grid={m: 2, n: 4}",
     "memory.weights=640 KiB", "memory.schedule=32 KiB"): dict.fromkeys(NETWORKS),
    ("tinyml-vdbb", "engine.kind=s2ta-aw"): dict.fromkeys(NETWORKS),
}
"""Limits on cycles by spec and overrides, and model; None where none is stated."""
INPUTS = 16


def five_networks(networks: Path) -> Iterator[Result]:
    """Unmodified, on four kinds of engine; inputs with both extremes, in one simulation."""
    for (name, *overrides), limits in CYCLES.items():
        spec = load(name, overrides)
        for model, limit in limits.items():
            yield from _network(spec, networks / f"{model}.tflite", limit)


def _network(spec: Spec, path: Path, limit: int | None) -> Iterator[Result]:
    inputs = random_inputs(np.random.default_rng(0), load_model(path), INPUTS)
    report = run_network(spec, path, lambda _: Inputs(inputs, None), simulate=True,
                         layers=True, quiet=True)
    where = f"{path.stem} on {spec.name}, {spec.engine.kind}, {spec.multipliers} multipliers"
    yield (f"{where}: RTL = golden, every tensor, cycles and counters",
           f"{INPUTS} inputs", report.mismatch or f"{report.inferences} inputs",
           bool(report.bit_exact))
    reference = reference_tensors(path, inputs, list(report.tensors))
    same = sum(np.array_equal(golden, reference[index])
               for index, golden in report.tensors.items())
    yield (f"{path.stem}: golden = LiteRT BUILTIN_REF, tensors", f"all {len(reference)}",
           str(same), same == len(reference))
    cycles = report.cycles_per_inference
    yield (f"{where}: cycles, measured = predicted",
           "equal" if limit is None else f"<= {limit:,}", f"{cycles:,}",
           cycles == report.predicted_cycles_per_inference
           and (limit is None or cycles <= limit))


def wall_time(networks: Path) -> Iterator[Result]:
    """Of whole commands, their simulator built: every layer of 100 inputs, and of one image."""
    inputs = networks / "kws_public100.npz"
    with tempfile.TemporaryDirectory() as name:
        image = Path(name) / "image.npz"
        model = networks / "vww_96_int8.tflite"
        np.savez(image, input=random_inputs(np.random.default_rng(0), load_model(model), 1))
        _seconds(model, image)  # builds the simulator
        for label, command, limit in (
                ("KWS, 100 real samples", (networks / "kws_ref_model.tflite", inputs), 60),
                ("VWW, one image", (model, image), 5)):
            seconds, report = _seconds(*command)
            yield (f"{label} on tinyml-vdbb in Verilator, every layer compared: seconds",
                   f"<= {limit}", f"{seconds:.1f}",
                   seconds <= limit and report["bit_exact"] and report["compared"] == "every layer")


def _seconds(model: Path, inputs: Path) -> tuple[float, dict]:
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "systolith.gen.cli", "run", "tinyml-vdbb", str(model), "--input",
         str(inputs), "--on", "verilator", "--layers", "--json"],
        check=True, capture_output=True, text=True)
    return time.monotonic() - start, json.loads(done.stdout)


SECTIONS: tuple[Section, ...] = ((five_networks, True), (wall_time, True))
