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

CYCLES = {"kws_ref_model": 13_500, "vww_96_int8": 30_000, "pretrainedResnet_quant": 54_000,
          "ad01_int8": 17_500, "str_ww_ref_model": 5_200}
INPUTS = 16


def five_networks(networks: Path) -> Iterator[Result]:
    """Unmodified, on the named spec with 256 multipliers; inputs with both extremes."""
    spec = load("tinyml-vdbb")
    for model, limit in CYCLES.items():
        path = networks / f"{model}.tflite"
        network = load_model(path)
        inputs = random_inputs(np.random.default_rng(0), network, INPUTS)
        report = run_network(spec, path, lambda _, x=inputs: Inputs(x, None), simulate=True,
                             layers=True, quiet=True)
        yield (f"{model} on tinyml-vdbb: RTL = golden, every tensor, cycles and counters",
               f"{INPUTS} inputs", report.mismatch or f"{report.inferences} inputs",
               bool(report.bit_exact))
        reference = reference_tensors(path, inputs, list(report.tensors))
        same = sum(np.array_equal(golden, reference[index])
                   for index, golden in report.tensors.items())
        yield (f"{model}: golden = LiteRT BUILTIN_REF, tensors", f"all {len(reference)}",
               str(same), same == len(reference))
        cycles = report.cycles_per_inference
        yield (f"{model} on tinyml-vdbb, cycles, measured = predicted", f"<= {limit:,}",
               f"{cycles:,}",
               cycles == report.predicted_cycles_per_inference and cycles <= limit)


SECTIONS: tuple[Section, ...] = ((five_networks, True),)
