# SPDX-License-Identifier: Apache-2.0
"""Predictor: what the hardware's counters will show, from its static facts, without simulation."""

from .accesses import Accesses, MemoryUse, memory_use, predict_accesses
from .activity import Activity, predict_activity
from .banks import predict_bank_words
from .busy import Busy, Timeline
from .cycles import LayerPrediction, Prediction, Stalls
from .dispatch import predict
from .stream import StreamPrediction, predict_stream
from .transfers import MEMORY_LATENCY, layer_traffic, moved_bytes

__all__ = ["MEMORY_LATENCY", "Accesses", "Activity", "Busy", "LayerPrediction", "MemoryUse",
           "Prediction", "Stalls", "StreamPrediction", "Timeline", "layer_traffic", "memory_use",
           "moved_bytes", "predict", "predict_accesses", "predict_activity", "predict_bank_words",
           "predict_stream"]
