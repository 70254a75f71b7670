# SPDX-License-Identifier: Apache-2.0
"""Runs a compiled program on the simulated RTL and takes its results apart again."""

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

from ..gen.build import accelerator
from ..gen.compile.layout import TensorLayout
from ..gen.compile.program import Program
from ..gen.emit.platform import EmittingPlatform
from ..gen.spec import Spec
from ..rtl.sequencer.descriptor import Opcode
from .job import Answer, Job
from .simulator import Simulator, build

__all__ = ["TOP", "RunResult", "prepare", "run", "run_in_turn", "simulator"]

TOP = "systolith"
UNITS = {Opcode.MATRIX: "engine", Opcode.WINDOW: "vector", Opcode.ADD: "vector"}


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """``outputs`` int8 [N, h, w, c] of the core's last layer; ``layers``: the same for every
    layer, by tensor index, where monitored; ``cycles`` [N]; ``layer_cycles`` [N, layers]."""

    outputs: np.ndarray
    layers: dict[int, np.ndarray]
    cycles: np.ndarray
    layer_cycles: np.ndarray
    counters: dict[str, int]


@cache
def simulator(spec: Spec) -> Simulator:
    """The Verilator model of ``spec``'s accelerator, built if it is not in the cache.

    A process emits a spec's Verilog once.
    """
    source, ports = EmittingPlatform(TOP).convert(accelerator(spec, monitors=True), TOP)
    return build(source, top=TOP, ports=ports)


def _runs(addresses: list[int]) -> list[tuple[int, int, int]]:
    """(byte address, first word, count) of stretches of consecutive words."""
    pairs = enumerate(addresses)
    runs = []
    for _, group in groupby(pairs, key=lambda pair: pair[1] - 8 * pair[0]):
        members = list(group)
        runs.append((members[0][1], members[0][0], len(members)))
    return runs


def _tensor_runs(program: Program, layout: TensorLayout) -> list[tuple[int, int, int]]:
    p = program.parameters
    return _runs([p.group_address(layout.group, word)
                  for word in sorted(set(layout.addresses().ravel().tolist()))])


def prepare(program: Program, inputs: np.ndarray, folder: Path, *, monitor: bool = False,
            stalls: int | None = None, watchdog: int = 0) -> Job:
    """The simulation job for int8 ``inputs`` [N, ...]."""
    p, image = program.parameters, program.memory_image
    layout = program.input_layout
    shape = (layout.height, layout.width, layout.channels)
    packed = [sorted(layout.pack(x.reshape(shape)).items()) for x in inputs]
    program_address, weight_address = p.region_address(2), p.region_address(1)
    stride = image.weight_stride
    rows = image.weights.size // stride
    weights = image.weights.reshape(rows, stride)[:, :p.weight_banks]
    addresses = [program_address + 8 * i for i in range(image.program.size)]
    addresses += [p.region_address(3) + 8 * i for i in range(image.schedule.size)]
    addresses += [weight_address + 8 * (row * stride + bank)
                  for row in range(rows) for bank in range(p.weight_banks)]
    return Job(
        folder=folder, image_runs=_runs(addresses),
        image=np.concatenate([image.program, image.schedule, weights.ravel()]).astype("<u8"),
        input_runs=_tensor_runs(program, layout),
        inputs=np.array([[word for _, word in words] for words in packed], "<u8"),
        output_runs=_tensor_runs(program, program.output_layout),
        layers=len(program.layers), banks=p.banks, monitor=monitor, stalls=stalls,
        watchdog=watchdog)


def _unpack_outputs(program: Program, outputs: np.ndarray) -> np.ndarray:
    layout = program.output_layout
    order = sorted(set(layout.addresses().ravel().tolist()))
    words = np.zeros(max(order) + 1, np.uint64)
    tensors = []
    for row in outputs:
        words[order] = row
        tensors.append(layout.unpack(words))
    return np.array(tensors)


