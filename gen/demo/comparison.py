# SPDX-License-Identifier: Apache-2.0
"""Networks of one front end: what they share is compared, what they reach put beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...golden.interpreter import run
from ...golden.network import Network
from ..compile.fault import CompileFault
from ..fixed.split import check_same
from ..report import accuracy

__all__ = ["Measurement", "check_front_end", "fixed_weights", "golden_accuracy", "select",
           "summary"]


@dataclass(frozen=True)
class Measurement:
    """Accuracy of one exported network.

    ``classes``: its digits, as "5-9". ``start``: "random" weights, or "0-4", those of the network
    trained on these. ``frozen``: its layers from the first on that are not trained, of
    ``fixed_weights`` weights. ``accuracy``: share of ``images`` held-back images.
    """

    classes: str
    start: str
    frozen: int
    fixed_weights: int
    seed: int
    images: int
    accuracy: float


def select(images: np.ndarray, labels: np.ndarray, classes: range
           ) -> tuple[np.ndarray, np.ndarray]:
    """The images whose label is in ``classes``, and their labels, counted from the first class."""
    chosen = (labels >= classes.start) & (labels < classes.stop)
    return images[chosen], labels[chosen] - classes.start


def check_front_end(network: Network, fixed: Network, count: int) -> None:
    """Raises CompileFault unless one front end's hardware serves both networks.

    Their first ``count`` operators must have the same integer weights, biases and requantisation,
    and the tensors that these read and write the same scale and zero point.
    """
    check_same(network, fixed, count)
    first = network.tensors[network.inputs[0]], fixed.tensors[fixed.inputs[0]]
    outputs = [(network.tensors[ours.output], fixed.tensors[theirs.output])
               for ours, theirs in zip(network.layers[:count], fixed.layers[:count], strict=True)]
    for ours, theirs in (first, *outputs):
        if (ours.scale, ours.zero_point) != (theirs.scale, theirs.zero_point):
            raise CompileFault(
                f"tensor {ours.name} must have the scale {theirs.scale!r} and the zero point "
                f"{theirs.zero_point}, not {ours.scale!r} and {ours.zero_point}: operators "
                f"0..{count - 1} are fixed in hardware")


def fixed_weights(network: Network, count: int) -> int:
    """Weights of the first ``count`` operators."""
    return sum(layer.weights.size for layer in network.layers[:count])


def golden_accuracy(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    """Share of int8 ``images`` whose largest output, by the integer golden model, is at the
    label."""
    return accuracy(run(network, images)[network.outputs[0]], labels)


def summary(measurements: Sequence[Measurement]) -> list[dict[str, str | int | float | None]]:
    """A row for each kind of network, in order, over its seeds, in percent.

    ``mean``, standard ``deviation`` (None of one seed) and ``least`` accuracy;
    ``to_training_all``: the mean difference, seed by seed, to training all layers from the same
    start (None for these themselves). ``images`` of all seeds.
    """
    kinds: dict[tuple[str, str, int], list[Measurement]] = {}
    for entry in measurements:
        kinds.setdefault((entry.classes, entry.start, entry.frozen), []).append(entry)
    rows = []
    for (classes, start, frozen), entries in kinds.items():
        reached = {entry.seed: 100 * entry.accuracy for entry in entries}
        values = list(reached.values())
        gap = None
        if frozen:
            gap = float(np.mean([reached[entry.seed] - 100 * entry.accuracy
                                 for entry in kinds[classes, start, 0]]))
        rows.append({"digits": classes, "start": start, "frozen_layers": frozen,
                     "fixed_weights": entries[0].fixed_weights, "mean": float(np.mean(values)),
                     "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
                     "least": min(values), "to_training_all": gap, "seeds": len(entries),
                     "images": sum(entry.images for entry in entries)})
    return rows
