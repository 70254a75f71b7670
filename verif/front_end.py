# SPDX-License-Identifier: Apache-2.0
"""A front end by itself in Verilator, every layer's tensor compared with golden."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..gen.emit.platform import EmittingPlatform
from ..gen.fixed.latency import Timing, latency
from ..golden.interpreter import run as run_golden
from ..golden.network import Network
from ..rtl.fixed.front_end import FrontEnd
from ..rtl.fixed.parameters import FrontEndParameters
from .simulator import Simulator, build

__all__ = ["FrontEndBench", "FrontEndRun", "Step"]

TOP = "front_end"

Step = tuple[int, int, str]
"""Frame, how many of its pixels are sent, and what comes behind them: "" (nothing, the frame is
whole), "abort" or "first" (of the next frame, too early)."""


@dataclass(frozen=True, eq=False)
class FrontEndRun:
    """``frames`` [n]: those that came out, in order; ``first`` and ``last`` [n]: cycles in which
    its first pixel was taken, its last one came out; ``output`` int8 [n, h, w, c]; ``tensors`` of
    all layers, frame after frame, the cut ones as well."""

    frames: np.ndarray
    first: np.ndarray
    last: np.ndarray
    output: np.ndarray
    tensors: list[np.ndarray]


class FrontEndBench:
    """The front end ``parameters`` of the first layers of ``network``, with monitors."""

    def __init__(self, network: Network, parameters: FrontEndParameters):
        if not parameters.monitors:
            raise ValueError("Front end of a bench must have monitors")
        self.network = network
        self.parameters = parameters
        self.verilog, self.ports = EmittingPlatform(TOP).convert(FrontEnd(parameters), TOP)
        self._simulator: Simulator | None = None

    @property
    def timing(self) -> Timing:
        """As predicted."""
        return latency(self.parameters)

    def run(self, inputs: np.ndarray, work: Path, *, steps: Sequence[Step] | None = None,
            stalls: int | None = None) -> FrontEndRun:
        """Stream ``inputs`` int8 [n, ...] back to back, or ``steps`` of them; ``stalls``: seed of
        random pauses at both ends. Raises SimulationFault."""
        p = self.parameters
        pixels = inputs.reshape(len(inputs), -1, p.in_shape[2])
        if steps is None:
            steps = [(frame, pixels.shape[1], "") for frame in range(len(inputs))]
        work.mkdir(parents=True, exist_ok=True)
        height, width, channels = p.out_shape
        job = work / "job.json"
        job.write_text(json.dumps({
            "steps": list(steps), "stalls": stalls, "layers": len(p.layers),
            "results": height * width, "patience": 20 * self.timing.latency + 1000}))
        np.save(work / "inputs.npy", pixels)
        if self._simulator is None:
            self._simulator = build(self.verilog, top=TOP, ports=self.ports)
        self._simulator.run("systolith.verif.benches.front_end", job=job, work=work)
        with np.load(work / "answer.npz") as answer:
            frames, first, last = answer["done"].T
            return FrontEndRun(
                frames, first, last, answer["output"].reshape(-1, height, width, channels),
                [answer[f"tensor_{place}"].reshape(-1, layer.out_shape[2])
                 for place, layer in enumerate(p.layers)])

    def mismatch(self, inputs: np.ndarray, found: FrontEndRun, *,
                 tensors: bool = True) -> str | None:
        """Where the front end and golden differ first, None if they are equal; with ``tensors``
        every layer, for runs of whole frames."""
        golden = run_golden(self.network, inputs)
        last = self.parameters.layers[-1]
        pairs = [("output", last, found.output)]
        if tensors:
            pairs = [(layer.name, layer, tensor) for layer, tensor in zip(
                self.parameters.layers, found.tensors, strict=True)] + pairs
        for name, layer, tensor in pairs:
            expected = golden[layer.tensor][found.frames].reshape(-1, layer.out_shape[2])
            tensor = tensor.reshape(-1, layer.out_shape[2])
            if tensor.shape != expected.shape:
                return f"{name}: {len(tensor)} pixels, not {len(expected)}"
            wrong = np.argwhere(tensor != expected)
            if len(wrong):
                pixel, channel = wrong[0]
                return (f"{name}: pixel {pixel}, channel {channel} is {tensor[pixel, channel]}, "
                        f"not {expected[pixel, channel]}; {len(wrong)} differ")
        return None
