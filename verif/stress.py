# SPDX-License-Identifier: Apache-2.0
"""Stress of one spec's core: stalls, resets at any cycle, damaged images, bus errors."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from amaranth.utils import exact_log2

from ..gen.build import parameters
from ..gen.compile.allocate import extent
from ..gen.compile.fault import CompileFault
from ..gen.compile.program import Program
from ..gen.compiler import compile_network
from ..gen.predict import moved_bytes, predict
from ..gen.spec import Spec
from ..golden.dbb import BLOCK
from ..golden.network import Network
from ..rtl.compact.parameters import CompactParameters
from ..rtl.facts import Encoding
from ..rtl.parameters import AcceleratorParameters
from ..rtl.sequencer.descriptor import Header
from .golden import golden_tensors
from .networks import deep_network, of_one_sign, small_network
from .results import read_results
from .run import prepare, simulator

__all__ = ["BENCHES", "TRANSFERS", "benches_of", "fitting", "spilling_program", "stops_early",
           "stress"]

MASKED = (Encoding.MASK, Encoding.HELD)  # encodings with masks that may have too many bits
BENCHES = ("bus_stalls", "external_memory", "resets", "images", "host_window")
TRANSFERS = "transfers"
"""What is there for specs whose weights come from outside, on top of ``BENCHES``."""
COMPACT_BENCHES = ("bus_stalls", "resets", "compact")
"""What is there for the compact core instead."""
INPUTS = 2
EXTERNAL_BASES = (0x5_0008_0FF8, 0x9_800C_0008)
"""External byte addresses of a first and of a second image: on no round boundary, and apart."""
SIDES = (12, 16, 24, 32, 48, 64)


def benches_of(spec: Spec) -> tuple[str, ...]:
    """The benches that are there for a spec."""
    if isinstance(parameters(spec), CompactParameters):
        return COMPACT_BENCHES
    return (*BENCHES, TRANSFERS) if parameters(spec).external_weights else BENCHES


def stress(spec: Spec, benches: Sequence[str] | None = None, *,
           seed: int = 0, falsify: bool = False) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of every test of ``benches``, or of all; needs a window and, for an
    engine with a mesh, a DMA.

    ``seed``: of networks, inputs and every random choice of the benches. ``falsify`` plants one
    wrong bit in what is expected.
    """
    model = simulator(spec)
    results = []
    with tempfile.TemporaryDirectory(prefix="systolith-") as name:
        folder = Path(name)
        job = _workloads(spec, folder, seed, falsify)
        for bench in benches_of(spec) if benches is None else benches:
            work = folder / bench
            detail = ""
            try:
                model.run(f"systolith.verif.benches.{bench}", job=job, work=work)
            except (RuntimeError, SystemExit) as error:  # the runner exits under pytest
                detail = str(error)
            results += read_results(bench, work / "results.xml", detail)
    return results


def _workloads(spec: Spec, folder: Path, seed: int, falsify: bool) -> Path:
    """Two networks, the second one also where the other's image leaves room, if images may lie
    anywhere, or where weights stay in an array, the first one with other biases; and a third one
    that spills, where it can; the bench's job."""
    programs = []
    compact = isinstance(parameters(spec), CompactParameters)
    for index in range(2):
        network = small_network(np.random.default_rng([seed, index]), adds=not compact)
        programs.append(compile_network(spec, fitting(spec, network), fuse="always"))
    first, second = programs
    start = (0, 0, 0, EXTERNAL_BASES[0])
    placed = [(first, start), (second, start)]
    if not compact:
        if parameters(spec).resident:
            second = compile_network(spec, _of_other_biases(first.network), fuse="always")
        placed.append((second, _behind(first)))
    if parameters(spec).external_weights:
        placed.append((spilling_program(spec, np.random.default_rng([seed, 2])), start))
    folders = [str(folder / str(index)) for index in range(len(placed))]
    for (program, bases), target in zip(placed, folders, strict=True):
        _workload(spec, program, bases, Path(target), seed, folders, falsify)
    return Path(folders[0]) / "job.json"


def fitting(spec: Spec, network: Network) -> Network:
    """``network`` with weights that the spec's macro can have, if there is one."""
    if spec.cim is None or not spec.cim.fragment:
        return network
    return of_one_sign(np.random.default_rng(0), network)


def stops_early(spec: Spec) -> bool:
    """Conversions may take less time than predicted."""
    return spec.cim is not None and spec.cim.early_stop


