# SPDX-License-Identifier: Apache-2.0
"""The spec's fields, their ranges and defaults."""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ...rtl.arith.carry_save import FinalAdder
from ...rtl.arith.partial_products import Multiplier
from ...rtl.kinds import ALL_KINDS
from .cim import Cim
from .defaults import WEIGHTS, fill, fill_engine, fill_memory
from .rules import check
from .section import Section, Whole
from .size import KIB, MIB, parse_size
from .words import Words, listed

__all__ = ["Arithmetic", "Bus", "Cim", "Drain", "Engine", "FrontEnd", "Grid", "Memory",
           "PostProcessor", "Spec", "Target", "Tpe", "Vector", "Weights"]

Size = Annotated[
    int, BeforeValidator(parse_size), Field(ge=KIB, le=16 * MIB, multiple_of=KIB),
    WithJsonSchema({"anyOf": [
        {"type": "string", "pattern": "^[0-9]{1,12} ?(B|KiB|MiB)$"},
        {"type": "integer", "minimum": KIB, "maximum": 16 * MIB, "multipleOf": KIB}]})]


Edge = Annotated[int, Field(ge=1, le=256)]


class Tpe(Section):
    """Shape of a tensor processing element (TPE)."""

    a: Edge
    """Rows of a TPE: output pixels."""
    b: Annotated[Literal[1, 2, 4, 8], Whole]
    """Depth of a TPE: activation channels of a step. 1 for sa, 1 to 8 for sta, 8 for
    the others."""
    c: Edge
    """Columns of a TPE: output channels."""


class Grid(Section):
    """TPEs of the array."""

    m: Edge
    """TPEs from north to south."""
    n: Edge
    """TPEs from west to east."""


class Weights(Section):
    """Density bound blocks: at most ``nnz`` non-zero weights in ``block`` input channels."""

    block: Annotated[Literal[8], Whole] = 8
    """Input channels of a block."""
    nnz: Annotated[int, Field(ge=1, json_schema_extra={"maximum": 8})] = Field(
        default_factory=lambda: 8)
    """Non-zero weights that a block may hold in one pass: for sta-dbb and s2ta-w the multipliers of
    a dot product, for s2ta-aw the weights that a multiplier holds, 4 by default; 8 for the others.
    """


class Engine(Section):
    """The array of multipliers."""

    kind: Literal[tuple(ALL_KINDS)]  # type: ignore[valid-type]
    """Systolic array (sa), systolic tensor array (sta), the latter with density bound block weights
    (sta-dbb, s2ta-w), with blocks of any density, whose non-zeros are streamed one a cycle (vdbb),
    or with held weights by which pruned activations are streamed (s2ta-aw). No array but the
    compact core, one activation broadcast to 8 multiply-accumulate lanes, all in one memory, for
    the smallest FPGAs (simd): vector, drain, postproc and memory.schedule say nothing about it. No
    array but a compute-in-memory macro, as section cim says (cim)."""
    tpe: Tpe
    """For cim by default {a: 1, b: 8, c: postproc.lanes}, which it must be: the read-out."""
    grid: Grid
    """For cim by default {m: 1, n: 1}, which it must be."""
    weights: Weights = Field(default_factory=Weights)
    accumulator_bits: Annotated[int, Field(ge=16, le=32)] = 32
    """Bits of the accumulators. The compiler refuses a network that could overflow them."""
    zero_gating: bool = False
    """Accumulators rest where all products are zero, and products with a zero operand are counted,
    by cause."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return fill_engine(data)


class Memory(Section):
    """On-chip memories, in bytes."""

    activations: Size = 64 * KIB
    """Total of the two equal activation bank groups; for simd its part of the one memory."""
    weights: Size = WEIGHTS
    """Weight memory; for simd, weights and what goes with them, in the one memory; for cim, of
    weights that are reloaded."""
    program: Size = 16 * KIB
    """Layer descriptors, biases and requantisation parameters; for simd, descriptors."""
    schedule: Size = Field(default_factory=lambda: 4 * KIB)
    """Which blocks of weights each layer issues, 4 bytes a block of the array's columns, or 8 where
    activations take more than 512 KiB. By default a sixteenth of the weights, which is enough where
    none of them is zero."""
    weight_source: Literal["on-chip", "external"] = "on-chip"
    """Where weights are during a run. External: in a memory behind the DMA, from where they come
    through the weight memory as a ring; activations that do not fit are tiled and spilled there."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return fill_memory(data)


