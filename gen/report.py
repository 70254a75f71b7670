# SPDX-License-Identifier: Apache-2.0
"""What a run of a network came to, on simulated hardware or on a board, beside golden."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np

from ..golden.network import Network
from .cli.inputs import Inputs
from .cli.layers import fixed_rows, layer_rows
from .compile import CompactProgram, Program, core_tensors
from .counters import measured_activity, measured_stalls
from .predict import (
    Activity,
    Prediction,
    Timeline,
    moved_bytes,
    predict,
    predict_activity,
)
from .spec import Spec

__all__ = ["Report", "RunResult", "accuracy", "complete", "save_outputs"]


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """``outputs`` int8 [N, h, w, c] of the core's last layer; ``layers``: the same for every
    layer, by tensor index, where monitored; ``cycles`` [runs]; ``layer_cycles`` [runs, layers].
    A run takes a batch of the N inputs; ``waits``: of its cycles those in which layers waited for
    transfers. ``timeline``: of the first run, where it was traced. Of inputs that were streamed in:
    ``handed_off`` int8 [N, h, w, c], what went into the activation memory; ``slots`` the same, of
    the first ones as they lay there; ``stream_words`` [N] written during each run."""

    outputs: np.ndarray
    layers: dict[int, np.ndarray]
    cycles: np.ndarray
    waits: np.ndarray
    layer_cycles: np.ndarray
    counters: dict[str, int]
    timeline: Timeline | None = None
    handed_off: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    slots: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    stream_words: np.ndarray = field(default_factory=lambda: np.zeros(0, int))


@dataclass(kw_only=True)
class Report:
    """What ``run`` says. Cycles are None without RTL, and so is ``bit_exact``.

    ``cycles``, and those of ``layers``, are of a run of ``batch`` inputs. Of ``layers``, cycles
    and what follows from them are measured; stalls are the predictor's, whose sums are compared.
    ``stream_words``: words of frames that were handed off during each run.
    ``waits``: cycles of a run in which layers waited for transfers; all others must be as
    predicted, and so must ``moved_bytes``. ``accuracy_unpruned``: before activations were pruned,
    if they were. ``counters``: registers after the last inference; ``activity``: its events and
    stalls among them. ``left_out``: the model's operators behind the network's output.
    """

    spec: str
    model: str
    inferences: int
    accuracy: float | None
    accuracy_unpruned: float | None = None
    bit_exact: bool | None = None
    mismatch: str | None = None
    compared: str = "outputs"
    batch: int = 1
    cycles: int | None = None
    cycles_per_inference: float | None = None
    predicted_cycles_per_inference: float | None = None
    utilisation: float | None = None
    stream_words: list[int] = field(default_factory=list)
    waits: int = 0
    predicted_waits: int = 0
    moved_bytes: int = 0
    layers: list[dict] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    activity: dict[str, int] = field(default_factory=dict)
    predicted_activity: dict[str, int] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    tensors: dict[int, np.ndarray] = field(default_factory=dict)
    output: int = 0
    timelines: list[Timeline] = field(default_factory=list)

    @classmethod
    def begin(cls, spec: Spec, network: Network, inputs: Inputs,
              tensors: Mapping[int, np.ndarray], *, layers: bool = False,
              batch: int = 1) -> "Report":
        """What golden alone tells: ``tensors`` int8 [N, ...] by index; ``layers``: keep all."""
        final = network.outputs[0]
        return cls(spec=spec.name, model=network.name, inferences=len(inputs.values),
                   output=final, batch=batch,
                   tensors={index: network.tensors[index].to_model(tensors[index])
                            for index in (tensors if layers else (final,))},
                   left_out=list(network.left_out),
                   accuracy=accuracy(tensors[final], inputs.labels))

    def as_dict(self) -> dict:
        """Everything but tensors and timelines."""
        return {key: value for key, value in vars(self).items()
                if key not in ("tensors", "output", "timelines")}


def complete(report: Report, program: Program, result: RunResult, *,
             tensors: Mapping[int, np.ndarray], runs: Sequence[bool], layers: bool = False) -> None:
    """Fill in what hardware measured, and compare it with golden and with the prediction.

    ``tensors``: golden's, int8 [N, ...] by index, the input among them; ``runs``: which layers do.
    Compared are the outputs of the core's last layer, and with ``layers`` every layer's tensor,
    over every input; cycles must be the same in every inference and as predicted, and so must
    the counters of the last one.
    """
    count, batch = report.inferences, report.batch
    prediction = predict(program, runs=runs)
    observed = result.layers if layers else {program.lowered.output: result.outputs}
    report.compared = "every layer" if layers else "outputs"
    known = core_tensors(program.lowered, tensors)
    report.mismatch = (_stream_mismatch(program, result, known)
                       or _first_mismatch(program, observed, known) or _first_mismatch(
        program, {program.lowered.output: result.outputs}, known))
    report.stream_words = result.stream_words.tolist()
    waits = sum(prediction.waits)
    report.cycles = int(result.cycles[0])
    report.cycles_per_inference = _share(report.cycles, batch)
    report.predicted_cycles_per_inference = _share(prediction.cycles + waits, batch)
    report.waits, report.predicted_waits = int(result.waits[0]), waits
    report.moved_bytes = moved_bytes(program)
    report.utilisation = prediction.utilisation * prediction.cycles / result.cycles[0]
    report.counters = result.counters
    report.layers += fixed_rows(program, measured=True)
    report.layers += layer_rows(program, prediction, result.layer_cycles[0].tolist())
    for layer in program.lowered.host:
        report.layers.append({"name": layer.name, "op": layer.kind, "fused": False,
                              "cycles": "host",
                              "predicted_cycles": "host", "macs": 0, "utilisation": 0.0})
    if result.timeline is not None:
        report.timelines = [result.timeline, prediction.timeline]
    if report.mismatch is None:
        report.mismatch = _timing_mismatch(program, result, prediction)
    final_run = np.minimum(np.arange((count - 1) // batch * batch, -(-count // batch) * batch),
                           count - 1)
    last = {index: tensor[final_run] for index, tensor in known.items()}
    # The image trailer, on chip, is one weight row that belongs to no layer.
    compact = isinstance(program, CompactProgram)  # ... which counts no reads
    expected = sum(compress(predict_activity(program, last), runs), Activity(
        weight_reads=int(not (compact or program.parameters.trailer_in_program))))
    report.activity = (asdict(measured_activity(result.counters))
                       | asdict(measured_stalls(result.counters)))
    report.predicted_activity = asdict(expected) | asdict(prediction.stalls)
    if report.mismatch is None and report.activity != report.predicted_activity:
        report.mismatch = (f"counters {report.activity} differ from those predicted, "
                           f"{report.predicted_activity}")
    report.bit_exact = report.mismatch is None


def _timing_mismatch(program: Program, result: RunResult, prediction: Prediction) -> str | None:
    """What of cycles without waits, and of the bytes moved, is not as predicted; None if all is."""
    own = result.cycles - result.waits
    if np.ptp(own) or np.ptp(result.layer_cycles, axis=0).any():
        return "cycles differ between inferences"
    if own[0] != prediction.cycles:
        return (f"cycles {result.cycles[0]} less {result.waits[0]} of waiting differ from those "
                f"predicted, {prediction.cycles}")
    if program.moves and result.counters["DMA_BYTES"] != moved_bytes(program):
        return (f"{result.counters['DMA_BYTES']} bytes moved differ from those predicted, "
                f"{moved_bytes(program)}")
    return None


def _stream_mismatch(program: Program, result: RunResult,
                     golden: Mapping[int, np.ndarray]) -> str | None:
    """What of the tensors handed off, or of the first ones in their slots, is not golden's."""
    if program.parameters.slots is None:
        return None
    want = golden[program.lowered.input].reshape(result.handed_off.shape)
    for what, values in (("handed off", result.handed_off), ("in its slot", result.slots)):
        if not np.array_equal(values, want[:len(values)]):
            at = tuple(int(i) for i in np.argwhere(values != want[:len(values)])[0])
            return (f"tensor {what}, input {at[0]}, pixel ({at[1]}, {at[2]}), channel {at[3]}: RTL "
                    f"{values[at]}, golden {want[at]}")
    return None


