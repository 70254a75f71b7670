# SPDX-License-Identifier: Apache-2.0
"""Stress of a core whose frames are streamed in: frames cut short, resets, failing runs."""

import tempfile
from pathlib import Path

import numpy as np

from ..gen.compiler import compile_network
from ..gen.fixed.build import model_of
from ..gen.predict import predict
from ..gen.spec import Spec
from ..golden.interpreter import run as run_golden
from .results import read_results
from .run import prepare, run, simulator

__all__ = ["stress_streams", "verify_streams"]

INPUTS = 3


def _case(spec: Spec, seed: int, count: int):
    """The program of the front end's own model, random inputs and golden's tensors."""
    network = model_of(spec)
    shape = network.tensors[network.inputs[0]].shape[1:]
    inputs = np.random.default_rng(seed).integers(-128, 128, (count, *shape)).astype(np.int8)
    tensors = run_golden(network, inputs) | {network.inputs[0]: inputs}
    return compile_network(spec, network), inputs, tensors


def verify_streams(spec: Spec) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every check: tensors and cycles of frames back to back, and
    ``stress_streams``."""
    model, results = simulator(spec), []
    for seed, stalls in ((1, None), (2, 7)):
        program, inputs, tensors = _case(spec, seed, INPUTS + 1)
        result = run(program, inputs, model, layers=True, stalls=stalls)
        observed = result.layers | {program.lowered.input: result.handed_off}
        wrong = [index for index, tensor in observed.items()
                 if not np.array_equal(tensor, tensors[index].reshape(tensor.shape))]
        prediction = predict(program)
        predicted = [layer.cycles for layer in prediction.layers]
        results.append(("frames back to back" + (", stalled" if stalls else ""),
                        not wrong and bool((result.cycles == prediction.cycles).all())
                        and bool((result.layer_cycles == predicted).all()),
                        f"tensors {wrong} differ" if wrong else
                        f"{result.cycles.tolist()} cycles, {prediction.cycles} predicted"))
    return results + stress_streams(spec)


def stress_streams(spec: Spec, *, seed: int = 0,
                   falsify: bool = False) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every test of the bench ``streams``; needs a window. ``seed``: of
    inputs and every random choice; ``falsify`` plants one wrong bit in what is expected."""
    program, inputs, tensors = _case(spec, seed, INPUTS)
    layout = program.output_layout
    shape = (layout.height, layout.width, layout.channels)

    def words(values: np.ndarray) -> list[int]:
        packed = layout.pack(values.reshape(shape))
        return [packed[address] for address in sorted(packed)]

    expected = [words(values) for values in tensors[program.lowered.output]]
    if falsify:
        expected[0][0] ^= 1
    prediction = predict(program)
    model = simulator(spec)
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        job = prepare(program, inputs, Path(name))
        job.settings = {
            "seed": seed, "expected": expected, "mask": words(np.full(shape, -1, np.int8)),
            "cycles": prediction.cycles,
            "layer_cycles": [layer.cycles for layer in prediction.layers]}
        detail = ""
        try:
            model.run("systolith.verif.benches.streams", job=job.save(), work=Path(name))
        except (RuntimeError, SystemExit) as error:  # the runner exits under pytest
            detail = str(error)
        return read_results("streams", Path(name) / "results.xml", detail)
