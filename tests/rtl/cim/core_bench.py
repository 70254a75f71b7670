# SPDX-License-Identifier: Apache-2.0
"""Layers on the whole core around a macro model, and what they should give."""

import numpy as np
from systolith.rtl.cim.contract import MacroParameters
from systolith.rtl.cim.fields import GDC_ONE, MOST_TILES, CimFields
from systolith.rtl.cim.fields import SPOTS as SPOTS
from systolith.rtl.core import Core
from systolith.rtl.operand.schedule import entry_layout
from systolith.rtl.parameters import AcceleratorParameters, EngineParameters
from systolith.rtl.postproc.requantiser import Parameters
from systolith.rtl.sequencer.descriptor import (
    DESCRIPTOR_MAGIC,
    DESCRIPTOR_ROWS,
    HEADER_MAGIC,
    HEADER_ROWS,
    IMAGE_VERSION,
    TRAILER_MAGIC,
    Descriptor,
    Header,
    Opcode,
    Trailer,
)

from ..streams import sample_until, simulate
from .layers import plane
from .macro_model import MacroModel, OpenMacro

__all__ = ["CoreBench", "core_parameters"]

SPEC_HASH = 0x1234_5678_9ABC
CHECK = 0xC0FFEE
RESULTS = 200
"""Word in a bank group from which results lie on, behind the first layer's input."""


def core_parameters(*, lanes=8, reloads=False, vector_lanes=0, **macro) -> AcceleratorParameters:
    return AcceleratorParameters(
        engine=EngineParameters(kind="cim", a=1, b=8, c=lanes, m=1, n=1, nnz=8,
                                accumulator_bits=32),
        activation_words=1024, weight_words=1024, program_words=2048, schedule_words=128,
        vector_lanes=vector_lanes, postproc_lanes=lanes, spec_hash=SPEC_HASH, reloads=reloads,
        macro=MacroParameters(**({"macro": "digital", "rows": 64, "columns": 64, "mux": 4,
                                  "lanes": lanes} | macro)))


