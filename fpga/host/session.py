# SPDX-License-Identifier: Apache-2.0
"""Networks on a board: load, run and compare."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...gen.build import parameters
from ...gen.cli.common import Inputs, stage
from ...gen.compile import Program, bound_activations, layers_run
from ...gen.compiler import compile_network
from ...gen.importer import load as load_model
from ...gen.predict import predict
from ...gen.report import Report, RunResult, complete
from ...gen.spec import Spec
from ...gen.transport import image_words, pack_inputs, tensor_runs, unpack_outputs
from ...golden.interpreter import run as run_golden
from ...golden.network import Network
from .board import EMPTY, Board, bursts
from .faults import HostFault

__all__ = ["Compiled", "compile_for_board", "compile_model", "load_image", "measure",
           "run_inputs", "run_on_board"]

PORTS = {"control": "axi4-lite", "window": "axi4", "dma": None}
"""Of a spec's bus: what the board shell connects to."""


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A network for a board; ``token`` tells its image from others."""

    spec: Spec
    network: Network
    program: Program
    token: int


def compile_for_board(spec: Spec, network: Network, *, unfused: bool = False,
                      batch: int = 1) -> Compiled:
    """Compile ``network`` for the board of ``spec``. HostFault where that has other ports than a
    board."""
    for name, value in PORTS.items():
        if getattr(spec.bus, name) != value:
            raise HostFault(f"{spec.name}: bus.{name} of a board must be {value or 'null'}, "
                            f"not {getattr(spec.bus, name) or 'null'}")
    if spec.front_end.layers is not None:
        raise HostFault(f"{spec.name}: front_end.layers of a board must be null, not "
                        f"{spec.front_end.layers}")
    program = compile_network(spec, network, batch=batch, fuse="never" if unfused else "faster")
    # Not a CRC: an image ends with its own, and all such have the same.
    digest = hashlib.blake2b(program.image, digest_size=4).digest()
    return Compiled(spec=spec, network=network, program=program,
                    token=max(int.from_bytes(digest, "little"), EMPTY + 1))


def compile_model(spec: Spec, model: Path, *, activation_nnz: Sequence[str] = (),
                  unfused: bool = False, batch: int = 1, quiet: bool = False) -> Compiled:
    """``compile_for_board`` of the model at a path, its activations pruned."""
    with stage(f"compile {model.name} for {spec.name}", quiet=quiet):
        network = bound_activations(load_model(model), parameters(spec).facts, activation_nnz)
        return compile_for_board(spec, network, unfused=unfused, batch=batch)


def load_image(board: Board, compiled: Compiled, *, quiet: bool = False) -> int:
    """Write the image into the board; returns its bytes. A load that breaks off leaves a board
    that is known to hold none."""
    board.check_spec(compiled.spec)
    board.arm(EMPTY)
    board.settle()
    runs, words = image_words(compiled.program)
    total = len(bursts(runs, board.words))
    with stage(f"load {8 * words.size} bytes", total=total, quiet=quiet) as advance:
        board.store(runs, words, advance)
    board.arm(compiled.token)
    return 8 * words.size


def run_inputs(board: Board, compiled: Compiled, inputs: np.ndarray, *, seconds: float,
               advance: Callable[[], None] = lambda: None) -> RunResult:
    """Run int8 ``inputs`` [N, ...] one after the other; a run may take ``seconds``.

    The last run of a program for batches is filled up with the last input.
    """
    program = compiled.program
    batch, count = program.lowered.batch, len(inputs)
    filled = np.pad(inputs, ((0, -count % batch), *((0, 0),) * (inputs.ndim - 1)), mode="edge")
    packed = pack_inputs(program, filled.reshape(-1, batch, *inputs.shape[1:]))
    input_runs = tensor_runs(program, program.lowered.input)
    output_runs = tensor_runs(program, program.lowered.output)
    limit = 4 * predict(program).cycles + 10_000
    board.settle()
    board.write("WATCHDOG", limit)
    outputs, cycles, layer_cycles = [], [], []
    for words in packed:
        board.store(input_runs, words)
        cycles.append(board.run(seconds=seconds))
        outputs.append(board.fetch(output_runs))
        layer_cycles.append(board.layer_cycles(len(program.layers)))
        advance()
    tensors = unpack_outputs(program, np.array(outputs))
    if batch > 1:
        tensors = tensors.reshape(-1, 1, 1, tensors.shape[-1])
    return RunResult(outputs=tensors[:count], layers={}, cycles=np.array(cycles),
                     waits=np.zeros(len(cycles), int), layer_cycles=np.array(layer_cycles),
                     counters=board.counters())


def _ensure_loaded(board: Board, compiled: Compiled, quiet: bool) -> None:
    """Load the image unless the board holds it. WrongBitstream where it holds another spec."""
    board.check_spec(compiled.spec)
    if board.token != compiled.token:
        load_image(board, compiled, quiet=quiet)


def measure(board: Board, compiled: Compiled, inputs: np.ndarray, *, seconds: float,
            quiet: bool = False) -> dict:
    """Figures of ``inputs``, run one after the other: those of the accelerator from its cycles
    and the board's clock; those over the link from the host's clock, without the load."""
    _ensure_loaded(board, compiled, quiet)
    batch = compiled.program.lowered.batch
    with stage(f"run {len(inputs)} inputs", total=-(-len(inputs) // batch),
               quiet=quiet) as advance:
        start = time.monotonic()
        result = run_inputs(board, compiled, inputs, seconds=seconds, advance=advance)
        elapsed = time.monotonic() - start
    cycles = float(np.mean(result.cycles)) / batch
    return {"spec": compiled.spec.name, "model": compiled.network.name,
            "inferences": len(inputs), "batch": batch, "clock_hz": board.clock_hz,
            "cycles_per_inference": cycles, "ms_per_inference": 1e3 * cycles / board.clock_hz,
            "inferences_per_second": board.clock_hz / cycles,
            "link_seconds_per_inference": elapsed / len(inputs),
            "inferences_per_second_over_link": len(inputs) / elapsed,
            "repeated": board.link.repeated}


def run_on_board(board: Board, compiled: Compiled, inputs: Inputs, *, seconds: float,
                 quiet: bool = False) -> Report:
    """Run ``inputs``, after the image was loaded if the board does not hold it, and compare with
    golden: outputs, cycles and counters, as ``complete`` does."""
    network, program = compiled.network, compiled.program
    count, batch = len(inputs.values), program.lowered.batch
    _ensure_loaded(board, compiled, quiet)
    with stage(f"golden: {count} inputs", quiet=quiet):
        tensors = run_golden(network, inputs.values)
    report = Report.begin(compiled.spec, network, inputs, tensors, batch=batch)
    with stage(f"run {count} inputs", total=-(-count // batch), quiet=quiet) as advance:
        result = run_inputs(board, compiled, inputs.values, seconds=seconds, advance=advance)
    complete(report, program, result, tensors={network.inputs[0]: inputs.values} | tensors,
             runs=layers_run([layer.lowered for layer in program.layers], 0, {}))
    return report
