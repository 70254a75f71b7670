# SPDX-License-Identifier: Apache-2.0
"""The program image of the compact core."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....golden.network import Network
from ....golden.numerics import Rounding
from ....rtl.compact.descriptor import HEADER_WORDS, CompactDescriptor
from ....rtl.compact.parameters import LANES, CompactParameters
from ....rtl.compact.sequencer import Sequencer
from ....rtl.sequencer.counters import LayerTable
from ....rtl.sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    HEADER_MAGIC,
    IMAGE_VERSION,
    TRAILER_MAGIC,
    Header,
    Trailer,
)
from ..fault import CompileFault
from ..image import Image
from ..joins import place_parts
from ..lower import Lowered, LoweredLayer
from ..placed import Part
from ..program import CompiledLayer, Program
from ..rows import check_memory, pack_fields
from .layout import PixelLayout, allocate
from .pack import channel_weights, check_supported, records, scale_rows

__all__ = ["CompactLayer", "CompactProgram", "compile_compact"]

MOST_PLACES = 256
"""Rows or columns that the core tells apart, those outside the input among them."""


@dataclass(frozen=True, kw_only=True)
class CompactLayer(CompiledLayer):
    """A layer on the compact core. ``own_channel``: a lane takes its own channel; ``words`` of
    activations and ``weights`` that are read for a pixel and a group of channels."""

    own_channel: bool
    words: int
    weights: int
    source: PixelLayout
    destination: PixelLayout

    @property
    def groups(self) -> int:
        """Of output channels."""
        return -(-self.lowered.output_shape[2] // LANES)

    @property
    def cycles(self) -> int:
        """From the end of the layer before to its own."""
        height, width, _ = self.lowered.output_shape
        return Sequencer.FETCH + self.groups * Sequencer.group_cycles(
            pixels=height * width, words=self.words, weights=self.weights,
            scale_rows=scale_rows(self.lowered))


@dataclass(frozen=True, kw_only=True)
class CompactProgram(Program):
    """A network compiled for the compact core."""

    @property
    def mapping_rows(self) -> list[dict]:
        """One row a layer for people."""
        return [{
            "name": layer.lowered.name,
            "op": layer.lowered.kind,
            "unit": "own channel" if layer.own_channel else "all channels",
            "input": "x".join(map(str, layer.lowered.source_shape)),
            "output": "x".join(map(str, layer.lowered.output_shape)),
            "row_tiles": layer.lowered.output_shape[0] * layer.lowered.output_shape[1],
            "column_tiles": layer.groups,
            "steps_per_block": layer.weights / layer.words,
            "nnz": None,
            "skipped": None,
            "activation_nnz": None,
            "order": "model",
            "weight_rows": layer.weight_rows,
            "source": str(layer.source.base),
            "destination": str(layer.destination.base),
            "macs": layer.lowered.macs,
        } for layer in self.layers]


def compile_compact(network: Network, lowered: Lowered, p: CompactParameters) -> CompactProgram:
    """Allocate and pack ``lowered``; raises CompileFault where it cannot run."""
    lowered, _ = place_parts(lowered)
    if len(lowered.layers) > LayerTable.DEPTH - 1:
        raise CompileFault(f"the network must have less than {LayerTable.DEPTH} layers on the "
                           f"compact core, not {len(lowered.layers)}")
    for low in lowered.layers:
        check_supported(low)
    layouts = allocate(lowered, p)
    store = _Store()
    layers = [_place(low, layouts, store, p) for low in lowered.layers]
    descriptors = [_descriptor(layer, store, p) for layer in layers]
    weights = store.words
    check_memory("weights", 8 * (weights.size + 1), 8 * p.weight_words)
    header = {"magic": HEADER_MAGIC, "version": IMAGE_VERSION, "layers": len(layers),
              "spec_hash": p.spec_hash, "check": 0, "trailer_row": weights.size}

    def program_words() -> np.ndarray:
        head = pack_fields(Header, header).ljust(8 * HEADER_WORDS, b"\0")
        return np.frombuffer(head + b"".join(descriptors), "<u8").astype(np.uint64)

    header["program_rows"] = program_words().size // 2
    header["check"] = zlib.crc32(program_words().tobytes() + weights.tobytes())
    trailer = pack_fields(Trailer, {"magic": TRAILER_MAGIC, "check": header["check"]})
    program = program_words()
    check_memory("program", 8 * program.size, 8 * p.program_words)
    nothing = np.zeros(0, np.uint64)
    image = Image(program=program, schedule=nothing,
                  weights=np.append(weights, np.frombuffer(trailer, "<u8")[:1]),
                  weight_stride=1, external=nothing, check=header["check"])
    return CompactProgram(network=network, parameters=p, lowered=lowered, layers=layers,
                          layouts=dict(layouts), memory_image=image)


class _Store:
    """The weight region as it fills up; what is there already is shared."""

    def __init__(self):
        self.words = np.zeros(0, np.uint64)
        self._known: dict[bytes, int] = {}

    def put(self, words: np.ndarray) -> int:
        """Where ``words`` lie, from the region's start on."""
        content = words.tobytes()
        if content not in self._known:
            self._known[content] = self.words.size
            self.words = np.append(self.words, words.ravel())
        return self._known[content]


