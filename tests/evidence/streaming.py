# SPDX-License-Identifier: Apache-2.0
"""The five MLPerf Tiny networks on small memories: weights streamed over AXI, activations in
stripes and spilled, beside a 64-bit memory of 100 cycles' latency."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer import load as load_model
from systolith.gen.predict import MEMORY_LATENCY
from systolith.gen.report import Report
from systolith.gen.spec import load
from systolith.verif.inference import run_network

from ..litert import reference_tensors
from ..random_designs import random_inputs
from .benchmark_suite import NETWORKS
from .table import Result, Section

__all__ = ["SECTIONS"]

INPUTS = 16
COST = {"pretrainedResnet_quant": 0.10}
"""Of cycles, against everything on chip."""


def streamed_networks(networks: Path) -> Iterator[Result]:
    """Unmodified, each over 16 inputs with both extremes, back to back in one simulation."""
    spec = load("tinyml-vdbb-external")
    sizes = f"{spec.memory.activations // 1024} and {spec.memory.weights // 1024} KiB"
    yield ("activation and weight memory; latency of external memory", "32 and 16 KiB; 100 cycles",
           f"{sizes}; {MEMORY_LATENCY} cycles",
           sizes == "32 and 16 KiB" and MEMORY_LATENCY == 100)
    for model in NETWORKS:
        path = networks / f"{model}.tflite"
        report = _report(spec.name, path, INPUTS)
        yield ((f"{model}: RTL = golden, every tensor; bytes moved and all cycles but of waiting "
                "as predicted"), f"{INPUTS} inputs",
               report.mismatch or f"{report.inferences} inputs",
               bool(report.bit_exact))
        reference = reference_tensors(path, _inputs(path, INPUTS), list(report.tensors))
        same = sum(np.array_equal(golden, reference[index])
                   for index, golden in report.tensors.items())
        yield (f"{model}: golden = LiteRT BUILTIN_REF, tensors", f"all {len(reference)}",
               str(same), same == len(reference))
        wrong = abs(report.waits - report.predicted_waits) / report.cycles
        yield ((f"{model}: {report.moved_bytes:,} bytes moved; cycles, of them waiting, predicted "
                "waiting"), "within 1 % of cycles",
               f"{report.cycles:,}, {report.waits:,}, {report.predicted_waits:,}", wrong <= 0.01)
        if model in COST:
            base = _report("tinyml-vdbb", path, 1)
            cost = report.cycles / base.cycles - 1
            yield (f"{model}: cycles more than with everything on chip ({base.cycles:,})",
                   f"<= {100 * COST[model]:.0f} %", f"{100 * cost:.1f} %",
                   bool(base.bit_exact) and cost <= COST[model])


def _inputs(path: Path, count: int) -> np.ndarray:
    return random_inputs(np.random.default_rng(0), load_model(path), count)


def _report(spec: str, path: Path, count: int) -> Report:
    return run_network(load(spec), path, lambda _: Inputs(_inputs(path, count), None),
                       simulate=True, layers=True, quiet=True)


SECTIONS: tuple[Section, ...] = ((streamed_networks, True),)
