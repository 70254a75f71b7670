# SPDX-License-Identifier: Apache-2.0
"""Stress of one spec's core: stalls, resets at any cycle, damaged images, bus errors."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from ..gen.compile.program import Program
from ..gen.mapping import compile_network
from ..gen.predict import predict
from ..gen.spec import Spec
from ..golden.dbb import BLOCK
from ..golden.interpreter import run as run_golden
from ..rtl.facts import Encoding
from .networks import small_network
from .run import prepare, simulator

__all__ = ["BENCHES", "stress"]

MASKED = (Encoding.MASK, Encoding.HELD)  # encodings with masks that may have too many bits
BENCHES = ("bus_stalls", "external_memory", "resets", "images", "host_window")
INPUTS = 2


def stress(spec: Spec, benches: Sequence[str] = BENCHES, *,
           seed: int = 0, falsify: bool = False) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every test of ``benches``; needs window and DMA.

    ``seed``: of networks, inputs and every random choice of the benches. ``falsify`` plants one
    wrong bit in what is expected.
    """
    model = simulator(spec)
    results = []
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        job = _workloads(spec, folder, seed, falsify)
        for bench in benches:
            work = folder / bench
            detail = ""
            try:
                model.run(f"systolith.verif.benches.{bench}", job=job, work=work)
            except (RuntimeError, SystemExit) as error:  # the runner exits under pytest
                detail = str(error)
            results += _read(bench, work / "results.xml", detail)
    return results


def _read(bench: str, path: Path, detail: str) -> list[tuple[str, bool, str]]:
    """The result of each test of a bench; one failure where the simulator died."""
    words = bench.replace("_", " ")
    if not path.exists():
        return [(words, False, detail)]
    results = []
    for case in ElementTree.parse(path).iter("testcase"):
        faults = [fault for tag in ("failure", "error") for fault in case.iter(tag)]
        text = "\n".join(f"{fault.get('message', '')}\n{fault.text or ''}" for fault in faults)
        results.append((f"{words}: {case.get('name').replace('_', ' ')}", not faults,
                        text.strip()))
    if detail and all(passed for _, passed, _ in results):
        results.append((words, False, detail))
    return results


def _workloads(spec: Spec, folder: Path, seed: int, falsify: bool) -> Path:
    """Two networks, the first one also where the other's image leaves room; the bench's job."""
    programs = []
    for index in range(2):
        network = small_network(np.random.default_rng([seed, index]))
        programs.append(compile_network(spec, network, fuse="always"))
    first, second = programs
    moved = _behind(first)
    folders = [str(folder / str(index)) for index in range(3)]
    for program, bases, target in ((first, (0, 0, 0), folders[0]), (second, (0, 0, 0), folders[1]),
                                   (second, moved, folders[2])):
        _workload(program, bases, Path(target), seed, folders, falsify)
    return Path(folders[0]) / "job.json"


def _behind(program: Program) -> tuple[int, int, int]:
    """Program word, weight row and schedule word right behind an image."""
    image, p = program.memory_image, program.parameters
    row = 2 * p.program_width
    return (-(-image.program.size // row) * row, image.weights.size // image.weight_stride,
            image.schedule.size)


def _workload(program: Program, bases: tuple[int, int, int], folder: Path, seed: int,
              folders: list[str], falsify: bool) -> None:
    p, layout = program.parameters, program.output_layout
    shape = program.network.tensors[program.lowered.input].shape[1:]
    inputs = np.random.default_rng(seed).integers(-128, 128, (INPUTS, *shape)).astype(np.int8)
    golden = run_golden(program.network, inputs)[program.lowered.output]
    tensor = (layout.height, layout.width, layout.channels)
    expected = [_words(layout.pack(values.reshape(tensor))) for values in golden]
    if falsify:
        expected[0][0] ^= 1
    prediction = predict(program)
    job = prepare(program, inputs, folder)
    shifts = {2: 8 * bases[0], 1: 8 * program.memory_image.weight_stride * bases[1],
              3: 8 * bases[2]}
    job.image_runs = [(address + shifts[address >> p.region_bits], first, count)
                      for address, first, count in job.image_runs]
    job.settings = {
        "workloads": folders,
        "seed": seed,
        "expected": expected,
        "mask": _words(layout.pack(np.full(tensor, -1, np.int8))),
        "cycles": prediction.cycles,
        "layer_cycles": [layer.cycles for layer in prediction.layers],
        "bases": bases,
        "region_bits": p.region_bits,
        "nnz": p.facts.nnz if p.facts.encoding in MASKED else BLOCK,
        "program_words": program.memory_image.program.size,
        "row_bits": (p.weight_rows - 1).bit_length(),
        "spare": _spare(program),
        "groups": [p.group_address(group, 0) for group in (0, 1)],
        "group_words": p.group_words,
        "absent": [end for region, words in enumerate(p.region_words)
                   if (end := p.region_address(region) + 8 * words) < p.region_address(region + 1)],
    }
    job.save()


def _words(packed: dict[int, int]) -> list[int]:
    """Words in the order of their addresses."""
    return [packed[address] for address in sorted(packed)]


def _spare(program: Program) -> list[int]:
    """Byte addresses of activation words that no tensor of the program touches."""
    p = program.parameters
    used = {p.group_address(layout.group, address) for layout in program.layouts.values()
            for address in range(layout.base, layout.base + layout.words)}
    spare = [p.group_address(group, word) for group in (0, 1) for word in range(p.group_words)]
    return [address for address in spare if address not in used][-64:]
