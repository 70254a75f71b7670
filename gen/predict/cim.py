# SPDX-License-Identifier: Apache-2.0
"""Cycles and events of layers on a compute-in-memory macro."""

from ...rtl.cim.channel_parameters import ChannelParameters
from ...rtl.cim.timing import LayerTiming
from ...rtl.parameters import AcceleratorParameters
from ..compile.cim import ArrayPlan
from ..compile.program import CompiledLayer, Program
from .busy import Busy
from .engine import Stalls

__all__ = ["array_time", "conversions", "layer_timing", "predict_array"]


def conversions(layer: CompiledLayer) -> int:
    """Of an inference, 0 of a layer that is not on the array."""
    if not isinstance(layer.plan, ArrayPlan):
        return 0
    height, width, _ = layer.lowered.output_shape
    return height * width * layer.plan.mapping.conversions


def array_time(program: Program) -> int:
    """Cycles in which the array converts, back to back: the sum over layers of pixels x tiles x
    phases x T (AnalogNets and AON-CiM, section 2), the longest that conversions may take."""
    macro = program.parameters.macro
    return sum(conversions(layer) * macro.conversion_cycles(
        layer.plan.mapping.activation_bits, layer.plan.mapping.weight_bits)
        for layer in program.layers if isinstance(layer.plan, ArrayPlan))


def layer_timing(layer: CompiledLayer, p: AcceleratorParameters) -> LayerTiming:
    """What a layer's cycles follow from."""
    plan, macro = layer.plan, p.macro
    bits = plan.mapping.activation_bits, plan.mapping.weight_bits
    height, width, _ = layer.lowered.output_shape
    return LayerTiming(
        words=[len(tile) for tile in plan.tiles], groups=plan.phase_groups(macro.lanes),
        pace=ChannelParameters.pace_of(lanes=macro.lanes, width=p.program_width),
        conversion=macro.conversion_cycles(*bits), shortest=macro.shortest_cycles(*bits),
        pixels=height * width, load_words=layer.load_words)


def predict_array(layer: CompiledLayer, p: AcceleratorParameters,
                  busy: Busy) -> tuple[int, Stalls, int]:
    """Cycle of the layer's last result beat, its stalls, reads of parameters; with early stop, of
    conversions none of which stops early."""
    timing, pipelined = layer_timing(layer, p), p.facts.pipelined
    waits = timing.stalls(pipelined=pipelined)
    return (timing.cycles(pipelined=pipelined) - 1,
            Stalls(stall_operands=waits.operands, stall_drain=waits.read),
            timing.pixels * sum(timing.groups) * timing.pace)
