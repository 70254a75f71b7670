# SPDX-License-Identifier: Apache-2.0
"""ONNX networks of three makes: golden equals onnxruntime, the RTL equals golden."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.verif.inference import run_network

from ..onnx_networks import NETWORKS, quantised_names, real_inputs, sample_inputs
from ..onnxruntime_oracle import reference_tensors
from .table import Result, Section

__all__ = ["SECTIONS"]

INPUTS = 32
SETTINGS = ["postproc.float_rounding=true", "memory.weights=128 KiB"]


def onnx_networks(_: Path | None) -> Iterator[Result]:
    """Quantised by onnxruntime, int8 and uint8; digits, random inputs and both extremes."""
    with tempfile.TemporaryDirectory(prefix="systolith-") as folder:
        for make in NETWORKS.values():
            for unsigned in (False, True):
                yield from _network(make(Path(folder), unsigned=unsigned))


def _network(path: Path) -> Iterator[Result]:
    network = load_model(path)
    inputs = sample_inputs(network, INPUTS)
    report = run_network(load("demo", SETTINGS), path, lambda _: Inputs(inputs, None),
                         simulate=True, layers=True, quiet=True)
    known = set(quantised_names(path))
    names = {index: network.tensors[index].name for index in report.tensors
             if network.tensors[index].name in known}
    expected = reference_tensors(path, real_inputs(network, inputs), list(names.values()))
    same = sum(np.array_equal(report.tensors[index], expected[name])
               for index, name in names.items())
    yield (f"{path.stem}: golden = onnxruntime, quantised tensors, {INPUTS} inputs",
           f"all {len(names)}", str(same), same == len(names) > 0)
    yield (f"{path.stem} on demo: RTL = golden, every tensor, cycles and counters",
           f"{INPUTS} inputs", report.mismatch or f"{report.inferences} inputs",
           bool(report.bit_exact)
           and report.cycles_per_inference == report.predicted_cycles_per_inference)


SECTIONS: tuple[Section, ...] = ((onnx_networks, False),)
