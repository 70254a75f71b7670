# SPDX-License-Identifier: Apache-2.0
"""From a spec to a network: demo, keyword spotting, random designs, emission, robustness."""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.gen.build import parameters
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.compile import CompileFault
from systolith.gen.compiler import compile_network
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import predict
from systolith.gen.spec import load
from systolith.golden.interpreter import run as run_golden
from systolith.verif.inference import run_network
from systolith.verif.run import run, simulator
from systolith.verif.stress import stress

from ..faults.harness import copy_package, plant, run_tests
from ..faults.second import SECOND
from ..gen.emit.test_package import _array_modules
from ..litert import reference_tensors
from ..random_designs import random_bounds, random_inputs, random_network, random_overrides
from .table import Result, Section

__all__ = ["SECTIONS"]

ENGINES = ("sta-dbb", "sta", "sa")


def _cold(*arguments: str) -> tuple[float, subprocess.CompletedProcess]:
    start = time.monotonic()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    return time.monotonic() - start, done


def demo(_: Path | None) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "systolith.verif.demo"], cwd=folder,
                              capture_output=True, text=True)
        seconds = time.monotonic() - start
    text = done.stdout
    accuracy = re.search(r"accuracy ([\d.]+) %", text)
    images = re.search(r"every one of (\d+) images", text)
    speed = re.search(r"output tile: ([\d.]+)x", text)
    yield ("demo: RTL = golden, images", ">= 100", images[1] if images else done.stderr[-200:],
           bool(images) and int(images[1]) >= 100 and done.returncode == 0)
    yield ("demo: accuracy", ">= 97 %", accuracy[1] if accuracy else "none",
           bool(accuracy) and float(accuracy[1]) >= 97)
    yield ("demo: speed-up over dense sta", "printed", speed[1] if speed else "none", bool(speed))
    yield ("demo: seconds, installed", "<= 60", f"{seconds:.0f}", seconds <= 60)


def keyword_spotting(networks: Path) -> Iterator[Result]:
    inputs_path = networks / "kws_public100.npz"
    cycles = {}
    for model in ("kws_ref_model", "kws_dbb4_ft"):
        path = networks / f"{model}.tflite"
        network = load_model(path)
        inputs = load_inputs(inputs_path, network)
        golden = run_golden(network, inputs.values)
        reference = reference_tensors(path, inputs.values, list(golden))
        same = all(np.array_equal(golden[index], reference[index]) for index in golden)
        yield (f"{model}: golden = LiteRT, every tensor", "100 inputs", "100 inputs", same)
        for kind in ENGINES:
            spec = load("kws-edge", [f"engine.kind={kind}"])
            report = run_network(spec, path, lambda _, inputs=inputs: inputs, simulate=True,
                                 layers=True, quiet=True)
            yield (f"{model} on {kind}: RTL = golden, every tensor", "100 inputs",
                   report.mismatch or f"{report.inferences} inputs", bool(report.bit_exact))
            on_core = [layer for layer in report.layers if layer["cycles"] != "host"]
            yield (f"{model} on {kind}: predicted cycles", "= measured, per layer",
                   f"{report.predicted_cycles_per_inference} / {report.cycles_per_inference}",
                   all(layer["cycles"] == layer["predicted_cycles"] for layer in on_core)
                   and report.cycles_per_inference == report.predicted_cycles_per_inference)
            if kind == "sta-dbb":
                cycles[model] = sum(layer["cycles"] for layer in on_core[1:]
                                    if layer["op"] in ("CONV_2D", "FULLY_CONNECTED"))
    ratio = cycles["kws_dbb4_ft"] / cycles["kws_ref_model"]
    yield ("sta-dbb: 1x1 and FC cycles, 4/8 over dense", "<= 0.60", f"{ratio:.3f}", ratio <= 0.60)


def random_designs(_: Path | None) -> Iterator[Result]:
    tried = exact = predicted = 0
    seed = 1000
    while tried < 50:
        seed += 1
        rng = np.random.default_rng(seed)
        spec = load("demo", random_overrides(rng))
        network = random_bounds(rng, random_network(rng), parameters(spec).facts)
        try:
            program = compile_network(spec, network)
        except CompileFault:
            continue
        tried += 1
        inputs = random_inputs(rng, network, 2)
        result = run(program, inputs, simulator(spec), layers=True)
        golden = run_golden(network, inputs)
        exact += all(np.array_equal(tensor, golden[index].reshape(tensor.shape))
                     for index, tensor in result.layers.items())
        prediction = predict(program)
        layers = [layer.cycles for layer in prediction.layers]
        predicted += (result.layer_cycles.tolist() == [layers] * 2
                      and result.cycles.tolist() == [prediction.cycles] * 2)
    yield ("random specs and networks: RTL = golden", "50 of 50", f"{exact} of {tried}",
           exact == 50)
    yield ("random specs and networks: cycles predicted", "50 of 50", f"{predicted} of {tried}",
           predicted == 50)


def emission(_: Path | None) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for label, limit, overrides in (
                ("sa-64x64", 8.0, []), ("32x32 by --set", 3.0,
                                        ["--set", "engine.grid={m: 32, n: 32}"])):
            times = []
            for _attempt in range(3):
                seconds, done = _cold("-m", "systolith.gen.cli", "generate", "sa-64x64",
                                      *overrides, "--force", "-o", str(out))
                if done.returncode:
                    yield (f"generate {label}", "runs", done.stderr[-200:], False)
                times.append(seconds)
            yield (f"generate {label}, seconds, best of 3", f"<= {limit:.0f}",
                   f"{min(times):.1f}", min(times) <= limit)
            if not overrides:
                modules = _array_modules(out)
                size = sum((out / "rtl" / f"{name}.v").stat().st_size for name in modules)
                yield ("64x64 array: modules", "<= 10", str(len(modules)), len(modules) <= 10)
                yield ("64x64 array: kB of Verilog", "<= 300", f"{size / 1000:.0f}",
                       size <= 300_000)


def suites(_: Path | None) -> Iterator[Result]:
    for label, path in (("lint, determinism, documents", "tests/gen/emit"),
                        ("sentences for bad input",
                         "tests/gen/spec tests/gen/cli tests/gen/importer"),
                        ("planted faults die", "tests/faults")):
        _, done = _cold("-m", "pytest", "-q", "-p", "no:cacheprovider", *path.split())
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr[-200:]
        yield (label, "all pass", last, done.returncode == 0)


def second_faults(_: Path | None) -> Iterator[Result]:
    dead = []
    for fault in SECOND:
        with tempfile.TemporaryDirectory() as folder:
            root = copy_package(Path(folder))
            plant(fault, root)
            dead.append(run_tests(root, [fault.killer]).returncode == 1)
    yield ("second set of planted faults die", ">= 8 of 10", f"{sum(dead)} of {len(dead)}",
           sum(dead) >= 8)


def robust(_: Path | None) -> Iterator[Result]:
    for seed in range(3):
        checks = stress(load("demo"), seed=seed)
        failed = [name for name, passed, _ in checks if not passed]
        yield (f"AXI stalls, resets, errors, images, DMA; seed {seed}", "no hang, right bits",
               ", ".join(failed) or f"{len(checks)} checks", not failed)


SECTIONS: tuple[Section, ...] = (
    (demo, False), (emission, False), (robust, False), (keyword_spotting, True),
    (random_designs, False), (suites, False), (second_faults, False))
