# SPDX-License-Identifier: Apache-2.0
"""The kinds of engine: what tells them apart, in one place. A new engine starts here.

``KINDS`` are output-stationary and share one mesh (``engine/systolic.py``) and one core
(``core.py``); a kind says how its TPEs get their operands (``pe/tpe.py``). ``COMPACT`` has no mesh:
it is the compact core (``compact/``), which the rest of the house sees as a single TPE. ``CIM`` has
a compute-in-memory macro where the others have a mesh (``cim/``), seen as a TPE of one row.
"""

from dataclasses import dataclass

from .facts import BLOCK, Encoding, EngineFacts

__all__ = ["ALL_KINDS", "CIM", "COMPACT", "KINDS", "Kind", "facts_of"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """``depths``: legal ``b`` of its TPEs. ``scalar``: TPEs are 1x1x1. ``default_nnz``: density
    bound of weight blocks where a spec states none; ``bounded``: it may state one. ``mesh``: it
    has one."""

    name: str
    encoding: Encoding
    depths: tuple[int, ...]
    scalar: bool = False
    default_nnz: int = BLOCK
    bounded: bool = False
    mesh: bool = True

    def products(self, b: int, nnz: int) -> int:
        """Multipliers of a dot product, for TPEs of depth ``b`` and blocks of ``nnz``."""
        return {Encoding.DENSE: b, Encoding.MASK: nnz, Encoding.INDEX: 1,
                Encoding.HELD: 1}[self.encoding]

    def effective_products(self, b: int, nnz: int) -> float:
        """Products of the dense layer that a step of a dot product is worth, before any pruning
        of activations."""
        return {Encoding.DENSE: b, Encoding.MASK: BLOCK, Encoding.INDEX: BLOCK / nnz,
                Encoding.HELD: 1}[self.encoding]


KINDS = {kind.name: kind for kind in (
    # The classical systolic array (papers: STA, the 1x1x1 corner).
    Kind(name="sa", encoding=Encoding.DENSE, depths=(1,), scalar=True),
    # Systolic tensor array (papers: STA, section 1).
    Kind(name="sta", encoding=Encoding.DENSE, depths=(1, 2, 4, 8)),
    # STA with density-bound-block weights; denser blocks take several steps (STA, section 2).
    Kind(name="sta-dbb", encoding=Encoding.MASK, depths=(BLOCK,), default_nnz=4, bounded=True),
    # Time-unrolled variable DBB: a held block, its non-zeros one a step (VDBB, section 3).
    Kind(name="vdbb", encoding=Encoding.INDEX, depths=(BLOCK,)),
    # Weight DBB at a fixed bound, the paper's DP4M8 (S2TA-W, section 4): the hardware of sta-dbb.
    Kind(name="s2ta-w", encoding=Encoding.MASK, depths=(BLOCK,), default_nnz=4, bounded=True),
    # Weight and activation DBB: held blocks of weights, pruned activations one a step, DP1M4
    # (S2TA-AW, section 4).
    Kind(name="s2ta-aw", encoding=Encoding.HELD, depths=(BLOCK,), default_nnz=4, bounded=True),
)}

COMPACT = Kind(name="simd", encoding=Encoding.DENSE, depths=(1,), mesh=False)
"""One activation for eight lanes, all in one memory: for the smallest FPGAs."""
CIM = Kind(name="cim", encoding=Encoding.DENSE, depths=(BLOCK,), mesh=False)
"""A compute-in-memory macro: weights stay, one pixel at a time meets them (AnalogNets, section 2).
"""
ALL_KINDS = KINDS | {COMPACT.name: COMPACT, CIM.name: CIM}


def facts_of(shape) -> EngineFacts:
    """Facts of the engine that ``EngineParameters`` describe; raises ValueError if none."""
    kind = ALL_KINDS[shape.kind]
    name = kind.name.upper()
    if kind.scalar and (shape.a, shape.b, shape.c) != (1, 1, 1):
        raise ValueError(f"{name}'s TPE must be 1x1x1, not {shape.a}x{shape.b}x{shape.c}")
    if shape.b not in kind.depths:
        raise ValueError(f"{name}'s TPEs must be {' or '.join(map(str, kind.depths))} deep, "
                         f"not {shape.b!r}")
    if kind.bounded and not 1 <= shape.nnz <= BLOCK:
        raise ValueError(f"NNZ must be 1 ... {BLOCK}, not {shape.nnz!r}")
    return EngineFacts(
        a=shape.a, c=shape.c, m=shape.m, n=shape.n, depth=shape.b,
        nnz=shape.nnz if kind.encoding is Encoding.HELD else kind.products(shape.b, shape.nnz),
        accumulator_bits=shape.accumulator_bits, encoding=kind.encoding,
        zero_gating=shape.zero_gating, overlapped=shape.overlapped, pipelined=shape.pipelined)
