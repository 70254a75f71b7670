# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Every component's *Members* paragraph names exactly the members of its signature."""

import re

import pytest
from systolith.rtl.arith.dot_product import DotProduct
from systolith.rtl.arith.popcount import Popcount
from systolith.rtl.bus.single import SingleWindow
from systolith.rtl.cim.channel_parameters import ChannelParameters
from systolith.rtl.cim.contract import MacroParameters, MacroSignature
from systolith.rtl.cim.controller import Controller
from systolith.rtl.cim.counters import ArrayCounters
from systolith.rtl.cim.digital import DigitalMacro
from systolith.rtl.cim.digital_column import DigitalColumn
from systolith.rtl.cim.loader import ArrayPort, WeightLoader
from systolith.rtl.cim.macro import ModuleMacro
from systolith.rtl.cim.read_out import ReadOut
from systolith.rtl.cim.rows import DacQuantiser, RowDrivers, RowGroup
from systolith.rtl.cim.scale import ScaledSums, ScaleLane
from systolith.rtl.cim.sums import SumMemory
from systolith.rtl.cim.weight_cells import WeightCells
from systolith.rtl.compact.core import CompactCore
from systolith.rtl.compact.lanes import Lanes
from systolith.rtl.compact.memory import CompactMemory
from systolith.rtl.compact.parameters import CompactParameters
from systolith.rtl.compact.requantiser import SerialRequantiser
from systolith.rtl.compact.sequencer import Sequencer as CompactSequencer
from systolith.rtl.compact.walker import Walker
from systolith.rtl.constants.graph import AdderGraph, Operand
from systolith.rtl.constants.products import FixedProducts
from systolith.rtl.delay import DelayCell
from systolith.rtl.engine.decompressor import Decompressor, MaskDecoder
from systolith.rtl.engine.gating import GatingCount
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.fixed.branch import Fork, Join
from systolith.rtl.fixed.folded import FoldedSums
from systolith.rtl.fixed.front_end import FrontEnd, Monitor
from systolith.rtl.fixed.layer import FixedLayer
from systolith.rtl.fixed.line_buffer import LineBuffer
from systolith.rtl.fixed.maximum import FixedMaximum
from systolith.rtl.fixed.parameters import (
    FoldedParameters,
    FrontEndParameters,
    LayerParameters,
    MaximumParameters,
    Scaling,
    SumsParameters,
    WindowParameters,
)
from systolith.rtl.fixed.sums import FixedSums
from systolith.rtl.fixed.total import FrameTotal
from systolith.rtl.fixed.window import Window
from systolith.rtl.frames.frames import FrameGate
from systolith.rtl.frames.handoff import Handoff, SlotLayout
from systolith.rtl.frames.slots import FrameSlots
from systolith.rtl.kinds import facts_of
from systolith.rtl.memory.activation import ActivationBank, ActivationMemory
from systolith.rtl.memory.shared import SharedAccess
from systolith.rtl.memory.sram import AccessPort, SramBank
from systolith.rtl.memory.wide import WideMemory
from systolith.rtl.operand.dap import Maximum, PrunedRow
from systolith.rtl.operand.drain import Drain
from systolith.rtl.operand.gather import BankArbiter, Gather, LaneSelect
from systolith.rtl.operand.im2col import Im2col, Im2colRow
from systolith.rtl.operand.issuer import Issuer, OperandRow
from systolith.rtl.operand.raster import RasterWalker
from systolith.rtl.parameters import EngineParameters
from systolith.rtl.pe.tpe import Tpe
from systolith.rtl.postproc.parameters import ParameterLoader, ParameterRegister
from systolith.rtl.postproc.post_processor import PostLane, PostProcessor
from systolith.rtl.postproc.requantiser import Requantiser
from systolith.rtl.postproc.writer import Writer
from systolith.rtl.sequencer.counters import Counters, LayerTable
from systolith.rtl.sequencer.sequencer import Sequencer
from systolith.rtl.vector.unit import VectorLane, VectorUnit, WindowRow
from systolith.rtl.vector.window import WindowWalker

FACTS = facts_of(EngineParameters(kind="sta-dbb", a=2, b=8, c=2, m=2, n=2, nnz=4,
                                  accumulator_bits=32))
COMPACT = CompactParameters(
    engine=EngineParameters(kind="simd", a=1, b=1, c=8, m=1, n=1, nnz=8, accumulator_bits=24),
    activation_words=32, weight_words=16, program_words=16, schedule_words=8, vector_lanes=8,
    postproc_lanes=8, dma=False)
ARRAY = MacroParameters(macro="user", rows=8, columns=16, mux=2)
SLOTS = SlotLayout(height=2, width=2, channels=8, step_x=(1, 1), step_y=(2, 2), plane=5,
                   slot_step=4)
OPERANDS = {"rows": 4, "lanes": 4, "tag_width": 24}
BANKS = {"banks": 4, "words": 64, "write_words": 1}
WIRES = AdderGraph(((-128, 127),), (), (Operand(0),))
SUMS = SumsParameters(graph=WIRES, factors=WIRES, scalings=(Scaling(0, 0, -128, 127),),
                      levels_per_stage=1)
