# SPDX-License-Identifier: Apache-2.0
"""The compiled program: memory image, tensor layouts and what people want to read about them."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...golden import network as golden
from ...rtl.parameters import AcceleratorParameters
from ...rtl.sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    DESCRIPTOR_ROWS,
    HEADER_MAGIC,
    HEADER_ROWS,
    IMAGE_VERSION,
    TRAILER_MAGIC,
    Descriptor,
    Header,
    Opcode,
    Rounding,
    Trailer,
)
from ...rtl.sequencer.transfers import Transfer
from ...rtl.vector.window import WINDOW
from .cim import ArrayPlan, array_fields, array_words, load_words
from .external.stripes import Segment
from .external.tiling import Tiled
from .external.transfers import Move
from .fault import CompileFault
from .image import Image
from .layout import TensorLayout
from .lower import Lowered, LoweredLayer
from .pack import engine_parameters, engine_weights, vector_parameters
from .placed import PlacedLayer
from .plan import BlockPlan, last_channels
from .reads import source_increments
from .rows import ROW_BYTES, Rows, check_memory, pack_fields
from .schedule import row_tiles, schedule_words
from .slots import in_second_slot

__all__ = ["CompiledLayer", "Program", "assemble", "check_program_rows"]


@dataclass(frozen=True, kw_only=True)
class CompiledLayer(PlacedLayer):
    """A placed layer with its rows in the other memories, from the image's bases on."""

    schedule_row: int
    weight_row: int
    weight_rows: int
    parameter_row: int

    @property
    def load_words(self) -> int:
        """Words of weights that a macro is loaded with ahead of the layer."""
        return self.weight_rows if isinstance(self.plan, ArrayPlan) else 0