def _of_other_biases(network: Network) -> Network:
    """The same weights, other results."""
    return replace(network, layers=tuple(
        replace(layer, bias=layer.bias + 3000) if hasattr(layer, "bias") else layer
        for layer in network.layers))


def spilling_program(spec: Spec, rng: np.random.Generator) -> Program:
    """A network that is just too large for a spec whose weights come from outside: its weights
    go round the ring, its tensors are stored outside and loaded again. Raises CompileFault."""
    for side in SIDES:
        program = compile_network(spec, deep_network(rng, side))
        if program.lowered.input in program.spilled and any(
                move.write_out for move in program.moves):
            return program
    raise CompileFault("memory.activations must be smaller for a network of this suite to spill")


def _behind(program: Program) -> tuple[int, int, int, int]:
    """Program word, weight row and schedule word right behind an image; the second external
    base."""
    image, p = program.memory_image, program.parameters
    row = 2 * p.program_width
    weights = 0 if p.resident else image.weights.size // image.weight_stride
    return (-(-image.program.size // row) * row, weights, image.schedule.size, EXTERNAL_BASES[1])


def _workload(spec: Spec, program: Program, bases: tuple[int, int, int, int], folder: Path,
              seed: int, folders: list[str], falsify: bool) -> None:
    p, layout, image = program.parameters, program.output_layout, program.memory_image
    shape = program.network.tensors[program.lowered.input].shape[1:]
    inputs = np.random.default_rng(seed).integers(-128, 128, (INPUTS, *shape)).astype(np.int8)
    golden = golden_tensors(spec, program, inputs)[program.lowered.output]
    tensor = (layout.height, layout.width, layout.channels)
    expected = [_words(layout.pack(values.reshape(tensor))) for values in golden]
    if falsify:
        expected[0][0] ^= 1
    prediction = predict(program)
    job = prepare(program, inputs, folder)
    shifts = {2: 8 * bases[0], 1: 8 * image.weight_stride * bases[1],
              3: 8 * bases[2]}
    job.image_runs = [(address + shifts.get(address >> p.region_bits, 0), first, count)
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
        "array_written_only": p.resident,
        "cycles_at_most": stops_early(spec),
        "weights_have_places": p.reloads,
        "nnz": p.facts.nnz if p.facts.encoding in MASKED else BLOCK,
        "program_words": image.program.size - image.trailer_words,
        "external_words": image.external.size,
        "moved": moved_bytes(program) // 8,
        "stored": sum(move.total for move in program.moves if move.write_out),
        "transfers": _transfer_rows(program),
        "row_bits": _trailer_bits(p),
        "spare": _spare(program),
        "groups": [p.group_address(group, 0) for group in range(p.groups)],
        "group_words": p.group_words,
        "absent": [end for region, words in enumerate(p.region_words)
                   if (end := p.region_address(region) + 8 * words) < p.region_address(region + 1)],
    }
    job.save()


def _words(packed: dict[int, int]) -> list[int]:
    """Words in the order of their addresses."""
    return [packed[address] for address in sorted(packed)]


def _transfer_rows(program: Program) -> tuple[int, int]:
    """Row of an image's first transfer, and how many there are."""
    words = program.memory_image.program[:-(-Header.size // 64)]
    header = Header.from_bits(int.from_bytes(words.astype("<u8").tobytes(), "little")
                              & (1 << Header.size) - 1)
    return int(header.transfer_row), len(program.moves)


def _trailer_bits(p: AcceleratorParameters) -> tuple[int, int]:
    """The first of the bits of a row number that tell the trailer's place from others in its
    memory, and the one behind the last."""
    if p.trailer_in_program:  # one of the rows that a row of program memory holds is as good
        width = exact_log2(p.program_width)
        return width, width + (p.program_rows - 1).bit_length()
    return 0, (p.weight_rows - 1).bit_length()


def _spare(program: Program) -> list[int]:
    """Byte addresses of activation words that no tensor of the program touches."""
    p = program.parameters
    layouts = [layout for tensor, layout in program.layouts.items()
               if tensor not in program.spilled]
    layouts += [layout for layer in program.layers
                for layout in (layer.source, layer.second, layer.destination)
                if layout is not None]
    used = {p.group_address(layout.group, address) for layout in layouts
            for address in range(layout.base, layout.base + extent(layout, p))}
    spare = [p.group_address(group, word)
             for group in range(p.groups) for word in range(p.group_words)]
    return [address for address in spare if address not in used][-64:]
