# SPDX-License-Identifier: Apache-2.0
"""What a front end is made of, as plain data."""

from dataclasses import dataclass

from ..constants.graph import AdderGraph, Range
from ..constants.plan import Form

__all__ = ["FoldedParameters", "FrontEndParameters", "LayerParameters", "MaximumParameters",
           "Scaling", "SumsParameters", "WindowParameters"]


@dataclass(frozen=True, kw_only=True)
class WindowParameters:
    """Windows of ``kernel`` (rows, columns) over frames of ``height x width`` pixels.

    ``stride`` (y, x); ``padding`` (top, bottom, left, right) with the byte ``fill``, of opposite
    sides together less than the kernel. ``single_port``: one row of memory more, of which
    each has one port. Raises ValueError.
    """

    height: int
    width: int
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    fill: int = 0
    single_port: bool = False

    def __post_init__(self):
        if min(self.height, self.width, self.channels, *self.kernel, *self.stride) < 1:
            raise ValueError("Window must have a frame, channels, a kernel and a stride of at "
                             f"least 1, not {self!r}")
        (kernel_y, kernel_x), (top, bottom, left, right) = self.kernel, self.padding
        if min(self.padding) < 0 or top + bottom >= kernel_y or left + right >= kernel_x:
            raise ValueError("Padding must be 0 or more, and of opposite sides together less than "
                             f"the kernel {self.kernel!r}, not {self.padding!r}")
        if min(self.out_height, self.out_width) < 1:
            raise ValueError(f"Kernel {self.kernel!r} must fit the padded frame of "
                             f"{self.height} x {self.width} pixels")
        if not 0 <= self.fill < 256:
            raise ValueError(f"Fill must be 0 ... 255, not {self.fill!r}")

    @property
    def out_height(self) -> int:
        """Rows of windows."""
        top, bottom, _, _ = self.padding
        return (self.height + top + bottom - self.kernel[0]) // self.stride[0] + 1

    @property
    def out_width(self) -> int:
        """Windows of a row."""
        _, _, left, right = self.padding
        return (self.width + left + right - self.kernel[1]) // self.stride[1] + 1

    @property
    def taps(self) -> int:
        """Pixels of a window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def slots(self) -> int:
        """Rows of memory."""
        return self.kernel[0] + self.single_port


@dataclass(frozen=True)
class Scaling:
    """``o = low + min(high - low, max(0, (x + offset) >> shift))``: int8 of one channel's scaled
    sum ``x``.

    With ``below`` for ``offset`` where ``x < split``, if there is a ``split``. ``more``,
    ``less``: values of ``x`` for which the shifted sum is one more, one less.
    """

    offset: int
    shift: int
    low: int
    high: int
    split: int | None = None
    below: int = 0
    more: tuple[int, ...] = ()
    less: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SumsParameters:
    """``o = scaling(factor * sum)`` for each output channel.

    ``graph``: the sums of the window's values, tap by tap in raster order, of each tap all
    channels. ``factors``: the graph that multiplies each sum by its channel's factor, and adds what
    there is to add. ``levels_per_stage``: additions between registers; ``form`` of both graphs.
    """

    graph: AdderGraph
    factors: AdderGraph
    scalings: tuple[Scaling, ...]
    levels_per_stage: int
    form: Form = Form.ROWS


@dataclass(frozen=True, kw_only=True)
class FoldedParameters:
    """As ``SumsParameters``, on the hardware of ``lanes`` channels in ``phases`` cycles: channel
    ``phase * lanes + lane`` in its phase.

    ``inputs``: ranges of the window's values. ``places`` and ``weights``: [lane][phase][product]
    which value is multiplied by what. ``factors`` and ``scalings``: [lane][phase]; of a lane, all
    shifts are the same. ``tree``: the graph that sums each lane's products. Lanes without a channel
    in a phase have factors and offsets of 0 there.
    """

    inputs: tuple[Range, ...]
    places: tuple[tuple[tuple[int, ...], ...], ...]
    weights: tuple[tuple[tuple[int, ...], ...], ...]
    tree: AdderGraph
    factors: tuple[tuple[int, ...], ...]
    scalings: tuple[tuple[Scaling, ...], ...]
    channels: int
    levels_per_stage: int
    form: Form = Form.ROWS

    @property
    def lanes(self) -> int:
        """Channels at a time."""
        return len(self.places)

    @property
    def phases(self) -> int:
        """Cycles a pixel."""
        return len(self.places[0])


@dataclass(frozen=True, kw_only=True)
class MaximumParameters:
    """The largest of ``taps`` pixels in each of ``channels``, at least ``low``, at most ``high``.
    ``levels_per_stage``: comparisons between registers."""

    taps: int
    channels: int
    low: int
    high: int
    levels_per_stage: int


@dataclass(frozen=True, kw_only=True)
class LayerParameters:
    """One layer, and what is made of its windows.

    ``tensor``: the network's number of what it makes. ``sources``: the layers in front, by their
    places, -1 for the front end's input; of two, pixels are joined, those of the first one first.
    ``queues``: pixels that wait for the other source. ``in_channels`` of a pixel of all sources.
    ``window``: None where the operation is on pixels. ``total_of``: sum up frames of so many pixels
    in place of windows, if not 0. ``out_shape``: rows, columns and channels.
    """

    name: str
    tensor: int
    sources: tuple[int, ...]
    in_channels: int
    out_shape: tuple[int, int, int]
    operation: SumsParameters | FoldedParameters | MaximumParameters
    window: WindowParameters | None = None
    total_of: int = 0
    queues: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True)
class FrontEndParameters:
    """Frames of ``in_shape`` (rows, columns, channels) go through ``layers``, of which the last one
    is the output. ``monitors``: every layer's tensor is watched at a port."""

    in_shape: tuple[int, int, int]
    layers: tuple[LayerParameters, ...]
    monitors: bool = False

    @property
    def out_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the output."""
        return self.layers[-1].out_shape
