# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Small TPEs, and their netlists on gate equivalents."""

from functools import cache

from amaranth import Module
from amaranth.lib import wiring
from systolith.fpga.asic.gates import gate_library
from systolith.fpga.asic.synthesis import synthesise
from systolith.fpga.asic.technology import load_technology
from systolith.gen.emit.platform import EmittingPlatform
from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters
from systolith.rtl.pe.tpe import Tpe

__all__ = ["SHAPES", "facts", "mapped"]

SHAPES = {
    "sa": ("sa", 1, 1, 1), "sta": ("sta", 2, 2, 3), "sta-deep": ("sta", 4, 8, 2),
    "sta-dbb": ("sta-dbb", 2, 8, 2), "vdbb": ("vdbb", 3, 8, 2), "s2ta-w": ("s2ta-w", 4, 8, 2),
    "s2ta-aw": ("s2ta-aw", 2, 8, 3),
}


def facts(shape, *, overlapped=True, zero_gating=False, accumulator_bits=32):
    kind, a, b, c = SHAPES[shape]
    return facts_of(EngineParameters(
        kind=kind, a=a, b=b, c=c, m=1, n=1, nnz=4, accumulator_bits=accumulator_bits,
        zero_gating=zero_gating, overlapped=overlapped))


class Alone(wiring.Component):
    """A TPE as the top of a netlist."""

    def __init__(self, f):
        self.tpe = Tpe(f)
        super().__init__(dict(self.tpe.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.tpe = self.tpe
        wiring.connect(m, wiring.flipped(self), self.tpe)
        return m


@cache
def mapped(shape):
    """(facts, library, netlist) of a TPE, gated and read out in place."""
    technology = load_technology("gates")
    library = gate_library(technology)
    f = facts(shape, accumulator_bits=20, zero_gating=True, overlapped=False)
    verilog, _ = EmittingPlatform("t").convert(Alone(f), "tpe")
    return f, library, synthesise(verilog, "tpe", library, technology)