FOLDED = FoldedParameters(
    inputs=((-128, 127),), places=(((0,), (0,)),), weights=(((1,), (2,)),), tree=WIRES,
    factors=((1, 1),), scalings=((Scaling(0, 0, -128, 127),) * 2,), channels=2, levels_per_stage=1)
LAYER = LayerParameters(name="layer", tensor=1, sources=(-1,), in_channels=1, out_shape=(2, 2, 1),
                        operation=SUMS)
COMPONENTS = [
    ActivationBank(**BANKS), ActivationMemory(**BANKS), ArrayCounters(ARRAY), ArrayPort(ARRAY),
    BankArbiter(banks=4, lanes=4, line_width=4),
    ChannelParameters(lanes=8, width=8, row_width=6),
    CompactCore(COMPACT), CompactMemory(words=64), CompactSequencer(COMPACT),
    Controller(ARRAY, read_bits=4), Counters(multipliers=1, banks=4, write_words=1),
    DacQuantiser(), Decompressor(FACTS),
    DelayCell(width=1, cycles=1), DigitalColumn(rows=8, mux=1, code_bits=8),
    DigitalMacro(MacroParameters(macro="digital", rows=8, columns=8, mux=1)),
    MacroSignature(ARRAY),
    ModuleMacro(MacroParameters(macro="pcm", rows=8, columns=8, mux=1, timing=(2,) * 8)),
    DotProduct(taps=1, accumulator_bits=32),
    Drain(rows=4, beats=1, drain_start=1, drain_latency=1),
    FixedLayer(LAYER), FixedMaximum(MaximumParameters(taps=1, channels=1, low=0, high=1,
                                                      levels_per_stage=1)),
    FixedProducts(WIRES), FixedSums(SUMS), FoldedSums(FOLDED), Fork(channels=1, ways=2),
    FrameTotal(pixels=1, channels=1),
    FrontEnd(FrontEndParameters(in_shape=(2, 2, 1), layers=(LAYER,))), Join(channels=(1, 1)),
    LineBuffer(rows=2, width=2, bits=8), Monitor(1),
    Window(WindowParameters(height=2, width=2, channels=1, kernel=(1, 1))),
    FrameGate(pixels=4, channels=1), FrameSlots(),
    Gather(banks=4, lanes=4, address_width=6, tag=5), GatingCount(FACTS),
    Handoff(SLOTS, address_width=6), Im2col(address_width=6, **OPERANDS),
    Im2colRow(address_width=6), Issuer(depth=8, beats=1, weight_row_width=6, **OPERANDS),
    LaneSelect(banks=4), Lanes(accumulator_bits=24), LayerTable(), MacroSignature(ARRAY),
    MaskDecoder(nnz=4), Maximum(),
    ModuleMacro(MacroParameters(macro="pcm", rows=8, columns=8, mux=1, timing=(2,) * 8)),
    OperandRow(depth=8),
    ParameterLoader(lanes=8, fields=(69,), width=1, row_width=6), ParameterRegister(width=69),
    Popcount(8), PostLane(beats=1, accumulator_bits=32),
    PostProcessor(columns=8, lanes=8, accumulator_bits=32), PrunedRow(),
    RasterWalker(address_width=6), ReadOut(ARRAY, pace=1),
    Requantiser(), RowDrivers(rows=8), RowGroup(groups=1), ScaleLane(code_bits=24),
    ScaledSums(ARRAY),
    Sequencer(width=1, program_row_width=6, trailer_row_width=6, flush_cycles=1, spec_hash=0),
    SerialRequantiser(accumulator_bits=24), SharedAccess(address_width=6),
    SingleWindow(address_width=6),
    SramBank(depth=4), SumMemory(lanes=8, groups=2), SystolicEngine(FACTS), Tpe(FACTS),
    VectorLane(),
    VectorUnit(lanes=8, gather_lanes=4, tag_width=24), WideMemory(banks=2, rows=4), WindowRow(),
    Walker(word_width=6), WeightCells(rows=8, mux=1), WeightLoader(ARRAY, row_width=6),
    WindowWalker(blocks=1, lanes=4, tile_pixels=4, address_width=6, tag_width=24),
    Writer(words=1, beats=1, address_width=6), AccessPort(4),
]


def documented(thing) -> list[str]:
    """Names in the *Members* paragraph, without what stands in parentheses."""
    owner = next(base for base in type(thing).__mro__ if "*Members*:" in (base.__doc__ or ""))
    paragraph = owner.__doc__.split("*Members*:")[1].split("\n\n")[0]
    return re.findall(r"``(\w+)``", re.sub(r"\([^()]*\)", "", paragraph))


@pytest.mark.parametrize("thing", COMPONENTS, ids=lambda thing: type(thing).__name__)
def test_members(thing):
    members = getattr(thing, "signature", thing).members
    assert sorted(documented(thing)) == sorted(members)
