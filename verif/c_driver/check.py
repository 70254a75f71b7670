# SPDX-License-Identifier: Apache-2.0
"""Networks through the C driver on the simulated core of a spec."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...gen.compile.program import Program
from ...gen.spec import Spec
from ...golden.interpreter import run as run_golden
from ...rtl.sequencer.descriptor import Header
from ..results import read_results
from ..run import simulator
from .library import build_driver

__all__ = ["check_driver"]

BENCH = "c_driver"
FOREIGN = "foreign"


def check_driver(spec: Spec, cases: Sequence[tuple[Program, np.ndarray]], *,
                 falsify: bool = False) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every test of the driver's bench; ``cases``: programs of ``spec``
    with int8 inputs [N, ...], of which the first is also damaged, stopped and refused.
    ``falsify`` plants one wrong bit in what is expected of each."""
    programs = [replace(program, network=replace(program.network, name=f"network_{index}"))
                for index, (program, _) in enumerate(cases)]
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        for program, (_, inputs) in zip(programs, cases, strict=True):
            _save(program, inputs, folder / f"{program.network.name}.npz", falsify)
        library = build_driver(spec.name, [*programs, _foreign(programs[0])], folder)
        job = folder / "job.json"
        job.write_text(json.dumps({
            "library": library.name, "models": [each.network.name for each in programs],
            "foreign": FOREIGN, "window": spec.bus.window is not None,
            "dma": spec.bus.dma is not None}))
        work, detail = folder / "work", ""
        try:
            simulator(spec).run(f"systolith.verif.benches.{BENCH}", job=job, work=work)
        except RuntimeError as error:
            detail = str(error)
        return read_results(BENCH, work / "results.xml", detail)


def _save(program: Program, inputs: np.ndarray, path: Path, falsify: bool) -> None:
    """Inputs and expected outputs of runs, in bytes as the model has them."""
    network, lowered = program.network, program.lowered
    golden = run_golden(network, inputs)[lowered.output]
    runs = len(inputs) // lowered.batch
    arrays = {}
    for role, index, values in (("inputs", lowered.input, inputs),
                                ("outputs", lowered.output, golden)):
        shown = network.tensors[index].to_model(values[:runs * lowered.batch])
        arrays[role] = np.ascontiguousarray(shown).view(np.uint8).reshape(runs, -1)
    arrays["outputs"][:, 0] ^= falsify
    np.savez(path, **arrays)


def _foreign(program: Program) -> Program:
    """The program as of another spec."""
    image, field = program.memory_image, Header["spec_hash"]
    assert field.offset % 64 == 0
    words = image.program.copy()
    words[field.offset // 64] ^= np.uint64(1)
    return replace(program, memory_image=replace(image, program=words),
                   network=replace(program.network, name=FOREIGN),
                   parameters=replace(program.parameters,
                                      spec_hash=program.parameters.spec_hash ^ 1))