@dataclass(frozen=True, kw_only=True)
class Program:
    """A network compiled for a spec's hardware.

    ``layers``: as the core runs them, parts of layers among them. ``layouts``: of the tensors as
    they lie in the activation memory or, where they are ``spilled`` (first word, from the external
    base on), in external memory. ``moves``: between the two, in order; ``segments``: how layers
    were cut. ``fixed``: operators ahead of the network, one for each fixed layer.
    """

    network: golden.Network
    parameters: AcceleratorParameters
    lowered: Lowered
    layers: list[CompiledLayer]
    layouts: dict[int, TensorLayout]
    memory_image: Image
    moves: Sequence[Move] = ()
    spilled: Mapping[int, int] = field(default_factory=dict)
    segments: Sequence[Segment] = ()
    external_words: int = 0
    fixed: Sequence[golden.Layer] = ()

    @property
    def image(self) -> bytes:
        """The image file."""
        return self.memory_image.to_bytes()

    @property
    def external_memory(self) -> np.ndarray:
        """Words of external memory from its base on: weights, then room for what is spilled."""
        words = np.zeros(self.external_words, np.uint64)
        words[:self.memory_image.external.size] = self.memory_image.external
        return words

    @property
    def input_layout(self) -> TensorLayout:
        """Where the input tensor is written."""
        return self.layouts[self.lowered.input]

    @property
    def output_layout(self) -> TensorLayout:
        """Where the last layer's tensor is read."""
        return self.layouts[self.lowered.output]

    @property
    def segment_rows(self) -> list[dict]:
        """How layers were cut up for memories that are smaller: names, in how many stripes."""
        names = [layer.name for layer in self.lowered.layers]
        return [{"layers": [names[index] for index in segment.layers], "stripes": segment.stripes}
                for segment in self.segments]

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
                "unit": "vector" if not matrix else
                "engine" if self.parameters.macro is None else "array",
                "input": "x".join(map(str, low.source_shape)),
                "output": "x".join(map(str, low.output_shape)),
                "row_tiles": row_tiles(low, self.parameters) if matrix else
                layer.source.word_groups(self.parameters.vector_blocks) if addition else pixels,
                "column_tiles": 1 if addition else -(-low.output_shape[2] // channels),
                **self._places(layer),
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


    def _places(self, layer: CompiledLayer) -> dict:
        """Of a macro, what a layer has of the array."""
        if self.parameters.macro is None:
            return {}
        if not isinstance(layer.plan, ArrayPlan):
            return {"array_rows": None, "array_tiles": None, "phases": None, "conversions": None}
        mapping, (height, width, _) = layer.plan.mapping, layer.lowered.output_shape
        return {"array_rows": sum(tile.height for tile in mapping.tiles),
                "array_tiles": len(mapping.tiles), "phases": mapping.phases,
                "conversions": height * width * mapping.conversions}


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
        "transfers": layer.transfers,
        "conditional": low.condition is not None,
        "judges": low.judgement is not None,
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
    if low.condition is not None:
        fields |= {"condition": low.condition.flag, "condition_value": low.condition.value}
    if low.judgement is not None:
        fields |= {"judged": low.judgement.flag, "threshold": low.judgement.threshold}
    if isinstance(plan, ArrayPlan):
        fields |= {"column_tiles": len(plan.tiles)} | array_fields(plan, layer.load_words)
    if layer.second is not None:
        fields |= _addition_fields(layer, layer.second, p)
    _check_widths(low, fields)
    return pack_fields(Descriptor, fields)


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
        "row_group_step": addition.offset,
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


def assemble(network: golden.Network, lowered: Lowered, placed: Sequence[PlacedLayer],
             layouts: Mapping[int, TensorLayout], p: AcceleratorParameters,
             tiled: Tiled | None = None, external: Sequence[np.ndarray] = ()) -> Program:
    """Pack weights, schedules, parameters and descriptors; raises CompileFault where memory runs
    out. ``tiled``: how the layers were cut up for memories that are smaller; ``external``: weight
    words, as they follow one another in external memory."""
    tables = 1 if p.slots is None else 2  # of descriptors
    lows = {layer.lowered.output: layer.lowered for layer in placed}
    plans = {layer.lowered.output: layer.plan for layer in placed}
    rows = Rows(HEADER_ROWS + DESCRIPTOR_ROWS * len(placed) * tables)
    schedules = Rows(0)
    weights = Rows(0)
    layers = []
    for layer in placed:
        low, plan = layer.lowered, layer.plan
        _check_rounding(low, p)
        weight_row, weight_rows, schedule_row = layer.weight_row or 0, 0, 0
        if plan:
            schedule_row = schedules.put(schedule_words(low, plan, layer.source, p))
            weight_rows = int(plan.passes.sum())
            if isinstance(plan, ArrayPlan):
                words = load_words(plan, lows, plans, p.macro)
                weight_row, weight_rows = weights.put(words.astype("<u8").view(np.uint8)
                                                      .reshape(-1, 8)), words.size
            elif tiled is None:
                weight_row = weights.put(engine_weights(low, plan, p))
        layers.append(CompiledLayer(
            **vars(layer) | {"weight_row": weight_row}, schedule_row=schedule_row,
            weight_rows=weight_rows, parameter_row=rows.put(_parameters(low, p))))
    moves = () if tiled is None else tiled.moves
    transfer_row = rows.put(np.frombuffer(
        b"".join(pack_fields(Transfer, move.fields()) for move in moves), np.uint8
    ).reshape(-1, ROW_BYTES))

    trailer_row = weights.count
    if p.trailer_in_program:  # behind the program, at the start of a memory row
        rows.put(np.zeros((-rows.count % p.program_width, ROW_BYTES), np.uint8))
        trailer_row = rows.count
    spare = p.program_width if p.trailer_in_program else 0
    check_memory("program", (rows.count + spare) * ROW_BYTES, p.program_words * 8)
    if tiled is None:
        check_memory("weights", (weights.count + (not p.trailer_in_program)) * 8 * p.weight_banks,
                     p.weight_words * 8)
    check_memory("schedule", schedules.count * 8, p.schedule_words * 8)

    header = {"magic": HEADER_MAGIC, "version": IMAGE_VERSION, "layers": len(layers),
              "spec_hash": p.spec_hash, "check": 0, "trailer_row": trailer_row,
              "program_rows": rows.count, "transfer_row": transfer_row, "transfers": len(moves),
              "slot_rows": DESCRIPTOR_ROWS * len(placed) * (tables - 1)}
    described = list(layers)
    if p.slots is not None:
        described += in_second_slot(lowered, layers, p.slots)

    def program_bytes() -> bytes:
        head = pack_fields(Header, header).ljust(HEADER_ROWS * ROW_BYTES, b"\0")
        return head + b"".join(_descriptor(layer, p) for layer in described) + rows.bytes

    outside = np.concatenate([np.zeros(0, np.uint64), *external])
    resident = np.zeros((0, 2), np.uint64)
    if p.resident:
        resident = array_words(((lows[output], plan) for output, plan in plans.items() if plan),
                               p.macro)
    header["check"] = zlib.crc32(program_bytes() + schedules.bytes + weights.bytes
                                 + resident.astype("<u8").tobytes()
                                 + outside.astype("<u8").tobytes())
    trailer = pack_fields(Trailer, {"magic": TRAILER_MAGIC, "check": header["check"]})
    program = program_bytes()
    stride = 1 << (p.weight_banks - 1).bit_length()
    spread = np.zeros((0, stride), np.uint64)
    if not p.trailer_in_program:
        last = np.zeros((1, 8 * p.weight_banks), np.uint8)
        last[0, :8] = np.frombuffer(trailer, np.uint8)[:8]
        weights.put(last)
    else:
        program += trailer
    if tiled is None:
        words = np.frombuffer(weights.bytes, "<u8").reshape(-1, p.weight_banks)
        spread = np.zeros((len(words), stride), np.uint64)
        spread[:, :p.weight_banks] = words
    if p.resident:
        spread, stride = resident, Image.PLACED
    image = Image(program=np.frombuffer(program, "<u8").astype(np.uint64),
                  schedule=np.frombuffer(schedules.bytes, "<u8").astype(np.uint64),
                  weights=spread.ravel(), weight_stride=stride, external=outside,
                  check=header["check"])
    return Program(network=network, parameters=p, lowered=lowered, layers=layers,
                   layouts=dict(layouts), memory_image=image, moves=moves,
                   spilled={} if tiled is None else tiled.spilled,
                   segments=() if tiled is None else tiled.segments,
                   external_words=0 if tiled is None else tiled.external_words)


def _parameters(low: LoweredLayer, p: AcceleratorParameters) -> np.ndarray:
    """Program rows of a layer's parameters: an element-wise sum has them in its descriptor."""
    match low.opcode:
        case Opcode.MATRIX:
            return engine_parameters(low, p)
        case Opcode.WINDOW:
            return vector_parameters(low, p)
    return np.zeros((0, ROW_BYTES), np.uint8)


def _check_rounding(low: LoweredLayer, p: AcceleratorParameters) -> None:
    if low.requantise.rounding.name == Rounding.FLOAT.name and not p.float_rounding:
        raise CompileFault(f"layer {low.name} ({low.kind}): postproc.float_rounding must be true "
                           "for ONNX models, whose results are rounded as float32; add --set "
                           "postproc.float_rounding=true")


def check_program_rows(layers: Sequence[PlacedLayer], moves: int,
                       p: AcceleratorParameters) -> None:
    """Raises CompileFault where the program memory does not hold descriptors, parameters and
    ``moves`` of ``layers``, the parts of one with the same channels sharing its parameters."""
    own = {(layer.lowered.output, layer.part.channels): layer.lowered for layer in layers}
    parameters = sum(
        2 * -(-low.output_shape[2] // p.vector_lanes) * p.vector_lanes
        if low.opcode is Opcode.WINDOW else
        -(-low.output_shape[2] // p.facts.columns) * p.facts.columns
        for low in own.values() if low.opcode is not Opcode.ADD)
    rows = HEADER_ROWS + DESCRIPTOR_ROWS * len(layers) + parameters + moves
    check_memory("program", (rows + 2 * p.program_width) * ROW_BYTES, p.program_words * 8)
