# SPDX-License-Identifier: Apache-2.0
"""Cycles of the compact core, which its sequencer states in closed form."""

from ...rtl.compact.parameters import LANES
from ...rtl.compact.sequencer import Sequencer
from ..compile.compact import CompactLayer, CompactProgram
from .busy import Busy
from .cycles import LayerPrediction, Prediction

__all__ = ["predict_compact"]


def predict_compact(program: CompactProgram) -> Prediction:
    """Predict a run of ``program``, in which every layer runs and nothing waits."""
    layers = [LayerPrediction(
        name=layer.lowered.name, op=layer.lowered.kind, cycles=layer.cycles,
        macs=layer.lowered.macs, utilisation=_products(layer) / (layer.cycles * LANES))
        for layer in program.layers]
    cycles = Sequencer.OVERHEAD + sum(layer.cycles for layer in layers)
    useful = sum(_products(layer) for layer in program.layers)
    return Prediction(cycles=cycles, layers=layers, utilisation=useful / (cycles * LANES),
                      first_layer=Sequencer.OVERHEAD - 1, busy=Busy(), waits=[0] * len(layers))


def _products(layer: CompactLayer) -> int:
    """Products that a layer asks for, those of pools among them."""
    height, width, channels = layer.lowered.output_shape
    return height * width * channels * layer.weights
