# SPDX-License-Identifier: Apache-2.0
"""The benchmark suite of the field: the five MLPerf Tiny networks with their weights on chip."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.spec import load
from systolith.verif.inference import run_network

from ..litert import reference_tensors
from ..random_designs import random_inputs
from .table import Result, Section

__all__ = ["SECTIONS"]

CYCLES = {
    "tinyml-vdbb": {"kws_ref_model": 13_500, "vww_96_int8": 30_000,
                    "pretrainedResnet_quant": 54_000, "ad01_int8": 17_500,
                    "str_ww_ref_model": 5_200},
    "tinyml-vdbb-1024": {"kws_ref_model": 5_100, "vww_96_int8": 17_500,
                         "pretrainedResnet_quant": 21_500},
}
INPUTS = 16


def five_networks(networks: Path) -> Iterator[Result]:
    """Unmodified, on the named specs with 256 and 1024 multipliers; inputs with both extremes."""
    for spec, limits in CYCLES.items():
        for model, limit in limits.items():
            yield from _network(spec, networks / f"{model}.tflite", limit)


def _network(spec: str, path: Path, limit: int) -> Iterator[Result]:
    inputs = random_inputs(np.random.default_rng(0), load_model(path), INPUTS)
    report = run_network(load(spec), path, lambda _: Inputs(inputs, None), simulate=True,
                         layers=True, quiet=True)
    yield (f"{path.stem} on {spec}: RTL = golden, every tensor, cycles and counters",
           f"{INPUTS} inputs", report.mismatch or f"{report.inferences} inputs",
           bool(report.bit_exact))
    reference = reference_tensors(path, inputs, list(report.tensors))
    same = sum(np.array_equal(golden, reference[index])
               for index, golden in report.tensors.items())
    yield (f"{path.stem}: golden = LiteRT BUILTIN_REF, tensors", f"all {len(reference)}",
           str(same), same == len(reference))
    cycles = report.cycles_per_inference
    yield (f"{path.stem} on {spec}, cycles, measured = predicted", f"<= {limit:,}", f"{cycles:,}",
           cycles == report.predicted_cycles_per_inference and cycles <= limit)


SECTIONS: tuple[Section, ...] = ((five_networks, True),)
