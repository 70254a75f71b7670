# SPDX-License-Identifier: Apache-2.0
"""What the names of an ONNX graph stand for while it is read."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....golden import network as golden
from .graph import Node, Port
from .mlas import Scaling

__all__ = ["Activation", "Build", "Entry", "Pending", "Quantised", "Real", "RealConstant", "Rest",
           "Value"]


@dataclass(frozen=True)
class Activation:
    """A tensor of the golden network: ``shape`` has channels last; the rest as ``golden.Tensor``.

    ``image``: height, width, channels where the model has the channels first.
    """

    index: int
    shape: tuple[int, ...]
    scaling: Scaling
    image: tuple[int, int, int] | None

    @property
    def model_shape(self) -> tuple[int, ...]:
        """The shape that the model's operators see."""
        if self.image is None or len(self.shape) < 4:
            return self.shape
        return 1, self.image[2], *self.image[:2]


@dataclass(frozen=True)
class Entry:
    """The model's input, not yet quantised (or quantised outside of the model)."""

    port: Port


@dataclass(frozen=True)
class Quantised:
    """An activation as bytes."""

    activation: Activation


@dataclass(frozen=True)
class Real:
    """An activation, dequantised."""

    activation: Activation


@dataclass(frozen=True, eq=False)
class RealConstant:
    """A constant, dequantised: int32 ``values``, of ``dtype`` in the model; one scale and zero
    point, or as many as there are along ``axis``."""

    name: str
    values: np.ndarray
    dtype: str
    scales: np.ndarray
    zero_points: np.ndarray
    axis: int


Build = Callable[[Scaling, dict], golden.Layer]
"""A layer from its output's scaling and what all layers have: name, kind, output."""


@dataclass(frozen=True, eq=False)
class Pending:
    """The real result of ``node``, to be quantised.

    ``shape`` and ``image`` as of an activation; ``clip``: what a RELU or Clip behind it leaves.
    """

    node: Node
    kind: str
    shape: tuple[int, ...]
    image: tuple[int, int, int] | None
    unsigned: bool
    build: Build
    clip: tuple[float, float] | None = None


@dataclass(frozen=True)
class Rest:
    """Something behind the network's output; ``first``: the operator that began it."""

    first: str


Value = Entry | Quantised | Real | RealConstant | Pending | Rest | np.ndarray | None
