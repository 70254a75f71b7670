# SPDX-License-Identifier: Apache-2.0
"""A program's prediction, by the core that it is for."""

from collections.abc import Sequence

from ..compile.compact import CompactProgram
from ..compile.external.tiling import Tiled
from ..compile.program import Program
from .compact import predict_compact
from .cycles import Prediction, predict_mesh

__all__ = ["predict"]


def predict(program: Program | Tiled, known: dict | None = None,
            runs: Sequence[bool] | None = None) -> Prediction:
    """Predict a run of ``program``. ``known`` keeps the times of layers that have been worked out,
    for other programs of the same network. ``runs``: which layers do, all if none are stated; on
    the compact core, all do."""
    if isinstance(program, CompactProgram):
        return predict_compact(program)
    return predict_mesh(program, known, runs)
