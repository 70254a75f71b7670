# SPDX-License-Identifier: Apache-2.0
"""Frames that are streamed in, back to back: how far apart they can be."""

from dataclasses import dataclass

from ...rtl.fixed.slots import FrameSlots
from ..compile.program import Program
from .cycles import Prediction

__all__ = ["StreamPrediction", "predict_stream"]


@dataclass(frozen=True, kw_only=True)
class StreamPrediction:
    """Cycles of frame after frame, a pixel offered in every cycle, each run's end acknowledged at
    once. ``frame``: from a frame's first pixel to the next one's, where the core is never waited
    for: its pixels, or the words that it hands off, whichever are more. ``run``: of the core, with
    the cycles between two runs. ``steady``: from a result to the next, the longer of the two, since
    both go on at once."""

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
    return StreamPrediction(
        frame=max(height * width, p.slots.height * p.slots.width * p.slots.blocks),
        run=prediction.cycles + FrameSlots.GAP)