class Vector(Section):
    """The unit for depthwise convolution, pooling and addition."""

    lanes: Annotated[Literal[0, 8, 16, 32], Whole] = 16
    """Channels of a cycle. 0 leaves the unit out: the engine computes what it can of depthwise
    convolutions and pools, as convolutions, and ADD and MAX_POOL are refused."""
    taps: Annotated[Literal[9], Whole] = 9
    """Kernel taps of a channel and cycle."""
    fused_channels: Annotated[int, Field(ge=0, le=2048, multiple_of=8)] = 0
    """Depthwise layers of at most so many channels may run fused ahead of a 1x1 convolution, their
    results kept for two tiles of the array between the vector unit and the engine; 0 leaves the
    buffer out."""


class Drain(Section):
    """Read-out of the array."""

    rows_per_cycle: Annotated[Literal[1], Whole] = 1
    """Rows of accumulators that leave the array in a cycle."""
    read_out: Literal["overlapped", "in-place"] = "overlapped"
    """Overlapped: finished sums leave through shadow accumulators while the next tile is summed.
    In-place: they leave through the accumulators themselves, which wait; half the registers."""


class PostProcessor(Section):
    """Bias, requantisation and clamp."""

    lanes: Annotated[int, Field(ge=8, le=256, multiple_of=8)] = Field(default_factory=lambda: 8)
    """Channels of a cycle: at least the array's columns, or a divisor of them. By default 16, or
    8 where 16 does neither."""
    multiplier: Literal["parallel"] = "parallel"
    """One full multiplier for each lane."""
    float_rounding: bool = False
    """Requantisers also round as float32 does, half to even, here and in the vector unit: what ONNX
    models need."""


class Bus(Section):
    """The core's ports."""

    control: Literal["axi4-lite", "wishbone"] = "axi4-lite"
    """Registers, on 32 bits. Wishbone: B4, classic cycles, word addresses, as LiteX has it."""
    window: Literal["axi4", "wishbone"] | None = "axi4"
    """Subordinate port into the core's memories; null leaves it out. Wishbone has 32 bits."""
    dma: Literal["axi4"] | None = "axi4"
    """Manager port that moves data by itself; null leaves it out."""
    data_width: Annotated[Literal[64], Whole] = 64
    """Bits of data of the window on AXI and of the DMA."""


class Arithmetic(Section):
    """How sums and products of engine, vector unit and post-processor are built: their results are
    the same."""

    multiplier: Literal[("inferred", "rows", *(str(each) for each in Multiplier))] = "inferred"  # type: ignore[valid-type]
    """Rows of partial products in an explicit carry-save tree, or inferred: left to the
    synthesiser, but for an ASIC as baugh-wooley. rows: for FPGAs, Booth digits of LUTs and carry
    chains, all but dsp_products of a dot product. baugh-wooley: a row of AND gates a bit of the
    activation; radix-4, booth: a row for two bits; distributed: a row for a bit of two activations
    each, smallest, but with more glitches; mixed: that for the top three bits, baugh-wooley for
    the others."""
    final_adder: Literal[tuple(str(each) for each in FinalAdder)] = "prefix"  # type: ignore[valid-type]
    """How carries end in an explicit tree: prefix, from the middle on in one fast sum; ripple,
    smaller and slower."""
    dsp_products: Annotated[int, Field(ge=0, le=9)] = 0
    """With rows: products of each dot product that are left to DSP blocks."""
    pipelined: bool = False
    """For FPGAs: products, every level of adders and short stages of requantisation end in
    registers; a few cycles more a layer."""


