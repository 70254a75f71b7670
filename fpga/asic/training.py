# SPDX-License-Identifier: Apache-2.0
"""Of what costs are learned, and by what they are judged: TPEs, workloads and whole specs."""

from dataclasses import dataclass

from ...gen.build import parameters
from ...gen.spec import Spec, load
from ...rtl.arith.carry_save import FinalAdder
from ...rtl.facts import EngineFacts
from ...rtl.kinds import facts_of
from ...rtl.parameters import EngineParameters

__all__ = ["BLOCK_TRAINING", "HELD_OUT", "TRAINING", "WORKLOADS", "Shape", "Work", "spec_shape"]


@dataclass(frozen=True)
class Shape:
    """A TPE and how its sums end."""

    facts: EngineFacts
    final: FinalAdder = FinalAdder.PREFIX

    @property
    def label(self) -> str:
        """Unlike any other's."""
        return f"{self.facts.label} {self.final}"


@dataclass(frozen=True)
class Work:
    """A seeded workload of ``nnz`` of 8 weights and a share of ``zeros`` among activations, of
    which engines that hold weights keep ``bound``."""

    nnz: int
    zeros: float
    bound: int = 8


WORKLOADS = tuple(Work(nnz, zeros) for nnz, zeros in ((8, 0.5), (8, 0.2), (4, 0.8), (2, 0.5)))
DEPTH = 64
"""Of the workloads' dot products."""


def _shape(kind: str, a: int, b: int, c: int, width: int, options: str = "", nnz: int = 8
           ) -> Shape:
    """``options``: letters for in place, gated, ripple."""
    return Shape(facts_of(EngineParameters(
        kind=kind, a=a, b=b, c=c, m=1, n=1, nnz=nnz, accumulator_bits=width,
        zero_gating="g" in options, overlapped="i" not in options)),
        FinalAdder.RIPPLE if "r" in options else FinalAdder.PREFIX)


