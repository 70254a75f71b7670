# SPDX-License-Identifier: Apache-2.0
"""Predictor: cycles of every layer from the static facts of the hardware, without simulation."""

from .cycles import LayerPrediction, Prediction, predict

__all__ = ["LayerPrediction", "Prediction", "predict"]
