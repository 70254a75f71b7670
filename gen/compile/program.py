# SPDX-License-Identifier: Apache-2.0
"""The compiled program: memory image, tensor layouts and what people want to read about them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...golden import network as golden
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    DESCRIPTOR_ROWS,
    HEADER_MAGIC,
    HEADER_ROWS,
    IMAGE_VERSION,
    ROW_BITS,
    TRAILER_MAGIC,
    Descriptor,
    Header,
    Opcode,
    Rounding,
    Trailer,
)
from ...rtl.vector.window import WINDOW
from .fault import CompileFault
from .image import Image
from .layout import TensorLayout
from .lower import Lowered, LoweredLayer
from .pack import engine_parameters, engine_weights, vector_parameters
from .plan import BlockPlan, last_channels
from .reads import source_increments
from .schedule import row_tiles, schedule_words

__all__ = ["CompiledLayer", "Program", "assemble"]

ROW_BYTES = ROW_BITS // 8


@dataclass(frozen=True, kw_only=True)
class CompiledLayer:
    """A layer with its place in the memories.

    ``second``: of ADD's second operand. ``plan``: of an engine layer's blocks. ``fused``: runs
    with the next layer, which takes its results; ``fed``: so does this one with the layer before.
    Between such two the layout is that of the buffer. Rows count from the image's bases on.
    """

    lowered: LoweredLayer
    source: TensorLayout
    second: TensorLayout | None
    destination: TensorLayout
    plan: BlockPlan | None
    schedule_row: int
    weight_row: int
    weight_rows: int
    parameter_row: int
    fused: bool = False
    fed: bool = False


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network compiled for a spec's hardware."""

    network: golden.Network
    parameters: AcceleratorParameters
    lowered: Lowered
    layers: list[CompiledLayer]
    layouts: dict[int, TensorLayout]
    memory_image: Image

    @property
    def image(self) -> bytes:
        """The image file."""
        return self.memory_image.to_bytes()

    @property
    def input_layout(self) -> TensorLayout:
        """Where the input tensor is written."""
        return self.layouts[self.lowered.input]

    @property
    def output_layout(self) -> TensorLayout:
        """Where the last layer's tensor is read."""
        return self.layouts[self.lowered.output]

    @property
    def mapping_rows(self) -> list[dict]:
        """One row a layer for people: unit, tiles, steps, density, memory."""
        rows = []
        for layer in self.layers:
            low = layer.lowered
            matrix = low.opcode is Opcode.MATRIX
            addition = low.opcode is Opcode.ADD
            facts = self.parameters.facts
            pixels = low.output_shape[0] * low.output_shape[1]
            channels = facts.columns if matrix else self.parameters.vector_lanes
            rows.append({
                "name": low.name,
                "op": low.kind,
                "unit": "engine" if matrix else "vector",
                "input": "x".join(map(str, low.source_shape)),
                "output": "x".join(map(str, low.output_shape)),
                "row_tiles": row_tiles(low, self.parameters) if matrix else
                layer.source.word_groups(self.parameters.vector_blocks) if addition else pixels,
                "column_tiles": 1 if addition else -(-low.output_shape[2] // channels),
                "steps_per_block": _mean(layer.plan.steps, layer.plan) if layer.plan else 1,
                "nnz": _mean(layer.plan.nnz, layer.plan) if layer.plan else None,
                "skipped": round(layer.plan.skipped, 3) if layer.plan else None,
                "activation_nnz": low.activation_bound if matrix else None,
                "order": "sorted" if layer.destination.order else "model",
                "weight_rows": layer.weight_rows,
                "source": "vector" if layer.fed else f"{layer.source.group}:{layer.source.base}",
                "destination": "engine" if layer.fused else
                f"{layer.destination.group}:{layer.destination.base}",
                "macs": low.macs,
            })
        return rows


def _mean(values: np.ndarray, plan: BlockPlan) -> float:
    """Mean of ``values`` over the blocks that are issued."""
    return round(float(values[plan.passes > 0].mean()), 2)


def _descriptor(layer: CompiledLayer, p: AcceleratorParameters) -> bytes:
    low, source, destination = layer.lowered, layer.source, layer.destination
    matrix = low.opcode is Opcode.MATRIX
    height, width, channels = low.output_shape
    requantise = low.requantise
    rounding = (Rounding.MAGNITUDE if low.magnitude
                else Rounding[requantise.rounding.name])
    fields = {} if low.opcode is Opcode.ADD or layer.fed else source_increments(low, source)
    fields |= {
        "magic": DESCRIPTOR_MAGIC,
        "opcode": low.opcode,
        "source_group": 1 - destination.group if layer.fed else source.group,
        "destination_group": 1 - source.group if layer.fused else destination.group,
        "fused": layer.fused,
        "signed_activations": low.signed,
        "rounding": rounding,
        "sliding": low.sliding,
        "maximum": low.maximum,
        "pad_value": low.source_zero_point if low.signed and not low.magnitude else 0,
        "zero_point": requantise.zero_point,
        "low": requantise.low,
        "high": requantise.high,
        "parameter_row": layer.parameter_row,
        "weight_row": layer.weight_row,
        "out_width": width,
        "out_height": height,
        "in_width": source.width,
        "in_height": source.height,
        "kernel_height": low.kernel[0],
        "kernel_width": low.kernel[1],
        "pad_y": low.padding[0],
        "pad_x": low.padding[1],
        "channel_blocks": source.blocks,
        "column_tiles": -(-channels // (p.facts.columns if matrix else p.vector_lanes)),
        "stride_y": low.stride[0],
        "stride_x": low.stride[1],
        "destination_blocks": destination.blocks,
        "destination_base": destination.base,
        "destination_x": destination.steps_x,
        "destination_y": destination.steps_y,
        "destination_plane": destination.plane,
        "span": low.kernel[1] + (width - 1) * low.stride[1] if low.sliding else low.kernel[1],
        "row_groups": 1 if low.sliding else -(-low.kernel[0] // WINDOW),
        "row_group_step": WINDOW * source.pitch,
    }
    plan = layer.plan
    fields |= {"row_tiles": row_tiles(low, p) if plan else 1,
               "schedule_row": layer.schedule_row,
               "pass_steps": plan.pass_steps if plan else 1,
               "split_passes": plan.split if plan else False,
               "last_channels": last_channels(low.source_shape[2])}
    if layer.second is not None:
        fields |= _addition_fields(layer, layer.second, p)
    _check_widths(low, fields)
    return _pack(Descriptor, fields)


def _addition_fields(layer: CompiledLayer, second: TensorLayout,
                     p: AcceleratorParameters) -> dict:
    """An element-wise sum: operands and result word by word as they lie, in one row of groups."""
    addition, source, destination = layer.lowered.addition, layer.source, layer.destination
    assert addition is not None
    blocks = p.vector_blocks
    groups = source.word_groups(blocks)
    return {
        "out_width": groups, "out_height": 1, "column_tiles": 1, "span": 1,
        "pixel_base": source.base, "second_base": second.base, "second_group": second.group,
        "destination_base": destination.base, "destination_x": (blocks, blocks),
        "destination_plane": 1, "destination_blocks": blocks,
        "first_zero_point": addition.zero_points[0],
        "second_zero_point": addition.zero_points[1],
        "sum_multipliers": addition.multipliers, "sum_shifts": addition.shifts,
    }


def _check_widths(low: LoweredLayer, fields: dict) -> None:
    limits = {"out_width": 2**15, "out_height": 2**15, "in_width": 2**15, "in_height": 2**15,
              "kernel_height": 2**8, "kernel_width": 2**8, "pad_x": 2**8, "pad_y": 2**8,
              "channel_blocks": 2**15, "column_tiles": 2**15, "destination_blocks": 2**15,
              "row_tiles": 2**16}
    for name, limit in limits.items():
        if not 0 <= fields[name] < limit:
            raise CompileFault(f"layer {low.name} ({low.kind}): {name.replace('_', ' ')} must be "
                               f"less than {limit}, not {fields[name]}")


def _pack(layout, fields: dict) -> bytes:
    """Little-endian bytes of a struct layout; negative values wrap at their field's width."""
    value = 0
    for name, item in fields.items():
        spot = layout[name]
        members = item if isinstance(item, tuple) else (item,)
        width = spot.width // len(members)
        for index, member in enumerate(members):
            value |= (int(member) & (1 << width) - 1) << (spot.offset + index * width)
    return value.to_bytes(-(-layout.size // ROW_BITS) * ROW_BYTES, "little")


def assemble(network: golden.Network, lowered: Lowered, plans: Mapping[int, BlockPlan],
             layouts: dict[int, TensorLayout], p: AcceleratorParameters,
             fused: Sequence[int] = ()) -> Program:
    """Pack weights, schedules, parameters and descriptors; raises CompileFault where memory runs
    out. ``plans``: of engine layers, by output; ``fused``: layers that run with the next one, by
    index."""
    descriptor_rows = HEADER_ROWS + DESCRIPTOR_ROWS * len(lowered.layers)
    parameter_row = descriptor_rows
    weight_row = schedule_row = 0
    layers, parameters, weights, schedules = [], [], [], []
    stored: dict[bytes, int] = {}  # layers without weights of their own have many in common
    for index, low in enumerate(lowered.layers):
        plan = plans.get(low.output)
        rows = _parameters(low, p)
        packed = np.zeros((0, 8 * p.weight_banks), np.uint8)
        words = np.zeros(0, np.uint64)
        if plan:
            packed = engine_weights(low, plan, p)
            words = schedule_words(low, plan, layouts[low.source], p)
        layers.append(CompiledLayer(
            lowered=low, source=layouts[low.source],
            second=None if low.second is None else layouts[low.second],
            destination=layouts[low.output],
            plan=plan, schedule_row=schedule_row, weight_row=weight_row,
            weight_rows=len(packed), parameter_row=stored.get(rows.tobytes(), parameter_row),
            fused=index in fused, fed=index - 1 in fused))
        if rows.tobytes() not in stored:
            stored[rows.tobytes()] = parameter_row
            parameters.append(rows)
            parameter_row += len(rows)
        weights.append(packed)
        schedules.append(words)
        weight_row += len(packed)
        schedule_row += len(words)

    _check_memory("program", parameter_row * ROW_BYTES, p.program_words * 8)
    _check_memory("weights", (weight_row + 1) * 8 * p.weight_banks, p.weight_words * 8)
    _check_memory("schedule", schedule_row * 8, p.schedule_words * 8)

    header = {"magic": HEADER_MAGIC, "version": IMAGE_VERSION, "layers": len(layers),
              "spec_hash": p.spec_hash, "check": 0, "trailer_row": weight_row,
              "program_rows": parameter_row}

    def program_bytes() -> bytes:
        head = _pack(Header, header).ljust(HEADER_ROWS * ROW_BYTES, b"\0")
        return head + b"".join(_descriptor(layer, p) for layer in layers) + np.concatenate(
            parameters).tobytes()

    rows = np.concatenate(weights)
    schedule = np.concatenate(schedules)
    header["check"] = zlib.crc32(program_bytes() + schedule.astype("<u8").tobytes()
                                 + rows.tobytes())
    trailer = _pack(Trailer, {"magic": TRAILER_MAGIC, "check": header["check"]})
    last = np.zeros((1, 8 * p.weight_banks), np.uint8)
    last[0, :8] = np.frombuffer(trailer, np.uint8)[:8]
    stride = 1 << (p.weight_banks - 1).bit_length()
    words = np.ascontiguousarray(np.concatenate([rows, last])).view("<u8")
    spread = np.zeros((len(words), stride), np.uint64)
    spread[:, :p.weight_banks] = words
    image = Image(program=np.frombuffer(program_bytes(), "<u8").astype(np.uint64),
                  schedule=schedule, weights=spread.ravel(), weight_stride=stride,
                  check=header["check"])
    return Program(network=network, parameters=p, lowered=lowered, layers=layers,
                   layouts=layouts, memory_image=image)


def _parameters(low: LoweredLayer, p: AcceleratorParameters) -> np.ndarray:
    """Program rows of a layer's parameters: an element-wise sum has them in its descriptor."""
    match low.opcode:
        case Opcode.MATRIX:
            return engine_parameters(low, p)
        case Opcode.WINDOW:
            return vector_parameters(low, p)
    return np.zeros((0, ROW_BYTES), np.uint8)


def _check_memory(name: str, need: int, have: int) -> None:
    if need > have:
        raise CompileFault(f"memory.{name} must be at least {-(-need // 1024)} KiB for this "
                           f"network, not {have / 1024:g} KiB")