def _layer_tensors(program: Program, answer: Answer, count: int) -> dict[int, np.ndarray]:
    """Monitored beats, put back into tensors: [N, height, width, channels] by tensor index."""
    beats = {"engine": answer.post, "vector": answer.vector}
    at = dict.fromkeys(beats, 0)
    tensors: dict[int, list[np.ndarray]] = {layer.lowered.output: [] for layer in program.layers}
    p = program.parameters
    for _ in range(count):
        for layer in program.layers:
            low = layer.lowered
            unit = UNITS[low.opcode]
            height, width, channels = low.output_shape
            columns = p.facts.columns if unit == "engine" else p.vector_lanes
            source = beats[unit]
            lanes = source.shape[1]
            groups = -(-channels // columns)
            size = (layer.source.word_groups(p.vector_blocks) if low.opcode is Opcode.ADD
                    else groups * height * width * columns // lanes)
            part = source[at[unit]:at[unit] + size]
            if len(part) != size:
                raise RuntimeError(f"layer {low.name}: monitored {len(part)} beats of {size}")
            at[unit] += size
            if low.opcode is Opcode.ADD:  # word by word as the tensor lies
                words = np.ascontiguousarray(part).view(np.uint64).ravel()
                tensors[low.output].append(replace(layer.destination, base=0).unpack(words))
            else:
                pixels = height * width
                tile = p.facts.rows if layer.fused or layer.fed else pixels
                values = [group.reshape(groups, -1, columns).transpose(1, 0, 2)
                          for group in np.split(part.reshape(-1, columns), [
                              groups * end for end in range(tile, pixels, tile)])]
                tensors[low.output].append(layer.destination.restore(
                    np.concatenate(values).reshape(height, width, -1)[..., :channels]))
    for unit, used in at.items():
        if used != len(beats[unit]):
            raise RuntimeError(f"{len(beats[unit]) - used} beats of the {unit} unit "
                               "belong to no layer")
    return {index: np.array(parts) for index, parts in tensors.items()}


def run(program: Program, inputs: np.ndarray, model: Simulator, *, layers: bool = False,
        stalls: int | None = None, bench: str = "inference", watchdog: int = 0,
        progress: Callable[[int], None] | None = None) -> RunResult:
    """Run int8 ``inputs`` [N, ...] back to back in one simulation.

    ``progress`` is told from time to time how many inputs are done.
    """
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        job = prepare(program, inputs, folder, monitor=layers, stalls=stalls, watchdog=watchdog)
        with _Follower(folder / "progress", progress):
            model.run(f"systolith.verif.benches.{bench}", job=job.save(), work=folder)
        return _result(program, Answer.load(folder), layers)


def run_in_turn(cases: Sequence[tuple[Program, np.ndarray]], model: Simulator) -> list[RunResult]:
    """Programs of one spec, each with its inputs, one after the other in one simulation, every
    layer monitored."""
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folders = [Path(name) / str(number) for number in range(len(cases))]
        following = ""
        for (program, inputs), folder in reversed(list(zip(cases, folders, strict=True))):
            job = prepare(program, inputs, folder, monitor=True)
            job.following = following
            following = str(job.save())
        model.run("systolith.verif.benches.inference", job=Path(following), work=Path(name))
        return [_result(program, Answer.load(folder), True)
                for (program, _), folder in zip(cases, folders, strict=True)]


def _result(program: Program, answer: Answer, layers: bool) -> RunResult:
    return RunResult(
        outputs=_unpack_outputs(program, answer.outputs),
        layers=_layer_tensors(program, answer, len(answer.cycles)) if layers else {},
        cycles=answer.cycles, layer_cycles=answer.layer_cycles, counters=answer.counters)


class _Follower:
    """Passes on the count in ``path`` while a simulation runs."""

    def __init__(self, path: Path, report: Callable[[int], None] | None):
        self.path = path
        self.report = report
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self.stop.wait(0.3):
            text = self.path.read_text() if self.path.exists() else ""
            if text and self.report is not None:
                self.report(int(text))

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *exc):
        self.stop.set()
        self.thread.join()
