# SPDX-License-Identifier: Apache-2.0
"""Train the digits network for a PCM array, and compare it there with the ordinary one.

Usage: ``python -m systolith.gen.demo.noise_aware OUTPUT_DIR``. Needs the extra ``train``.

As AnalogNets (arXiv 2111.06503) does it: weights are clipped at two standard deviations, so that
they use the range of conductances; every forward pass of training adds to them normal noise of
``NOISE`` times a channel's largest weight; row drivers and ADCs are simulated, gradients passing
straight through, with one fixed gain of all ADCs, to which the layers' scales adapt.
"""

import argparse
import json
from importlib.resources import files
from pathlib import Path

import torch

from ...golden.cim.conversion import CELL_STEPS
from ..cim.study import TIMES
from ..cli.common import print_table, stage
from ..importer import load
from .data import INPUT_SCALE, SEED, digits, split
from .drift import ADC_SHIFT, compare, summary
from .train import (
    FLOAT_RATE,
    DigitsNetwork,
    as_tensor,
    quantise,
    rounded,
    seed_everything,
    train,
    weight_scale,
)

__all__ = ["NOISE", "NoiseAwareNetwork", "main", "train_noise_aware"]

ADC_TOP = 127
NOISE = 0.08
"""Standard deviation over a channel's largest weight. That of PCM is 0.064 a day after programming
(``golden/cim/device.py``)."""
CLIP = 2.0
FLOAT_EPOCHS = 120
QUANTISED_EPOCHS = 60
QUANTISED_RATE = 1e-3
NAME, ORDINARY = "digits_noise_aware", "digits_dense"


class NoiseAwareNetwork(DigitsNetwork):
    """``DigitsNetwork`` on an array: clipped weights; noise where gradients are wanted; the ADCs
    of layers whose tensors have scales, with a gain of ``adc_shift``."""

    def __init__(self, adc_shift: int = ADC_SHIFT, noise: float = NOISE):
        super().__init__()
        self.adc_shift = adc_shift
        self.noise = noise

    def weights(self) -> list[torch.Tensor]:
        """The four weight tensors, clipped at ``CLIP`` standard deviations."""
        bounds = [CLIP * float(weight.detach().std()) for weight in super().weights()]
        return [weight.clamp(-bound, bound)
                for weight, bound in zip(super().weights(), bounds, strict=True)]

    def sums(self, number: int, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """As the array has them: noise in the weights, then codes of ADCs, then the bias."""
        scale = weight_scale(weight, per_channel=number < 3)
        if torch.is_grad_enabled():
            weight = weight + self.noise * 127 * scale * torch.randn_like(weight)
        bias = self.biases()[number].reshape(-1, *[1] * (weight.ndim - 2))
        sums = super().sums(number, x, weight) - bias
        if len(self.scales) == 3:  # all that inputs of layers have
            source = INPUT_SCALE if number == 0 else self.scales[number - 1]
            step = source * scale.reshape(-1, *[1] * (weight.ndim - 2)) * (
                2 ** self.adc_shift / CELL_STEPS)
            codes = rounded(sums / step, 1.0)
            sums = step * codes.clamp(-ADC_TOP, ADC_TOP)
        return sums + bias


def train_noise_aware(images: torch.Tensor, labels: torch.Tensor, seed: int, **options) -> bytes:
    """The .tflite file of a network trained on ``images`` [N, 1, 8, 8] and ``labels`` [N]."""
    seed_everything(seed)
    network = NoiseAwareNetwork(**options)
    train(network, images, labels, epochs=FLOAT_EPOCHS, rate=FLOAT_RATE, seed=seed)
    return quantise(network, images, labels, seed=seed + 1, epochs=QUANTISED_EPOCHS,
                    rate=QUANTISED_RATE)


def main() -> None:
    """Write the network, and the accuracies of it and of the ordinary one over time; print them."""
    parser = argparse.ArgumentParser(description="Train the digits network for a PCM array.")
    parser.add_argument("output", type=Path, help="folder for the two files")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of split and training")
    parser.add_argument("--arrays", type=int, choices=range(2, 1001), metavar="2..1000",
                        default=50, help="how many arrays are programmed")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    pixels, targets = digits()
    training, held_back = split(len(pixels), arguments.seed)
    with stage("Training"):
        model = train_noise_aware(as_tensor(pixels[training]), torch.from_numpy(targets[training]),
                                  arguments.seed)
    path = arguments.output / f"{NAME}.tflite"
    path.write_bytes(model)
    ordinary = Path(str(files(__package__).joinpath(f"{ORDINARY}.tflite")))
    seeds = range(arguments.arrays)
    with stage("Measuring", total=2 * (1 + len(TIMES) * len(seeds))) as advance:
        studies = compare({NAME: load(path), ORDINARY: load(ordinary)}, pixels[held_back],
                          targets[held_back], seeds=seeds, advance=advance)
    rows = summary(studies)
    (arguments.output / "noise_aware.json").write_text(json.dumps(
        {"seed": arguments.seed, "noise": NOISE, "adc_shift": ADC_SHIFT, "arrays": len(seeds),
         "images": len(held_back), "summary": rows}, indent=2) + "\n")
    print_table(f"{len(held_back)} held-back images, percent, over {len(seeds)} arrays", rows)


if __name__ == "__main__":
    main()