TRAINING = (
    _shape("sa", 1, 1, 1, 32), _shape("sa", 1, 1, 1, 24, "g"), _shape("sa", 1, 1, 1, 16, "i"),
    _shape("sa", 1, 1, 1, 28, "ig"), _shape("sa", 1, 1, 1, 24, "r"), _shape("sa", 1, 1, 1, 20),
    _shape("sa", 1, 1, 1, 20, "ig"), _shape("sa", 1, 1, 1, 32, "ir"),
    _shape("sta", 2, 2, 2, 24), _shape("sta", 1, 2, 2, 20, "g"), _shape("sta", 2, 4, 2, 32, "i"),
    _shape("sta", 2, 8, 2, 24), _shape("sta", 1, 8, 1, 24, "ig"), _shape("sta", 4, 4, 2, 28),
    _shape("sta", 2, 1, 2, 24, "i"), _shape("sta", 4, 2, 2, 32, "g"), _shape("sta", 2, 8, 4, 32),
    _shape("sta", 1, 4, 1, 16), _shape("sta", 2, 4, 2, 24, "r"), _shape("sta", 2, 8, 2, 32, "ir"),
    _shape("sta", 4, 2, 4, 24), _shape("sta", 4, 1, 4, 28), _shape("sta", 1, 4, 4, 20, "r"),
    _shape("sta-dbb", 2, 8, 2, 24, nnz=4), _shape("sta-dbb", 2, 8, 2, 32, "i", nnz=2),
    _shape("sta-dbb", 1, 8, 1, 24, nnz=1), _shape("sta-dbb", 2, 8, 2, 20, "g", nnz=3),
    _shape("sta-dbb", 2, 8, 1, 24, "ig", nnz=6), _shape("sta-dbb", 1, 8, 2, 32, nnz=8),
    _shape("sta-dbb", 4, 8, 2, 32, nnz=4), _shape("sta-dbb", 2, 8, 4, 28, "ig", nnz=4),
    _shape("sta-dbb", 1, 8, 4, 24, nnz=5), _shape("sta-dbb", 2, 8, 2, 32, "r", nnz=4),
    _shape("sta-dbb", 2, 8, 4, 24, "ir", nnz=2), _shape("sta-dbb", 4, 8, 2, 28, nnz=3),
    _shape("sta-dbb", 4, 8, 4, 20, nnz=1), _shape("sta-dbb", 4, 8, 4, 28, "g", nnz=2),
    _shape("vdbb", 1, 8, 1, 24), _shape("vdbb", 2, 8, 2, 32), _shape("vdbb", 2, 8, 4, 24, "g"),
    _shape("vdbb", 4, 8, 2, 20, "i"), _shape("vdbb", 1, 8, 4, 32, "ig"),
    _shape("vdbb", 4, 8, 4, 24), _shape("vdbb", 2, 8, 2, 24, "r"),
    _shape("vdbb", 8, 8, 2, 24, "ig"), _shape("vdbb", 4, 8, 1, 28), _shape("vdbb", 2, 8, 8, 16),
    _shape("s2ta-aw", 1, 8, 1, 24, nnz=4), _shape("s2ta-aw", 2, 8, 2, 32, "g", nnz=4),
    _shape("s2ta-aw", 4, 8, 2, 24, "i", nnz=8), _shape("s2ta-aw", 2, 8, 4, 24, nnz=2),
    _shape("s2ta-aw", 4, 8, 4, 20, "ig", nnz=4), _shape("s2ta-aw", 2, 8, 2, 24, nnz=1),
    _shape("s2ta-aw", 4, 8, 2, 28, "g", nnz=3), _shape("s2ta-aw", 2, 8, 2, 24, "gr", nnz=4),
    _shape("s2ta-aw", 4, 8, 4, 18, nnz=2), _shape("s2ta-aw", 8, 8, 2, 32, nnz=4),
    _shape("s2ta-aw", 1, 8, 4, 28, "g", nnz=6), _shape("s2ta-aw", 2, 8, 2, 24, nnz=5),
    _shape("s2ta-aw", 4, 8, 2, 20, "g", nnz=6), _shape("s2ta-aw", 2, 8, 4, 28, nnz=3),
    _shape("s2ta-aw", 1, 8, 2, 24, nnz=8), _shape("s2ta-aw", 2, 8, 2, 20, "i", nnz=7),
    _shape("s2ta-aw", 4, 8, 4, 32, nnz=4), _shape("s2ta-aw", 1, 8, 4, 24, nnz=2),
    _shape("vdbb", 8, 8, 1, 28, "i"), _shape("vdbb", 8, 8, 2, 20), _shape("sta", 8, 2, 2, 24, "i"),
    _shape("sta", 4, 8, 2, 24), _shape("sta-dbb", 2, 8, 4, 24, nnz=6),
    _shape("sta-dbb", 4, 8, 4, 28, nnz=3), _shape("vdbb", 4, 8, 2, 32, "ir"),
    _shape("s2ta-aw", 8, 8, 2, 28, "i", nnz=2),
)
"""TPEs to which coefficients are fitted; none is a TPE of ``HELD_OUT``."""

