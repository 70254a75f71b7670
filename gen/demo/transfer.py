# SPDX-License-Identifier: Apache-2.0
"""Freeze the front end of a network of the digits 0-4, train its back end on the digits 5-9.

Usage: ``python -m systolith.gen.demo.transfer OUTPUT_DIR``. Needs the extra ``train``.

As in FixyNN (arXiv 1902.11128), the first layers, fixed in hardware, serve another task, for which
only what comes behind them is trained. Network, data and training are those of ``train``, with as
many epochs for every network; each seed holds other images back.
"""

import argparse
import copy
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from ...golden.network import Network
from ..cli.common import print_table, stage
from ..importer import load
from .comparison import (
    Measurement,
    check_front_end,
    fixed_weights,
    golden_accuracy,
    select,
    summary,
)
from .data import SEED, digits, split
from .train import (
    FLOAT_EPOCHS,
    FLOAT_RATE,
    TUNING_RATE,
    DigitsNetwork,
    as_tensor,
    quantise,
    seed_everything,
    train,
)

__all__ = ["frozen_copy", "main", "train_networks"]

FIRST = range(0, 5)
OTHERS = range(5, 10)
SPLITS = (1, 2, 3)
NETWORKS = 3 + len(SPLITS)
"""Networks of one seed: of the first digits, and of the others with none, 1, 2 and 3 layers frozen
and from random weights."""


def frozen_copy(network: DigitsNetwork, layers: int, classes: int) -> DigitsNetwork:
    """``network`` with a new classifier and, of its scales, those of its first ``layers``.

    These layers stay in int8 and are trained no more; the others are float again and go on from
    the weights they have.
    """
    other = copy.deepcopy(network)
    other.classifier = nn.Linear(network.classifier.in_features, classes)
    other.scales = network.scales[:layers]
    for layer in other.layers()[:layers]:
        layer.requires_grad_(False)
    return other


def train_networks(images: torch.Tensor, labels: torch.Tensor, seed: int
                   ) -> Iterator[tuple[range, str, int, bytes]]:
    """The networks of one seed: digits, start and frozen layers as of ``Measurement``, .tflite.

    The first is that of the first digits, from which the others' front ends come. ``images``
    [N, 1, 8, 8] and ``labels`` [N] are of all digits.
    """
    def parts(classes: range) -> tuple[torch.Tensor, torch.Tensor]:
        return select(images, labels, classes)

    def fresh(classes: range) -> tuple[DigitsNetwork, bytes]:
        seed_everything(seed)
        network = DigitsNetwork(len(classes))
        train(network, *parts(classes), epochs=FLOAT_EPOCHS, rate=FLOAT_RATE, seed=seed)
        return network, quantise(network, *parts(classes), seed=seed + 1)

    source, model = fresh(FIRST)
    yield FIRST, "random", 0, model
    yield OTHERS, "random", 0, fresh(OTHERS)[1]
    for layers in (0, *SPLITS):
        seed_everything(seed)
        network = frozen_copy(source, layers, len(OTHERS))
        train(network, *parts(OTHERS), epochs=FLOAT_EPOCHS, rate=TUNING_RATE, seed=seed)
        yield OTHERS, span(FIRST), layers, quantise(network, *parts(OTHERS), seed=seed + 1)


def span(classes: range) -> str:
    """As "0-4"."""
    return f"{classes[0]}-{classes[-1]}"


def main() -> None:
    """Write the network of the first digits, that of the others on its front end, and the
    accuracies of all; print them.

    Fails unless every exported network has, in its frozen layers, the integers of the first.
    """
    parser = argparse.ArgumentParser(description="Transfer a front end to other digits.")
    parser.add_argument("output", type=Path, help="folder for the three files")
    parser.add_argument("--layers", type=int, choices=SPLITS, default=2,
                        help="frozen layers of the network that is written")
    parser.add_argument("--seeds", type=int, choices=range(1, 101), metavar="1..100", default=5,
                        help="how many seeds, of split and training")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    pixels, targets = digits()
    seeds = range(SEED, SEED + arguments.seeds)
    measurements = []
    with stage("Training and measuring", total=NETWORKS * len(seeds)) as advance:
        for seed in seeds:
            training, held_back = split(len(pixels), seed)
            models = train_networks(as_tensor(pixels[training]),
                                    torch.from_numpy(targets[training]), seed)
            source = None
            for classes, start, frozen, model in models:
                network = imported(model)
                source = source or network
                check_front_end(network, source, frozen)
                images, labels = select(pixels[held_back], targets[held_back], classes)
                measurements.append(Measurement(
                    classes=span(classes), start=start, frozen=frozen,
                    fixed_weights=fixed_weights(network, frozen), seed=seed, images=len(images),
                    accuracy=golden_accuracy(network, images, labels)))
                if seed == SEED and (network is source or frozen == arguments.layers):
                    name = f"digits_{classes[0]}_{classes[-1]}.tflite"
                    (arguments.output / name).write_bytes(model)
                advance()
    rows = summary(measurements)
    (arguments.output / "transfer.json").write_text(json.dumps(
        {"layers": arguments.layers, "seeds": list(seeds), "summary": rows,
         "measurements": [asdict(entry) for entry in measurements]}, indent=2) + "\n")
    print_table("Held-back images, integer golden model of the .tflite, percent", [
        row | {key: "" if row[key] is None else f"{row[key]:{sign}.2f}" for key, sign in (
            ("mean", ""), ("deviation", ""), ("least", ""), ("to_training_all", "+"))}
        for row in rows])
    shared = sum(entry.frozen > 0 for entry in measurements)
    print(f"In all {shared} networks with frozen layers, these have bit for bit the weights, "
          f"biases, scales and zero points of the network of {span(FIRST)}: one front end's "
          "hardware serves both.")


def imported(model: bytes) -> Network:
    """The golden network of a .tflite file's content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.tflite"
        path.write_bytes(model)
        return load(path)


if __name__ == "__main__":
    main()
