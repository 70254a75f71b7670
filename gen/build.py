# SPDX-License-Identifier: Apache-2.0
"""From a spec to hardware: the one place where spec fields become RTL parameters."""

from ..rtl.accelerator import Accelerator
from ..rtl.arith.arithmetic import Arithmetic
from ..rtl.arith.carry_save import FinalAdder
from ..rtl.arith.fabric import FabricArithmetic
from ..rtl.arith.partial_products import Multiplier
from ..rtl.cim.contract import WRITE_WEIGHTS, MacroParameters
from ..rtl.compact.accelerator import CompactAccelerator
from ..rtl.compact.parameters import CompactParameters
from ..rtl.kinds import COMPACT
from ..rtl.parameters import AcceleratorParameters, EngineParameters
from .spec import Spec

__all__ = ["accelerator", "arithmetic", "parameters"]


def parameters(spec: Spec, *, monitors: bool = False) -> AcceleratorParameters:
    """The accelerator's parameters, ``CompactParameters`` of the compact core; memory sizes
    become 64-bit words. Raises SpecFault where a front end's network is not stated."""
    engine = spec.engine
    kind = CompactParameters if engine.kind == COMPACT.name else AcceleratorParameters
    made = kind(
        engine=EngineParameters(
            kind=engine.kind, a=engine.tpe.a, b=engine.tpe.b, c=engine.tpe.c,
            m=engine.grid.m, n=engine.grid.n, nnz=engine.weights.nnz,
            accumulator_bits=engine.accumulator_bits, zero_gating=engine.zero_gating,
            overlapped=spec.drain.read_out == "overlapped",
            pipelined=spec.arithmetic.pipelined),
        activation_words=spec.memory.activations // 8,
        weight_words=_weight_words(spec),
        program_words=spec.memory.program // 8,
        schedule_words=spec.memory.schedule // 8,
        vector_lanes=spec.vector.lanes,
        postproc_lanes=spec.postproc.lanes,
        fused_blocks=spec.vector.fused_channels // 8,
        external_weights=spec.memory.weight_source == "external",
        window=spec.bus.window is not None,
        dma=spec.bus.dma is not None,
        wishbone_control=spec.bus.control == "wishbone",
        wishbone_window=spec.bus.window == "wishbone",
        spec_hash=spec.hash,
        float_rounding=spec.postproc.float_rounding,
        monitors=monitors,
        **_macro(spec),
    )
    if spec.front_end.layers is None:
        return made
    from .fixed.build import with_front_end  # which compiles: not needed otherwise

    return with_front_end(spec, made)


def _weight_words(spec: Spec) -> int:
    """64-bit words of the weight region: those of an array whose weights stay, or of a memory."""
    cim = spec.cim
    if cim is None or cim.residency == "reloaded":
        return spec.memory.weights // 8
    return cim.rows * cim.columns // WRITE_WEIGHTS


def _macro(spec: Spec) -> dict:
    """Parameters that only a core with a macro has."""
    cim = spec.cim
    return {} if cim is None else {"reloads": cim.residency == "reloaded", "macro": MacroParameters(
        macro=cim.macro, rows=cim.rows, columns=cim.columns, mux=cim.mux,
        adjacent=cim.mux_map == "adjacent", code_bits=cim.code_bits, lanes=spec.postproc.lanes,
        timing=cim.timing(spec.target.clock_mhz), early_stop=cim.early_stop,
        adc_bits=cim.adc_bits or 0, fragment=cim.fragment)}


def accelerator(spec: Spec, *, monitors: bool = False) -> Accelerator | CompactAccelerator:
    """The top-level component of a spec."""
    p = parameters(spec, monitors=monitors)
    return CompactAccelerator(p) if isinstance(p, CompactParameters) else Accelerator(p)


def arithmetic(spec: Spec, *, asic: bool = False,
               inverting: bool = False) -> Arithmetic | FabricArithmetic | None:
    """How dot products are built, None where that is left to the synthesiser: explicitly for an
    ASIC, unless they are pipelined. ``inverting``: its full adders have inverted outputs."""
    chosen = spec.arithmetic
    if chosen.multiplier == "rows":
        return FabricArithmetic(dsp_products=chosen.dsp_products)
    if chosen.multiplier != "inferred":
        multiplier = Multiplier(chosen.multiplier)
    elif asic:
        multiplier = Multiplier.BAUGH_WOOLEY
    else:
        return None
    return Arithmetic(multiplier=multiplier, final=FinalAdder(chosen.final_adder),
                      inverting=inverting)
