# SPDX-License-Identifier: Apache-2.0
"""Train, prune, quantise and write the digits networks.

Usage: ``python -m systolith.gen.demo.train OUTPUT_DIR``. Needs the extra ``train``.
"""

import argparse
import copy
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ...golden.dbb import BLOCK
from .data import INPUT_SCALE, SEED, ZERO_POINT, digits, split
from .evaluate import accuracy
from .export import Layer, export
from .onnx_export import export_float

__all__ = ["FLOAT_EPOCHS", "FLOAT_RATE", "TUNING_RATE", "DigitsNetwork", "as_tensor", "main",
           "prune_masks", "quantise", "seed_everything", "train"]

NNZ = 4
BATCH = 64
FLOAT_EPOCHS = 60
FLOAT_RATE = 4e-3
TUNING_RATE = 2e-3
PRUNED_EPOCHS = 40
QUANTISED_EPOCHS = 20
QUANTISED_RATE = 5e-4


class DigitsNetwork(nn.Module):
    """The network of the package docstring, float or with simulated int8.

    ``masks`` (one per layer, or None for dense) multiply the weights. ``scales`` holds a real
    value per int8 step for the tensors of the first RELUs: none, some or all three. Weights and
    tensors of these layers, with all three also the average and the classifier's weights, are
    rounded as the integer kernels round them and gradients pass straight through.
    """

    def __init__(self, classes: int = 10):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3)
        self.second = nn.Conv2d(16, 32, 3, stride=2)
        self.third = nn.Conv2d(32, 64, 3)
        self.classifier = nn.Linear(64, classes)
        self.masks: list[torch.Tensor | None] = [None] * 4
        self.scales: list[float] = []

    def layers(self) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d, nn.Linear]:
        """The layers that have weights, in order."""
        return self.first, self.second, self.third, self.classifier

    def weights(self) -> list[torch.Tensor]:
        """The four weight tensors, masked, in torch order."""
        return [layer.weight if mask is None else layer.weight * mask
                for layer, mask in zip(self.layers(), self.masks, strict=True)]

    def biases(self) -> list[torch.Tensor]:
        """The four bias vectors."""
        return [layer.bias for layer in self.layers() if layer.bias is not None]

    def activations(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The outputs of the three convolutions and of the classifier for ``x`` [N, 1, 8, 8]."""
        outputs = []
        weights = self.weights()
        for i, layer in enumerate(self.layers()[:3]):
            # SAME pads nothing before the first pixel at stride 2 and even extents.
            x = functional.pad(x, (0, 1, 0, 1) if layer.stride == (2, 2) else (1, 1, 1, 1))
            weight = weights[i]
            if i < len(self.scales):
                weight = rounded(weight, weight_scale(weight, per_channel=True))
            x = self.sums(i, x, weight).relu()
            if i < len(self.scales):
                step = self.scales[i]
                x = rounded(x.clamp(max=255 * step), step)
            outputs.append(x)
        x = x.mean((2, 3))
        weight = weights[3]
        if len(self.scales) == 3:
            x = rounded(x, self.scales[-1])
            weight = rounded(weight, weight_scale(weight, per_channel=False))
        return [*outputs, self.sums(3, x, weight)]

    def sums(self, number: int, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Of a layer, bias included: ``x`` padded, ``weight`` as the layer is to have it."""
        layer = self.layers()[number]
        if isinstance(layer, nn.Linear):
            return functional.linear(x, weight, layer.bias)
        return functional.conv2d(x, weight, layer.bias, layer.stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activations(x)[-1]


def rounded(value: torch.Tensor, step: torch.Tensor | float) -> torch.Tensor:
    """Multiples of ``step``; gradients pass straight through."""
    return value + (torch.round(value / step) * step - value).detach()


def weight_scale(weight: torch.Tensor, *, per_channel: bool) -> torch.Tensor:
    """Real value of one step so that the largest magnitude is 127, shaped to broadcast.

    A channel that training has emptied gets a floor, so that its bias still fits int32.
    """
    magnitude = weight.detach().abs()
    if per_channel:
        magnitude = magnitude.amax(tuple(range(1, weight.ndim)), keepdim=True)
    else:
        magnitude = magnitude.amax()
    return magnitude.clamp(min=1e-3) / 127


def prune_masks(network: DigitsNetwork) -> list[torch.Tensor | None]:
    """Keep the NNZ largest weights of each BLOCK consecutive input channels.

    Blocks lie along dimension 1, at one output channel and kernel position. A layer with fewer
    than BLOCK input channels stays dense (None).
    """
    masks: list[torch.Tensor | None] = []
    for weight in network.weights():
        if weight.shape[1] < BLOCK:
            masks.append(None)
            continue
        blocks = weight.detach().abs().unflatten(1, (-1, BLOCK))
        kept = blocks.argsort(dim=2, descending=True, stable=True)[:, :, :NNZ]
        masks.append(torch.zeros_like(blocks).scatter_(2, kept, 1).flatten(1, 2))
    return masks


def seed_everything(seed: int) -> None:
    """The same results on every run: one thread, deterministic kernels, seeded weights."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    """Grey 0..16, float32 [N, 1, 8, 8], of int8 images [N, 8, 8, 1]."""
    images = torch.from_numpy((pixels.astype(np.float32) - ZERO_POINT) * INPUT_SCALE)
    return images.float().permute(0, 3, 1, 2).contiguous()


def train(network: DigitsNetwork, images: torch.Tensor, labels: torch.Tensor, *, epochs: int,
          rate: float, seed: int) -> None:
    """Minimise cross-entropy with Adam and a cosine rate; images shift by up to one pixel.

    Parameters that need no gradient stay as they are.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    for _ in range(epochs):
        for batch in torch.randperm(len(images), generator=generator).split(BATCH):
            x = functional.pad(images[batch], (1, 1, 1, 1))
            dy, dx = torch.randint(0, 3, (2,), generator=generator).tolist()
            x = x[:, :, dy:dy + 8, dx:dx + 8]
            optimiser.zero_grad()
            functional.cross_entropy(network(x), labels[batch], label_smoothing=0.05).backward()
            optimiser.step()
        schedule.step()


def quantise(network: DigitsNetwork, images: torch.Tensor, labels: torch.Tensor, *,
             seed: int, epochs: int = QUANTISED_EPOCHS, rate: float = QUANTISED_RATE) -> bytes:
    """Calibrate on ``images``, fine-tune with simulated int8 and return the .tflite file.

    Scales that ``network`` has stay as they are.
    """
    known = len(network.scales)
    with torch.no_grad():
        network.scales += [float(x.max()) / 255 for x in network.activations(images)[known:3]]
    train(network, images, labels, epochs=epochs, rate=rate, seed=seed)
    with torch.no_grad():
        logits = network(images)
    low, high = min(float(logits.min()), 0.0), max(float(logits.max()), 0.0)
    layers = []
    for i, (weight, bias) in enumerate(zip(network.weights(), network.biases(), strict=True)):
        order = (0, 2, 3, 1) if i < 3 else (0, 1)
        layers.append(Layer(
            weights=weight.detach().permute(order).numpy(),
            bias=bias.detach().numpy(),
            scales=weight_scale(weight, per_channel=i < 3).reshape(-1).numpy()))
    return export(layers, scales=network.scales, logits=(low, high))


def main() -> None:
    """Write both networks, the dense one in float32 too, and the held-back images; print LiteRT's
    accuracy on them."""
    parser = argparse.ArgumentParser(description="Train the digits networks.")
    parser.add_argument("output", type=Path, help="folder for the four files")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of split and training")
    arguments = parser.parse_args()
    seed = arguments.seed
    seed_everything(seed)
    pixels, targets = digits()
    training, held_back = split(len(pixels), seed)
    images = as_tensor(pixels[training])
    labels = torch.from_numpy(targets[training])

    dense = DigitsNetwork()
    train(dense, images, labels, epochs=FLOAT_EPOCHS, rate=FLOAT_RATE, seed=seed)
    pruned = copy.deepcopy(dense)
    pruned.masks = prune_masks(pruned)
    train(pruned, images, labels, epochs=PRUNED_EPOCHS, rate=TUNING_RATE, seed=seed + 1)

    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "digits_float.onnx").write_bytes(export_float(*(
        [values.detach().numpy() for values in layers]
        for layers in (dense.weights(), dense.biases()))))
    for name, network in (("digits_dense", dense), ("digits_dbb4", pruned)):
        model = quantise(network, images, labels, seed=seed + 2)
        (arguments.output / f"{name}.tflite").write_bytes(model)
        share = accuracy(model, pixels[held_back], targets[held_back])
        print(f"{name}: {100 * share:.2f} % of {len(held_back)} held-back images")
    np.savez_compressed(arguments.output / "digits_held_back.npz", input=pixels[held_back],
                        labels=targets[held_back])


if __name__ == "__main__":
    main()
