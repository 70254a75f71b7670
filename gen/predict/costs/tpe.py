# SPDX-License-Identifier: Apache-2.0
"""What area and energy of a TPE are proportional to: its parts, counted, and what they do."""

from dataclasses import dataclass

import numpy as np

from ....rtl.arith.arithmetic import Arithmetic
from ....rtl.facts import BLOCK, Encoding, EngineFacts
from .gates import GateToggles, gates_of
from .operands import Toggles

__all__ = ["Terms", "Tile", "area_terms", "clock_terms", "data_terms"]

Terms = dict[str, float]
"""By what it is: how many; a coefficient says what each costs."""
PARTIAL_PRODUCTS = 64


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What happens to a TPE for one tile of outputs: ``steps`` that it executes in ``cycles``,
    ``drains``, strobes that move sums down, and ``moves``, sums of a column that they move."""

    cycles: float
    steps: float
    drains: float
    moves: float

    @classmethod
    def of_row(cls, f: EngineFacts, row: int, *, cycles: float, steps: float) -> "Tile":
        """Of a TPE below ``row`` others."""
        return cls(cycles=cycles, steps=steps, drains=f.a * (row + 1) - 1,
                   moves=f.a * f.a * row + f.a * (f.a - 1) / 2)


def _dots(f: EngineFacts) -> int:
    return f.a * f.c


def _operand_bits(f: EngineFacts) -> int:
    """Of registers behind the TPE's edge and in front of its multipliers."""
    return _dots(f) * {Encoding.DENSE: 0, Encoding.MASK: 8 * f.nnz, Encoding.INDEX: 8,
                       Encoding.HELD: 8 + f.zero_gating}[f.encoding] + 8 * {
                           Encoding.INDEX: f.c, Encoding.HELD: f.a}.get(f.encoding, 0)


def _rank_bits(f: EngineFacts) -> int:
    return (f.nnz - 1).bit_length()


def _uneven(f: EngineFacts) -> bool:
    """Whether held weights are chosen by comparing ranks, since they are no power of two."""
    return f.holds_weights and f.nnz & f.nnz - 1 != 0


def _token_bits(f: EngineFacts) -> int:
    return 9 if f.holds_activations or f.holds_weights else 4


def _clock_gates(f: EngineFacts) -> int:
    return (2 + (f.encoding is not Encoding.DENSE) + f.overlapped
            + (_dots(f) if f.zero_gating else 1))


def area_terms(f: EngineFacts, arithmetic: Arithmetic) -> Terms:
    """Parts of a TPE."""
    dots, width = _dots(f), f.accumulator_bits
    parts = gates_of(f.products, width, arithmetic)
    multiplexers = {Encoding.DENSE: 0, Encoding.MASK: dots * 8 * f.nnz * (f.reach - 1),
                    Encoding.INDEX: dots * 8 * (BLOCK - 1), Encoding.HELD: dots * 8 * (f.nnz - 1)}
    return {
        "flip-flop bits": (f.a * f.activation_bits + f.c * f.operand_bits + _token_bits(f)
                           + _operand_bits(f) + (1 + f.overlapped) * dots * width),
        "clock gates": _clock_gates(f),
        "full adders": dots * parts.full_adders,
        "half adders": dots * parts.half_adders,
        "partial products": dots * f.products * PARTIAL_PRODUCTS,
        "weights negated": f.c * f.products * 8,
        "accumulator bits moved": 0 if f.overlapped else dots * width,
        "shadow bits": dots * width if f.overlapped else 0,
        f"multiplexer bits, {f.encoding}": multiplexers[f.encoding],
        "ranks of held weights": f.c * _rank_bits(f) if f.holds_weights else 0,
        "choices of ranks": dots * BLOCK * _rank_bits(f) if f.holds_weights else 0,
        "hits of held weights": dots * BLOCK if f.holds_weights else 0,
        "uneven choices of held weights": dots * 8 * (f.nnz - 1) if _uneven(f) else 0,
        "weights handed to rows": dots * f.operand_bits,
        "zero tests": (f.a + f.c) * f.products if f.zero_gating else 0,
        "gated products": dots * f.products if f.zero_gating else 0,
        "TPEs": 1,
    }


def clock_terms(f: EngineFacts, toggles: Toggles, tile: Tile) -> Terms:
    """Of a tile: bits of flip-flops that are clocked, and clock gates."""
    dots, spare = _dots(f), 0 if f.overlapped else 1
    west = f.a * f.activation_bits * (tile.steps * toggles.west_taken + spare)
    north = f.c * f.operand_bits * (tile.steps * toggles.north_taken + spare)
    adds = tile.steps * toggles.live + 1 if f.zero_gating else tile.steps
    sums = adds + (0 if f.overlapped else tile.drains)
    shadows = tile.drains + 1 if f.overlapped else 0
    return {
        "flip-flop bits clocked": (
            west + north + _operand_bits(f) * (tile.steps + spare)
            + dots * f.accumulator_bits * (sums + shadows) + _token_bits(f) * tile.cycles),
        "clock gates": _clock_gates(f) * tile.cycles,
    }


def data_terms(f: EngineFacts, toggles: Toggles, tile: Tile) -> Terms:
    """Of a tile: bits that toggle in registers and in logic."""
    dots, products, steps = _dots(f), f.products, tile.steps
    chosen = {Encoding.MASK: dots * products * toggles.activation,
              Encoding.INDEX: dots * toggles.activation, Encoding.HELD: dots * toggles.weight}
    finished = dots * toggles.moved
    moved = f.c * tile.moves * toggles.moved
    gates = GateToggles(*np.array([dots * steps, dots, f.c * tile.moves]) @ toggles.gates)
    return {
        "bits of operands at the edge": (f.a * toggles.west + f.c * toggles.north) * steps,
        f"bits chosen, {f.encoding}": chosen.get(f.encoding, 0) * steps,
        f"positions, {f.encoding}": dots * products * toggles.place * steps,
        "positions of ranks": (
            dots * toggles.place * _rank_bits(f) * steps if f.holds_weights else 0),
        "ranks of held weights": dots * toggles.rank * steps,
        "held weights": dots * toggles.held * steps,
        "choices of held weights": dots * toggles.held * (f.nnz - 1) * steps,
        "uneven choices of held weights": (
            dots * toggles.held * (f.nnz - 1) * steps if _uneven(f) else 0),
        "blocks of held activations": dots * toggles.west * steps if f.holds_activations else 0,
        "blocks of held weights": f.c * toggles.north * steps if f.holds_weights else 0,
        "bits of blocks to choose from": (
            dots * f.nnz * f.reach * toggles.west / BLOCK * steps
            if f.encoding is Encoding.MASK else 0),
        "bits of operands into multipliers": dots * products * (
            toggles.activation + toggles.weight) * steps,
        "partial products, bits": gates.partial,
        "bits of adders": gates.adders,
        "glitches of adders": gates.glitches,
        "bits of the final sum": gates.final,
        "glitches of the final sum": gates.final_glitches,
        "accumulator bits": dots * toggles.accumulator * steps,
        "shadow bits": dots * toggles.accumulator * steps if f.overlapped else 0,
        "bits moved, in place": 0 if f.overlapped else moved,
        "bits of finished sums, copied and moved": finished + moved if f.overlapped else 0,
        "zero tests": (dots * products * (toggles.activation + toggles.weight) * steps
                       if f.zero_gating else 0),
    }
