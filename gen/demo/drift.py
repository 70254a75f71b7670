# SPDX-License-Identifier: Apache-2.0
"""Networks of the digits on PCM: their accuracies against the time since programming."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...golden.network import Network
from ..cim.apart import lay_apart, pcm_scale
from ..cim.study import TIMES, Study, study

__all__ = ["ADC_SHIFT", "compare", "summary"]

ADC_SHIFT = 14
"""Gain of the ADCs, one for all layers, that the noise-aware network is made for: a code is a
column's sum over 2**14."""


def compare(networks: Mapping[str, Network], images: np.ndarray, labels: np.ndarray, *,
            seeds: Sequence[int], times: Mapping[str, float] = TIMES,
            advance: Callable[[], None] = lambda: None) -> dict[str, Study]:
    """Each network on the arrays of ``seeds``, at 8 bits: ``images`` int8 [N, 8, 8, 1], ``labels``
    [N]; ``advance`` as of ``study``."""
    found = {}
    for name, network in networks.items():
        shape, mappings = lay_apart(network, **pcm_scale(ADC_SHIFT))
        found[name] = study(network, images, labels, shape, mappings, seeds=seeds, times=times,
                            advance=advance)
    return found


def summary(studies: Mapping[str, Study]) -> list[dict[str, str | float]]:
    """A row for each network and time, in percent, to a hundredth; ``loss``: points below its own
    digital accuracy."""
    return [{"network": name, "digital": round(100 * study.digital, 2),
             "ideal_cells": round(100 * study.quantised, 2), "time": point.name,
             "mean": round(100 * point.mean, 2),
             "confidence_95": round(100 * point.half_width, 2),
             "least": round(100 * min(point.accuracies), 2),
             "loss": round(100 * (study.digital - point.mean), 2)}
            for name, study in studies.items() for point in study.points]
