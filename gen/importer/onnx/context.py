# SPDX-License-Identifier: Apache-2.0
"""What operators need of the importer."""

from typing import Protocol

from ....golden import network as golden
from ..fault import ImportFault
from .mlas import Scaling
from .values import Activation, Real, Value

__all__ = ["MAX_CHANNELS", "Context", "activation", "image"]

MAX_CHANNELS = 1 << 16


class Context(Protocol):
    """The importer, as operators see it."""

    def fault(self, what: str) -> ImportFault:
        """What to raise: the sentence that names the node."""

    def tensor(self, name: str, shape: tuple[int, ...], scaling: Scaling,
               image: tuple[int, int, int] | None) -> Activation:
        """A new tensor of the network."""

    def layer(self, layer: golden.Layer) -> None:
        """The network's next layer."""


def activation(context: Context, operands: list[Value], position: int = 0) -> Activation:
    """The activation that an operator reads; raises ImportFault where it is none."""
    value = operands[position] if position < len(operands) else None
    if not isinstance(value, Real):
        raise context.fault("it must read a tensor through DequantizeLinear; quantise the layer "
                            "before it")
    return value.activation


def image(context: Context, operands: list[Value]) -> Activation:
    """The image that an operator reads; raises ImportFault where it is none."""
    source = activation(context, operands)
    if len(source.shape) != 4 or source.image is None:
        raise context.fault("its input must be an image with channels first")
    return source
