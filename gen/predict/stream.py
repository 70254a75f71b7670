# SPDX-License-Identifier: Apache-2.0
"""Frames that are streamed in, back to back: how far apart they can be."""

from dataclasses import dataclass, replace

from ...rtl.frames.slots import FrameSlots
from ..compile.program import Program
from ..fixed.latency import Timing, latency
from .cycles import Prediction

__all__ = ["StreamPrediction", "predict_stream"]


@dataclass(frozen=True, kw_only=True)
class StreamPrediction:
    """Cycles of frame after frame, a pixel offered in every cycle, each run's end acknowledged at
    once. ``latency``: from a frame's first pixel to its last one from the fixed layers; ``frame``:
    from one frame to the next through them, or what handing it off takes, a word a cycle, if that
    is more; both where the core is never waited for. ``run``: of the core, with the cycles between
    two runs. ``steady``: from a result to the next, the longer of the two, since both go on at
    once."""

    latency: int
    frame: int
    run: int

    @property
    def steady(self) -> int:
        return max(self.frame, self.run)


def predict_stream(program: Program, prediction: Prediction) -> StreamPrediction | None:
    """How far apart frames come, None where inputs are not streamed in."""
    p = program.parameters
    if p.slots is None:
        return None
    height, width, _ = p.frame
    own = Timing(latency=height * width, interval=height * width)
    if p.front_end is not None:
        own = latency(replace(p.front_end, monitors=False))
    return StreamPrediction(
        latency=own.latency,
        frame=max(own.interval, p.slots.height * p.slots.width * p.slots.blocks),
        run=prediction.cycles + FrameSlots.GAP)