def _place(low: LoweredLayer, layouts: Mapping[int, PixelLayout], store: _Store,
           p: CompactParameters) -> CompactLayer:
    own = channel_weights(low) is not None
    channels = low.source_shape[2]
    taps = low.kernel[0] * low.kernel[1]
    content = records(low, p.facts.accumulator_bits)
    return CompactLayer(
        lowered=low, part=Part.whole(low), plan=None, source=layouts[low.source], second=None,
        destination=layouts[low.output], schedule_row=0, weight_row=store.put(content),
        weight_rows=content.size, parameter_row=0, own_channel=own,
        words=taps * (1 if own else layouts[low.source].blocks),
        weights=taps * (1 if own else channels))


def _descriptor(layer: CompactLayer, store: _Store, p: CompactParameters) -> bytes:
    low, source, destination = layer.lowered, layer.source, layer.destination
    blocks = 1 if layer.own_channel else source.blocks
    outside = store.put(np.frombuffer(
        np.full(LANES, low.source_zero_point, np.int8).tobytes(), "<u8")) \
        if any(low.padding) or _overhangs(low) else 0
    fields = {
        "magic": DESCRIPTOR_MAGIC,
        "own_channel": layer.own_channel,
        "single": low.magnitude or low.requantise.rounding is Rounding.SINGLE,
        "scale_rows": scale_rows(low),
        "zero_point": low.requantise.zero_point,
        "low": low.requantise.low,
        "high": low.requantise.high,
        "groups": layer.groups,
        "blocks": blocks,
        "last_channel": (low.source_shape[2] - 1) % LANES,
        "out_width": low.output_shape[1],
        "out_height": low.output_shape[0],
        "in_width": low.source_shape[1],
        "in_height": low.source_shape[0],
        "kernel_width": low.kernel[1],
        "kernel_height": low.kernel[0],
        "x_start": -low.padding[1],
        "y_start": -low.padding[0],
        "source": source.corner(*low.padding),
        "pixel_x": low.stride[1] * source.step,
        "pixel_y": low.stride[0] * source.pitch,
        "tap_x": source.step - blocks + 1,
        "tap_y": source.pitch,
        "destination": destination.base,
        "destination_x": destination.step,
        "destination_y": destination.pitch - (destination.width - 1) * destination.step,
        "records": p.region_start(1) + layer.weight_row,
        "outside": p.region_start(1) + outside,
        "stride_x": low.stride[1],
        "stride_y": low.stride[0],
    }
    _check_sizes(low, fields)
    return pack_fields(CompactDescriptor, fields)


def _overhangs(low: LoweredLayer) -> bool:
    """Whether taps lie behind the input's last row or column."""
    return any((outputs - 1) * stride + kernel - padding > pixels
               for outputs, stride, kernel, padding, pixels in zip(
                   low.output_shape[:2], low.stride, low.kernel, low.padding,
                   low.source_shape[:2], strict=True))


def _check_sizes(low: LoweredLayer, fields: dict) -> None:
    def fault(what: str, limit: int, value: int) -> CompileFault:
        return CompileFault(f"layer {low.name} ({low.kind}): {what} must be at most {limit} on the "
                            f"compact core, not {value}")

    for name in ("groups", "blocks"):
        if fields[name] > 255:
            raise fault(f"{name} of {LANES} channels", 255, fields[name])
    for axis, name in enumerate(("height", "width")):
        padding, pixels = low.padding[axis], low.source_shape[axis]
        reach = (low.output_shape[axis] - 1) * low.stride[axis] + low.kernel[axis]
        whole = padding + max(pixels, reach - padding)
        if whole > MOST_PLACES - 1:
            raise fault(f"{name} of its input with padding", MOST_PLACES - 1, whole)
