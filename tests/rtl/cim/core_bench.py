# SPDX-License-Identifier: Apache-2.0
"""Layers on the whole core around a macro model, and what they should give."""

import random
from dataclasses import dataclass, field

import numpy as np
from systolith.golden.cim.conversion import digital_codes
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
    Rounding,
    Trailer,
)

from ..postproc.reference import requantised, wrap
from ..streams import sample_until, simulate
from .macro_model import MacroModel, OpenMacro

__all__ = ["CoreBench", "Layer", "core_parameters", "random_layer"]

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


@dataclass
class Layer:
    """A convolution of ``x`` [height, width, channels] with ``weights`` [kh, kw, channels, n].

    ``places``: (row, ADC, phase) of each row tile; ``cuts``: words of each; ``fields`` beside;
    ``change``, ``change_fields``: of the
    descriptor."""

    x: np.ndarray
    weights: np.ndarray
    stride: int
    pad: int
    is_signed: bool
    places: list
    words: list
    adcs: int
    phases: int
    fields: dict
    requantise: dict
    channel_parameters: list
    change: dict
    change_fields: dict = field(default_factory=dict)

    @property
    def out_shape(self):
        h, w, _ = self.x.shape
        kh, kw, _, channels = self.weights.shape
        return ((h + 2 * self.pad - kh) // self.stride + 1,
                (w + 2 * self.pad - kw) // self.stride + 1, channels)

    @property
    def blocks(self):
        return -(-self.x.shape[2] // 8)

    @property
    def taps(self):
        """Channel block, kernel row and column of each word, in order."""
        kh, kw = self.weights.shape[:2]
        return [(b, y, x) for b in range(self.blocks) for y in range(kh) for x in range(kw)]

    def rows_of(self, word):
        """Channels of a word."""
        block = self.taps[word][0]
        return range(8 * block, min(8 * block + 8, self.x.shape[2]))

    def tiles(self):
        """Words of each tile."""
        first = 0
        for count in self.words:
            yield range(first, first + count)
            first += count

    def place_weights(self, p, array):
        """Write the layer's weights into ``array`` [rows, columns]; returns what was written."""
        written = []
        for (row, adc, phase), tile in zip(self.places, self.tiles(), strict=True):
            for word in tile:
                _, ky, kx = self.taps[word]
                for channel in self.rows_of(word):
                    for k in range(self.weights.shape[3]):
                        column = p.column(adc + k % self.adcs, phase + k // self.adcs)
                        array[row, column] = self.weights[ky, kx, channel, k]
                        written.append((row, column))
                    row += 1
        return written

    def expected(self, gdc=GDC_ONE):
        """The result, int8 [height, width, channels]."""
        f = self.fields
        height, width, channels = self.out_shape
        sums = np.zeros((height * width, channels), np.int64)
        factor = (f["scale"] * gdc + GDC_ONE // 2) // GDC_ONE
        half = (1 << f["scale_shift"]) >> 1
        zero = 0 if self.is_signed else 128
        padded = np.zeros((self.x.shape[0] + 2 * self.pad, self.x.shape[1] + 2 * self.pad,
                           self.x.shape[2]), np.int64)
        padded[:] = _pad_operand(self)
        inner = slice(self.pad, self.pad + self.x.shape[0]), slice(
            self.pad, self.pad + self.x.shape[1])
        padded[inner] = self.x.astype(np.int64) + zero
        operands = _quantised(padded, f["activation_bits"], self.is_signed)
        for tile in self.tiles():
            matrix, weights = [], []
            for word in tile:
                _, ky, kx = self.taps[word]
                for channel in self.rows_of(word):
                    matrix.append([operands[y * self.stride + ky, x * self.stride + kx, channel]
                                   for y in range(height) for x in range(width)])
                    weights.append(self.weights[ky, kx, channel])
            codes = digital_codes(
                np.array(matrix).T, np.array(weights), activation_bits=f["activation_bits"],
                weight_bits=f["weight_bits"], is_signed=self.is_signed)
            sums += (codes * factor + half) >> f["scale_shift"]
        result = np.zeros((height * width, channels), np.int8)
        for pixel in range(height * width):
            for k in range(channels):
                c = self.channel_parameters[k]
                result[pixel, k] = requantised(
                    wrap(int(sums[pixel, k])), c["multiplier"], c["bias"], c["shift"],
                    **self.requantise)
        return result.reshape(self.out_shape)


def _plane(shape):
    """Words from one channel block to the next: odd, so that neighbours lie in different banks."""
    return shape[0] * shape[1] | 1


def _pad_operand(layer):
    return -3 if layer.is_signed else 5


def _quantised(x, bits, is_signed):
    top = (1 << bits - 1) - 1 if is_signed else (1 << bits) - 1
    drop = 8 - bits
    return np.minimum((x + ((1 << drop) >> 1)) >> drop, top)


def random_layer(seed, p, *, channels_in, channels_out, kernel=(1, 1), size=(2, 3), stride=1,
                 pad=0, tiles=1, phases=1, bits=(8, 8), signed=False, scale=None, change=None,
                 x=None):
    """A layer that fits the macro ``p``: its tiles one below the other, or in other columns."""
    rng = random.Random(seed)
    nrng = np.random.default_rng(seed)
    kh, kw = kernel
    weights = nrng.integers(-128, 128, (kh, kw, channels_in, channels_out))
    layer = Layer(
        x=nrng.integers(-128, 128, (*size, channels_in), dtype=np.int8) if x is None else x,
        weights=weights,
        stride=stride, pad=pad, is_signed=signed, places=[], words=[], adcs=0, phases=phases,
        fields={"activation_bits": bits[0], "weight_bits": bits[1], "adc_shift": rng.randrange(32),
                "scale": 1, "scale_shift": 0} | (scale or {}),
        requantise={"rounding": rng.choice([Rounding.DOUBLE, Rounding.SINGLE]),
                    "zero_point": rng.randint(-128, 127), "low": -128, "high": 127},
        channel_parameters=[{"multiplier": rng.randrange(1 << 30, 1 << 31), "shift": 8,
                             "bias": rng.randint(-20_000, 20_000)} for _ in range(channels_out)],
        change=change or {})
    words = len(layer.taps)
    layer.words = [words // tiles + (index < words % tiles) for index in range(tiles)]
    heights = [sum(len(layer.rows_of(word)) for word in tile) for tile in layer.tiles()]
    layer.adcs = channels_out if phases == 1 else -(-channels_out // phases // p.lanes) * p.lanes
    groups = (p.adcs - layer.adcs) // p.lanes
    row = rng.randint(0, max(p.rows - sum(heights), 0))
    beside = tiles * phases <= p.mux and (row + sum(heights) > p.rows or rng.random() < 0.5)
    for index, height in enumerate(heights):
        phase = index * phases if beside else rng.randint(0, p.mux - phases)
        layer.places.append((rng.randint(0, p.rows - height) if beside else row,
                             p.lanes * rng.randint(0, groups), phase))
        row += height
    return layer


class CoreBench:
    """The core with an image of ``layers`` in its memories; ``run`` as often as wished."""

    def __init__(self, monkeypatch, parameters, layers, *, duration=None, write_wait=0, gdc=None):
        import systolith.rtl.cim.path as path
        self.macro = OpenMacro(parameters.macro)
        monkeypatch.setattr(path, "macro_of", lambda p: self.macro)
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
            group = index % 2
            entries = []
            for tile in layer.tiles():
                for word in tile:
                    b, ky, kx = layer.taps[word]
                    entries.append(entry_type.const({
                        "last": word == tile[-1], "tail": b == layer.blocks - 1, "kx": kx,
                        "ky": ky, "tap": b * _plane(layer.x.shape) + ky * w + kx}).as_value().value)
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
                        activations[group, bool(index) * RESULTS + b * _plane(layer.x.shape) + y * w + x] = int.from_bytes(
                            values.tobytes(), "little")
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
                "pad_value": _pad_operand(layer) & 0xFF, "pass_steps": 1,
                "last_channels": channels - 8 * (layer.blocks - 1),
                "parameter_row": parameter_row, "weight_row": bases[index][0],
                "out_width": out_width, "out_height": out_height, "in_width": w,
                "in_height": height, "kernel_width": layer.weights.shape[1],
                "kernel_height": layer.weights.shape[0], "pad_x": layer.pad, "pad_y": layer.pad,
                "channel_blocks": layer.blocks, "column_tiles": len(layer.places),
                "stride_x": layer.stride, "stride_y": layer.stride,
                "destination_blocks": -(-out_channels // 8),
                "pixel_base": bool(index) * RESULTS - (layer.pad * w + layer.pad) & mask, "pixel_x": layer.stride,
                "pixel_y": layer.stride * w,
                "destination_base": RESULTS, "destination_x": [1, 1],
                "destination_y": [out_width, out_width],
                "destination_plane": _plane(layer.out_shape), "span": 1, "row_groups": 1,
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
                        1 - index % 2, RESULTS + b * _plane(layer.out_shape) + y * width + x))
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