def _share(cycles: int, batch: int) -> float:
    """Cycles of an inference: whole where a run is one."""
    return cycles if batch == 1 else cycles / batch


def _first_mismatch(program: Program, observed: Mapping[int, np.ndarray],
                    golden: Mapping[int, np.ndarray]) -> str | None:
    """The first layer, input, pixel and channel that differ, as a sentence; None if none do."""
    layers = {layer.output: layer for layer in (*program.fixed, *program.network.layers, *(
        layer.lowered for layer in program.layers))}
    for index in observed:
        want = golden[index].reshape(observed[index].shape)
        if not np.array_equal(want, observed[index]):
            at = tuple(int(i) for i in np.argwhere(want != observed[index])[0])
            return (f"layer {layers[index].name} ({layers[index].kind}), input {at[0]}, pixel "
                    f"({at[1]}, {at[2]}), channel {at[3]}: RTL {observed[index][at]}, "
                    f"golden {want[at]}; {(want != observed[index]).sum()} values differ")
    return None


def accuracy(outputs: np.ndarray, labels: np.ndarray | None) -> float | None:
    """Share of ``outputs`` [N, ...] whose largest value is at the label; None without labels."""
    if labels is None:
        return None
    return float((outputs.reshape(len(outputs), -1).argmax(1) == labels).mean())


def save_outputs(path: Path, report: Report) -> None:
    """Write ``output`` and, where kept, every operator's ``t<index>``; whole or not at all."""
    arrays = {"output": report.tensors[report.output]}
    if len(report.tensors) > 1:
        arrays |= {f"t{index}": tensor for index, tensor in report.tensors.items()}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