class CoreBench:
    """The core with an image of ``layers`` in its memories; ``run`` as often as wished."""

    def __init__(self, monkeypatch, parameters, layers, *, duration=None, write_wait=0, gdc=None):
        self.macro = OpenMacro(parameters.macro)
        monkeypatch.setattr("systolith.rtl.cim.path.macro_of", lambda p: self.macro)
        self.parameters = parameters
        self.core = Core(parameters)
        self.model = MacroModel(self.macro, duration=duration, write_wait=write_wait)
        self.layers = layers
        self.gdc = gdc
        self.place_weights = True  # in images
        self.ended = []    # (layer, cycles)
        self.words = self.image()

    def _weights(self):
        """Words of the weight region by address, and where each layer's begin."""
        p, words, bases = self.parameters, {}, []
        if not self.place_weights:
            return {}, [(0, 0)] * len(self.layers)
        groups = 1 << (p.macro.columns // 8 - 1).bit_length()
        at = 0
        for layer in self.layers:
            array = np.zeros((p.macro.rows, p.macro.columns), np.int64)
            touched = sorted({(row, column // 8) for row, column in layer.place_weights(
                p.macro, array)})
            bases.append((at, 2 * len(touched)))
            for row, group in touched:
                value = int.from_bytes((array[row, 8 * group:8 * group + 8] & 0xFF).astype(
                    np.uint8).tobytes(), "little")
                if p.reloads:
                    words[at], words[at + 1] = row | group << 16, value
                    at += 2
                else:
                    words[row * groups + group] = value
        return words, bases

    def image(self):
        """Words of the memories by byte address."""
        p = self.parameters
        width = p.program_width
        program, schedule, activations = [], [], {}
        rows = HEADER_ROWS + DESCRIPTOR_ROWS * len(self.layers)
        descriptors, constants = [], []
        weights, bases = self._weights()
        self.bases = bases
        entry_type = entry_layout(p.address_width)
        per_word = p.schedule_entries
        for index, layer in enumerate(self.layers):
            height, w, channels = layer.x.shape
            out_height, out_width, out_channels = layer.out_shape
            parameter_row = rows + len(constants)
            for c in range(-(-out_channels // p.macro.lanes) * p.macro.lanes):
                values = layer.channel_parameters[c] if c < out_channels else {}
                constants.append(Parameters.const(values).as_value().value)
            while len(constants) % width:
                constants.append(0)
            group, source = index % 2, RESULTS if index else 0
            entries = []
            for tile in layer.tiles():
                for word in tile:
                    b, ky, kx = layer.taps[word]
                    entries.append(entry_type.const({
                        "last": word == tile[-1], "tail": b == layer.blocks - 1, "kx": kx,
                        "ky": ky, "tap": b * plane(layer.x.shape) + ky * w + kx}).as_value().value)
            schedule_row = len(schedule)
            for at in range(0, len(entries), per_word):
                schedule.append(sum(e << 64 // per_word * i
                                    for i, e in enumerate(entries[at:at + per_word])))
            for b in range(layer.blocks):
                for y in range(height):
                    for x in range(w):
                        values = np.zeros(8, np.int8)
                        part = layer.x[y, x, 8 * b:8 * b + 8]
                        values[:len(part)] = part
                        activations[group, source + b * plane(layer.x.shape) + y * w + x] = (
                            int.from_bytes(values.tobytes(), "little"))
            mask = (1 << 32) - 1
            last = out_channels - layer.adcs * (layer.phases - 1)
            fields = CimFields.const({
                "tiles": [{"row": row, "adc": adc, "phase": phase}
                          for row, adc, phase in layer.places]
                + [{}] * (MOST_TILES - len(layer.places)),
                "adcs": layer.adcs, "last_adcs": last, "phases": layer.phases,
                "load_words": bases[index][1] if p.reloads else 0,
                **layer.fields, **layer.change_fields}).as_value().value
            descriptor = {
                "magic": DESCRIPTOR_MAGIC, "opcode": Opcode.MATRIX, "source_group": group,
                "destination_group": 1 - group, "signed_activations": layer.is_signed,
                "pad_value": layer.pad_operand & 0xFF, "pass_steps": 1,
                "last_channels": channels - 8 * (layer.blocks - 1),
                "parameter_row": parameter_row, "weight_row": bases[index][0],
                "out_width": out_width, "out_height": out_height, "in_width": w,
                "in_height": height, "kernel_width": layer.weights.shape[1],
                "kernel_height": layer.weights.shape[0], "pad_x": layer.pad, "pad_y": layer.pad,
                "channel_blocks": layer.blocks, "column_tiles": len(layer.places),
                "stride_x": layer.stride, "stride_y": layer.stride,
                "destination_blocks": -(-out_channels // 8),
                "pixel_base": source - (layer.pad * w + layer.pad) & mask,
                "pixel_x": layer.stride,
                "pixel_y": layer.stride * w,
                "destination_base": RESULTS, "destination_x": [1, 1],
                "destination_y": [out_width, out_width],
                "destination_plane": plane(layer.out_shape), "span": 1, "row_groups": 1,
                "schedule_row": schedule_row, "row_tiles": out_height * out_width,
                **layer.requantise}
            for name in SPOTS:
                shape = Descriptor[name].shape
                size = getattr(shape, "size", None) or Descriptor[name].width
                value, fields = fields & (1 << size) - 1, fields >> size
                descriptor[name] = ([value >> 32 * i & mask for i in range(size // 32)]
                                    if size > 32 else value)
            assert fields == 0
            descriptors.append(Descriptor.const(descriptor | layer.change).as_value().value)
        trailer_row = -(-(rows + len(constants)) // width) * width
        header = Header.const({
            "magic": HEADER_MAGIC, "version": IMAGE_VERSION, "layers": len(self.layers),
            "spec_hash": SPEC_HASH, "check": CHECK, "trailer_row": trailer_row,
            "program_rows": rows + len(constants)}).as_value().value

        def split(value, count):
            return [value >> 128 * i & (1 << 128) - 1 for i in range(count)]
        program = split(header, HEADER_ROWS)
        for descriptor in descriptors:
            program += split(descriptor, DESCRIPTOR_ROWS)
        program += constants + [0] * (trailer_row - rows - len(constants))
        program.append(Trailer.const({"magic": TRAILER_MAGIC, "check": CHECK}).as_value().value)
        words = {p.group_address(group, at): value for (group, at), value in activations.items()}
        for region, contents in ((1, weights), (3, dict(enumerate(schedule))), (
                2, {2 * i + half: value >> 64 * half & (1 << 64) - 1
                    for i, value in enumerate(program) for half in range(2)})):
            words |= {p.region_address(region) + 8 * at: value for at, value in contents.items()}
        return words

    async def write(self, ctx, address, value, strobe=0xFF):
        bus = self.core.bus
        ctx.set(bus.request.payload, {"address": address, "write": 1, "data": value,
                                      "strobe": strobe})
        ctx.set(bus.request.valid, 1)
        await sample_until(ctx, bus.request.ready)
        ctx.set(bus.request.valid, 0)
        ctx.set(bus.response.ready, 1)
        answer, = await sample_until(ctx, bus.response.valid, bus.response.payload)
        return answer.error

    async def read(self, ctx, address):
        bus = self.core.bus
        ctx.set(bus.request.payload, {"address": address, "write": 0, "data": 0, "strobe": 0})
        ctx.set(bus.request.valid, 1)
        await sample_until(ctx, bus.request.ready)
        ctx.set(bus.request.valid, 0)
        ctx.set(bus.response.ready, 1)
        answer, = await sample_until(ctx, bus.response.valid, bus.response.payload)
        return answer.data

    async def load(self, ctx):
        """The image, and the weights of resident arrays."""
        ctx.set(self.core.last_layer, 0xFFFF)
        if self.gdc is not None:
            ctx.set(self.core.gdc, self.gdc)
        for address, value in self.words.items():
            assert await self.write(ctx, address, value) == 0

    async def load_changed(self, ctx, words):
        """Words of another image in the place of this one's."""
        for address, value in words.items():
            if self.words.get(address) != value:
                await self.write(ctx, address, value)
        self.words |= words

    async def start(self, ctx):
        ctx.set(self.core.start, 1)
        await ctx.tick()
        ctx.set(self.core.start, 0)

    async def until_idle(self, ctx):
        await sample_until(ctx, ~self.core.busy)
        return ctx.get(self.core.cause)

    async def result(self, ctx, index):
        """Layer ``index``'s output as it lies in memory."""
        layer = self.layers[index]
        height, width, channels = layer.out_shape
        out = np.zeros((height, width, -(-channels // 8) * 8), np.int8)
        for b in range(-(-channels // 8)):
            for y in range(height):
                for x in range(width):
                    word = await self.read(ctx, self.parameters.group_address(
                        1 - index % 2, RESULTS + b * plane(layer.out_shape) + y * width + x))
                    out[y, x, 8 * b:8 * b + 8] = np.frombuffer(
                        int(word).to_bytes(8, "little"), np.int8)
        return out[:, :, :channels]

    async def check(self, ctx, index=-1):
        index %= len(self.layers)
        expected = self.layers[index].expected(GDC_ONE if self.gdc is None else self.gdc)
        np.testing.assert_array_equal(await self.result(ctx, index), expected)

    async def watch(self, ctx):
        core = self.core
        while True:
            _, _, ended, layer, cycles = await ctx.tick().sample(
                core.layer_ended, core.layer, core.layer_cycles)
            if ended:
                self.ended.append((layer, cycles))

    def simulate(self, bench, cycles=60_000):
        simulate(self.core, bench, background=[self.model.process, self.watch], cycles=cycles)