HELD_OUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "kws-edge": ("kws-edge", ()),
    "kws-edge ripple": ("kws-edge", (
        "arithmetic.final_adder=ripple", "drain.read_out=in-place")),
    "kws-s2ta-aw": ("kws-s2ta-aw", ()),
    "sa 16 bits gated": ("kws-sa", (
        "engine.grid={m: 16, n: 16}", "engine.accumulator_bits=16", "vector.lanes=8")),
    "sta 4x4x4": ("kws-sta", (
        "engine.tpe={a: 4, b: 4, c: 4}", "engine.grid={m: 2, n: 4}",
        "engine.accumulator_bits=28")),
    "sta 1x8x4 in place": ("kws-sta", (
        "engine.tpe={a: 1, b: 8, c: 4}", "engine.grid={m: 8, n: 4}", "drain.read_out=in-place",
        "postproc.lanes=8")),
    "sta-dbb 2x8x8 3/8": ("kws-edge", (
        "engine.tpe={a: 2, b: 8, c: 8}", "engine.grid={m: 4, n: 2}",
        "engine.weights={block: 8, nnz: 3}", "engine.accumulator_bits=20")),
    "sta-dbb 4x8x2 6/8": ("kws-edge", (
        "engine.tpe={a: 4, b: 8, c: 2}", "engine.grid={m: 2, n: 8}",
        "engine.weights={block: 8, nnz: 6}", "engine.accumulator_bits=28", "vector.lanes=32")),
    "vdbb 8x8x4 in place": ("kws-vdbb", (
        "engine.tpe={a: 8, b: 8, c: 4}", "engine.grid={m: 1, n: 8}",
        "drain.read_out=in-place")),
    "vdbb 4x8x4 28 bits ripple": ("kws-vdbb", (
        "engine.grid={m: 4, n: 4}", "engine.accumulator_bits=28",
        "arithmetic.final_adder=ripple")),
    "s2ta-aw 4x8x4 3/8": ("kws-s2ta-aw", (
        "engine.tpe={a: 4, b: 8, c: 4}", "engine.grid={m: 2, n: 4}",
        "engine.weights={block: 8, nnz: 3}", "engine.zero_gating=false")),
    "s2ta-aw 2x8x4 5/8": ("kws-s2ta-aw", (
        "engine.tpe={a: 2, b: 8, c: 4}", "engine.grid={m: 4, n: 4}",
        "engine.weights={block: 8, nnz: 5}", "engine.accumulator_bits=32")),
}
"""Specs by which coefficients are judged: name, and overrides."""

BLOCK_TRAINING: dict[str, tuple[str, tuple[str, ...]]] = {
    "demo": ("demo", ()),
    "sta": ("kws-sta", (
        "engine.tpe={a: 2, b: 8, c: 2}", "engine.grid={m: 4, n: 4}", "vector.lanes=8",
        "vector.fused_channels=0", "engine.zero_gating=true", "bus.window=null")),
    "sa": ("kws-sa", (
        "engine.grid={m: 8, n: 16}", "engine.accumulator_bits=32", "vector.fused_channels=0",
        "postproc.lanes=8", "bus.dma=null", "drain.read_out=in-place")),
    "dbb": ("kws-edge", (
        "engine.tpe={a: 2, b: 8, c: 4}", "engine.grid={m: 8, n: 4}",
        "engine.weights={block: 8, nnz: 2}", "vector.lanes=32", "postproc.float_rounding=true",
        "postproc.lanes=8", "engine.accumulator_bits=28")),
    "vdbb": ("tinyml-vdbb", (
        "engine.tpe={a: 4, b: 8, c: 2}", "engine.grid={m: 2, n: 4}", "drain.read_out=in-place",
        "memory.activations=64 KiB", "postproc.lanes=8", "vector.lanes=16")),
    "aw": ("kws-s2ta-aw", (
        "engine.tpe={a: 4, b: 8, c: 4}", "engine.grid={m: 4, n: 2}", "vector.lanes=8",
        "engine.accumulator_bits=20")),
    "aw 2/8": ("kws-s2ta-aw", (
        "engine.tpe={a: 2, b: 8, c: 2}", "engine.grid={m: 2, n: 8}",
        "engine.weights={block: 8, nnz: 2}", "engine.zero_gating=false")),
    "external": ("tinyml-vdbb-external", (
        "engine.tpe={a: 2, b: 8, c: 4}", "engine.grid={m: 4, n: 4}", "vector.lanes=16")),
}
"""Specs whose other blocks coefficients are fitted to."""


def spec_shape(spec: Spec) -> Shape:
    """The TPE of a spec."""
    return Shape(parameters(spec).facts, FinalAdder(spec.arithmetic.final_adder))


def held_out() -> dict[str, Spec]:
    """Specs that coefficients are not fitted to, by label."""
    return {label: load(name, overrides) for label, (name, overrides) in HELD_OUT.items()}
