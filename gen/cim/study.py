# SPDX-License-Identifier: Apache-2.0
"""Accuracy of a network on PCM against the time since it was programmed, over many arrays."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...golden import interpreter
from ...golden.cim.device import T_0, Cells, compensation, ideal, program
from ...golden.cim.layers import place, regions
from ...golden.cim.macros import StatisticalMacro
from ...golden.cim.mapping import ArrayShape, LayerMapping
from ...golden.cim.network import array_layers, run
from ...golden.cim.quantisers import GDC_ONE
from ...golden.network import Network
from ..report import accuracy

__all__ = ["TIMES", "Study", "TimePoint", "digital_accuracy", "study"]

TIMES = {"25 s": 25.0, "1 h": 3600.0, "1 d": 86400.0, "1 mo": 30 * 86400.0, "1 y": 365 * 86400.0}
"""Times since programming, in seconds."""

_STUDENT_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179,
               2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
               2.060, 2.056, 2.052, 2.048, 2.045)
"""Student's t of 95 %, two-sided, for 1 ... 29 degrees of freedom; 1.96 and a little beyond."""


@dataclass(frozen=True, kw_only=True)
class TimePoint:
    """``accuracies`` of one array each, shares of inputs, ``seconds`` after programming."""

    name: str
    seconds: float
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over arrays."""
        return float(np.mean(self.accuracies))

    @property
    def deviation(self) -> float:
        """Standard deviation of an array's accuracy; 0 of one."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0

    @property
    def half_width(self) -> float:
        """Of the 95 % confidence interval of the mean (Student's t); 0 of one array."""
        count = len(self.accuracies)
        if count == 1:
            return 0.0
        t = _STUDENT_95[count - 2] if count <= 30 else 1.96 + 2.4 / (count - 1)
        return t * self.deviation / count ** 0.5


@dataclass(frozen=True, kw_only=True)
class Study:
    """``digital``: accuracy of the integer network itself; ``quantised``: on an array of ideal
    cells, with its drivers and ADCs; ``points`` in the order of time."""

    digital: float
    quantised: float
    points: tuple[TimePoint, ...]


def study(network: Network, inputs: np.ndarray, labels: np.ndarray, shape: ArrayShape,
          mappings: Mapping[int, LayerMapping], *, seeds: Sequence[int],
          times: Mapping[str, float] = TIMES, adc_bits: int | None = None,
          compensated: bool = True, digital: float | None = None,
          advance: Callable[[], None] = lambda: None) -> Study:
    """Programs an array for each of ``seeds`` and reads it at ``times`` (name: seconds).

    ``inputs`` int8 [N, ...], ``labels`` [N]; ``mappings`` by output tensor. ``compensated``: with
    global drift compensation, otherwise without; ``digital``: the accuracy that is aimed at, by
    default that of ``network`` itself. Read noise is drawn in its distribution
    (``StatisticalMacro``). ``advance`` is called after every run of all inputs, of which there are
    ``1 + len(seeds) * len(times)``.
    """
    weights, written = place(array_layers(network, mappings), mappings, shape)
    parts = list(regions(mappings, shape))

    def reached(cells: Cells, key: Sequence[int], gdc: int = GDC_ONE) -> float:
        macro = StatisticalMacro(cells, np.random.default_rng(key), adc_bits)
        tensors, _ = run(network, inputs, mappings, shape, macro, gdc=gdc)
        advance()
        return _share(tensors[network.outputs[0]], labels)

    quantised = reached(ideal(weights), [0])
    found: dict[str, list[float]] = {name: [] for name in times}
    for seed in seeds:
        devices = program(weights, seed, written)
        before = devices.cells(T_0)
        for number, (name, seconds) in enumerate(times.items()):
            cells = devices.cells(seconds)
            gdc = compensation(before, cells, parts) if compensated else GDC_ONE
            found[name].append(reached(cells, [seed, number], gdc))
    if digital is None:
        digital = digital_accuracy(network, inputs, labels)
    return Study(digital=digital, quantised=quantised, points=tuple(
        TimePoint(name=name, seconds=times[name], accuracies=tuple(values))
        for name, values in found.items()))


def digital_accuracy(network: Network, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Of the integer network itself."""
    return _share(interpreter.run(network, inputs)[network.outputs[0]], labels)


def _share(outputs: np.ndarray, labels: np.ndarray) -> float:
    found = accuracy(outputs, labels)
    assert found is not None
    return found