class FrontEnd(Section):
    """Frames come as a stream of pixels, and the network's first layers may be fixed: a pipeline
    ahead of the core, its weights made of logic (FixyNN)."""

    network: Annotated[str | None, Field(min_length=1, max_length=4096),
                       Words("the path of an int8 model, .tflite or .onnx, or null")] = None
    """Path of the model whose layers are fixed, from this file's folder on. Null: the model that
    a command is given; generate needs one."""
    layers: Annotated[str | None, Field(pattern=r"^(none|[0-9]{1,4}\.\.[0-9]{1,4})$"),
                      Words("first..last, such as 0..6, or none or null")] = None
    """Operators of the model that are fixed, counted from 0, as 0..6. none: none of them, frames
    go into the activation memory as they come; null: there is no stream, the host writes inputs."""
    folds: Annotated[tuple[Annotated[int, Field(ge=1, le=4096)], ...],
                     BeforeValidator(listed),
                     Words("a list of cycles a pixel, 1 to 4096, one for each of front_end.layers, "
                           "such as [1, 1, 4]")] = ()
    """Cycles that each layer takes for a pixel, with so much less hardware, in the order of layers;
    by default 1 for all."""
    single_port: bool = False
    """Line buffers of memories with a single port, one row more of them for each window."""
    levels_per_stage: Annotated[int, Field(ge=1, le=16)] = 2
    """Additions, one after the other, between two registers of the fixed layers."""

    @property
    def count(self) -> int:
        """Operators that are fixed."""
        return 0 if self.layers in (None, "none") else int(self.layers.split("..")[1]) + 1


class Target(Section):
    """What the hardware is meant for; changes none but the times of a macro's conversions."""

    clock_mhz: Annotated[int, Field(ge=1, le=2000)] = 200
    """Clock frequency for which times are reported."""


class Spec(Section):
    """An accelerator. Raises ValidationError where a field, or a combination, is not possible.

    ``rows`` and ``columns`` are the outputs that the array holds at once: pixels and channels.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
    """Letters, digits, - and _; begins with a letter."""
    engine: Engine
    memory: Memory = Memory()
    vector: Vector = Vector()
    drain: Drain = Drain()
    postproc: PostProcessor = Field(default_factory=PostProcessor)
    bus: Bus = Bus()
    arithmetic: Arithmetic = Arithmetic()
    front_end: FrontEnd = FrontEnd()
    cim: Cim | None = None
    """Of engine.kind cim, null for others."""
    target: Target = Target()

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        return fill(data)

    @model_validator(mode="after")
    def _check(self) -> "Spec":
        faults = list(check(dict(_leaves(self.model_dump(), ""))))
        if faults:
            text = "; ".join(f"{path}: {sentence}" for path, sentence in faults)
            raise PydanticCustomError("rules", "{text}", {"text": text, "faults": faults})
        return self

    @property
    def rows(self) -> int:
        """Rows of outputs, ``a * m``."""
        return self.engine.tpe.a * self.engine.grid.m

    @property
    def columns(self) -> int:
        """Columns of outputs, ``c * n``."""
        return self.engine.tpe.c * self.engine.grid.n

    @property
    def multipliers(self) -> int:
        """Multipliers of the array; of a macro, cells that a conversion multiplies by."""
        engine = self.engine
        if self.cim is not None:
            return self.cim.rows * self.cim.columns // self.cim.mux
        return self.rows * self.columns * ALL_KINDS[engine.kind].products(
            engine.tpe.b, engine.weights.nnz)

    @property
    def effective_macs_per_cycle(self) -> int:
        """Multiply-accumulates of the dense layer that a cycle, of a macro a conversion, is worth
        at the spec's density."""
        engine = self.engine
        if self.cim is not None:
            return self.multipliers
        return int(self.rows * self.columns * ALL_KINDS[engine.kind].effective_products(
            engine.tpe.b, engine.weights.nnz))

    @property
    def hash(self) -> int:
        """64 bits (unsigned) of everything here that changes what hardware does: all but name,
        target and of the arithmetic its latency. What a front end's network adds, see
        ``gen/build.py``.

        ``float_rounding``, ``pipelined``, ``front_end`` and ``cim`` came later: left at their
        defaults, they do not change the hash.
        """
        later = set() if self.postproc.float_rounding else {"float_rounding"}
        fields = self.model_dump(mode="json", exclude={
            "name": True, "arithmetic": True, "target": True, "postproc": later,
            "front_end": True, "cim": True})
        if self.arithmetic.pipelined:
            fields["pipelined"] = True
        if self.front_end.layers is not None:
            fields["front_end"] = self.front_end.model_dump(mode="json", exclude={"network"})
        if self.cim is not None:
            fields["cim"] = self.cim.model_dump(mode="json", exclude=Cim.COMPILED)
            fields["timing"] = self.cim.timing(self.target.clock_mhz)
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _leaves(fields: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
