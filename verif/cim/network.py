# SPDX-License-Identifier: Apache-2.0
"""Networks on the PCM macro in Verilator, its cells made by golden, compared with golden."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...gen.cim.reference import array_cells, array_tensors, mappings
from ...gen.compile import Program, core_tensors
from ...gen.compile.cim.plan import shape_of
from ...gen.predict import predict
from ...gen.report import RunResult
from ...gen.spec import Spec
from ...golden.cim.device import T_0, Cells, compensation
from ...golden.cim.device import program as programmed
from ...golden.cim.layers import regions
from ...golden.cim.quantisers import GDC_ONE
from ..run import run, simulator
from .reference import CellFile

__all__ = ["AgedArray", "aged", "compare", "run_on_cells"]


@dataclass(frozen=True)
class AgedArray:
    """``cells`` of an array some time after it was programmed, the ``seed`` of both, and the
    ``gdc`` that compensates what it has drifted."""

    cells: Cells
    seed: int
    gdc: int = GDC_ONE


def aged(program: Program, seed: int, seconds: float) -> AgedArray:
    """An array with the weights of ``program``, ``seconds`` after programming."""
    weights, written = array_cells(program)
    devices = programmed(weights, seed, written)
    cells, fresh = devices.cells(seconds), devices.cells(T_0)
    parts = list(regions(mappings(program), shape_of(program.parameters.macro)))
    return AgedArray(cells, seed, compensation(fresh, cells, parts))


def run_on_cells(spec: Spec, program: Program, inputs: np.ndarray, array: AgedArray) -> RunResult:
    """Run int8 ``inputs`` [N, ...] on the RTL, every layer monitored."""
    with tempfile.TemporaryDirectory(prefix="systolith-") as folder:
        file = Path(folder) / "cells.hex"
        file.write_text(CellFile(array.cells.weights, array.cells.noise, array.seed).hexadecimal())
        return run(program, inputs, simulator(spec), layers=True, registers={"GDC": array.gdc},
                   plusargs=[f"+pcm_cells={file}", f"+pcm_seed={array.seed}"])


def compare(spec: Spec, program: Program, inputs: np.ndarray, array: AgedArray) -> str | None:
    """Run, and say which tensor or cycles differ from golden's and the prediction; None if all
    are equal."""
    result = run_on_cells(spec, program, inputs, array)
    tensors = array_tensors(program, inputs, spec.cim, cells=array.cells, seed=array.seed,
                            gdc=array.gdc)
    golden = core_tensors(program.lowered, {program.network.inputs[0]: inputs} | tensors)
    wrong = [index for index, tensor in result.layers.items()
             if not np.array_equal(tensor, golden[index].reshape(tensor.shape))]
    if wrong:
        return f"tensors {wrong} differ"
    cycles = predict(program).cycles
    if result.cycles.tolist() != [cycles] * len(inputs):
        return f"cycles {result.cycles.tolist()} differ from those predicted, {cycles}"
    return None
