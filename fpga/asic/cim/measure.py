# SPDX-License-Identifier: Apache-2.0
"""The digital macro's netlists at work: codes and cycles as golden's, then energy.

What all columns share is simulated first; what its netlist drives at a column's ports, and what the
cells give back, is what the column's sees.
"""

from dataclasses import dataclass

import numpy as np

from ....rtl.facts import BLOCK
from ..energy import Energy, measure
from ..netlist import Netlist
from ..simulation import Simulator, Trace
from .netlists import Cells, MacroBlocks
from .operands import Conversions

__all__ = ["MacroEnergy", "Mismatch", "measure_macro"]

COLUMN = "column_0"
CELLS = "cells"
RESET = 4
"""Cycles of reset; behind it the macro clears a column of each ADC a cycle, and is then ready."""


class Mismatch(ValueError):
    """A netlist that does not do what golden does: one sentence."""


@dataclass(frozen=True, kw_only=True)
class MacroEnergy:
    """Of an ADC, in fJ a multiply-accumulate. ``column``: its logic, ``glitches`` of it;
    ``shared`` and ``drivers``: its part of what all ADCs share, which are all at work;
    ``storage``: reads of planes of weights. ``cycles``: of a conversion, mean; ``compared``: codes
    that were golden's."""

    column: Energy
    glitches: float
    shared: float
    drivers: float
    storage: float
    cycles: float
    compared: int

    def total(self, storage: float = 1.0) -> float:
        """fJ, storage's reads at ``storage`` times what the map says."""
        return self.column.total + self.shared + self.drivers + storage * self.storage


def measure_macro(blocks: MacroBlocks, work: Conversions, cells: Cells) -> MacroEnergy:
    """Simulate all conversions back to back with their read-out; all but the first count. Raises
    Mismatch."""
    p = blocks.p
    starts = RESET + p.mux + 2 + np.concatenate([[0], np.cumsum(work.cycles(p.early_stop))])
    window = {"first": int(starts[1]), "last": int(starts[-1])}
    shared = Simulator(seen(blocks.shared.netlist), cells.library)
    found, *traces = measure(shared, shared_stimulus(blocks, work, starts),
                             period=cells.clock_ps, **window)
    for trace in traces:
        check_times(trace, starts)
    column = Simulator(blocks.column.netlist, cells.library)
    told, *codes = measure(column, column_stimulus(traces[-1], work, starts),
                           period=cells.clock_ps, **window)
    for trace in codes:
        check_codes(trace, work.codes(p.code_bits), starts)
    driver = Simulator(blocks.drivers.netlist, cells.library)
    ports = driver_stimulus(work, starts)
    eight, *traces = measure(driver, ports, period=cells.clock_ps, **window)
    for trace in traces:
        check_drivers(trace, work, starts)
    rest, *_ = measure(driver, ports | {name: np.zeros_like(ports[name])
                                        for name in ("load", "move")},
                       period=cells.clock_ps, **window)
    count = len(starts) - 2
    macs = work.used * count / (window["last"] - window["first"])  # a cycle
    working = -(-work.used // BLOCK)
    drivers = (eight.timed.total * working
               + rest.timed.total * (p.rows // BLOCK - working))
    read = work.weight_bits * (blocks.storage.read_pj or 0.0) / work.used
    return MacroEnergy(
        column=told.timed.per(macs), glitches=told.glitches / macs,
        shared=found.timed.total / macs / p.adcs,
        drivers=drivers / macs / p.adcs, storage=1e3 * read,
        cycles=(window["last"] - window["first"]) / count,
        compared=sum(len(starts) - 1 for _ in codes))


def seen(netlist: Netlist) -> Netlist:
    """``netlist`` with the outputs alone that are looked at: of all columns, which are alike, the
    first one's."""
    outputs = {name: nets for name, nets in netlist.outputs.items()
               if "." not in name or name.startswith(f"{COLUMN}.")}
    copied = netlist.copy()
    copied.outputs = outputs
    return copied


def shared_stimulus(blocks: MacroBlocks, work: Conversions,
                    starts: np.ndarray) -> dict[str, np.ndarray]:
    """Bits of all ports, and what columns show as their codes; ``starts``: cycles of ``fire``, and
    behind them the one in which the last code is there."""
    p, netlist = blocks.p, blocks.shared.netlist
    count = int(starts[-1]) + p.groups + 2
    # What was fired stays until the next one is.
    fired = np.clip(np.searchsorted(starts[:-1], np.arange(count), side="right") - 1, 0, None)
    left = np.searchsorted(starts[1:], np.arange(count), side="right")  # conversions with a code
    age = np.arange(count) - np.concatenate([[0], starts])[left + (left > 0)]
    reading = (left > 0) & (age < p.groups)
    rows = np.arange(p.rows) < work.used
    ports = {
        "rst": np.arange(count) < RESET,
        "row_data": np.unpackbits(_octets(work), axis=1, bitorder="little")[fired],
        "row_enable": np.repeat(rows[None], count, axis=0),
        "adc_enable": np.ones((count, p.adcs)),
        "is_signed": np.full(count, work.signed),
        "activation_bits": _bits(np.full(count, work.activation_bits), 4),
        "weight_bits": _bits(np.full(count, work.weight_bits), 4),
        "fire": np.isin(np.arange(count), starts[:-1]),
        "read_enable": reading,
        "read_group": _bits(np.where(reading, age, 0), len(netlist.inputs.get("read_group", [0]))),
    }
    codes = np.concatenate([np.zeros((1, work.others.shape[1]), np.int64), work.others])
    for adc in range(p.adcs):
        ports[f"column_{adc}.code"] = _bits(codes[left, adc % codes.shape[1]], p.code_bits)
    return {name: bits.astype(np.uint8) for name, bits in ports.items() if name in netlist.inputs}


def column_stimulus(shared: Trace, work: Conversions,
                    starts: np.ndarray) -> dict[str, np.ndarray]:
    """What the first column's ports see, and its memory's output."""
    ports = {name.removeprefix(f"{COLUMN}."): bits for name, bits in shared.outputs.items()
             if name.startswith(f"{COLUMN}.") and name != f"{COLUMN}.rst"}
    count = len(ports["load"])
    fired = np.clip(np.searchsorted(starts[:-1], np.arange(count), side="right") - 1, 0, None)
    planes = ports["plane"].astype(np.int64) @ (1 << np.arange(3))
    weights = work.weights.view(np.uint8)
    given = np.zeros((count, weights.shape[1]), np.uint8)
    for cycle in range(1, count):
        before = cycle - 1
        given[cycle] = given[before]
        if ports["load"][before, 0]:
            given[cycle] = weights[fired[before]] >> planes[before] & 1
    ports[f"{CELLS}.o"] = given
    ports["rst"] = (np.arange(count) < RESET).astype(np.uint8)
    return ports


def driver_stimulus(work: Conversions, starts: np.ndarray) -> dict[str, np.ndarray]:
    """Eight rows from the middle of those in use, for each of whose operands there is a word in the
    cycle ahead of that in which it moves to the drivers, which is the one ahead of ``fire``."""
    count = int(starts[-1]) + 2
    fires = starts[:-1]
    words = _octets(work)[:, _eight(work)]
    load, move = np.zeros((2, count), np.uint8)
    load[fires - 2] = move[fires - 1] = 1
    # A word stays at the port until the next one comes.
    shown = np.clip(np.searchsorted(fires - 2, np.arange(count), side="right") - 1, 0, None)
    return {
        "rst": (np.arange(count) < RESET).astype(np.uint8), "load": load, "move": move,
        "mask": np.repeat((np.arange(2 * BLOCK) < BLOCK)[None], count, axis=0).astype(np.uint8),
        "i": np.unpackbits(words, axis=1, bitorder="little")[shown]}


def check_drivers(trace: Trace, work: Conversions, starts: np.ndarray) -> None:
    """Rows must be driven with their operands."""
    found = np.packbits(trace.outputs["o"][starts[:-1]], axis=1, bitorder="little")
    expected = _octets(work)[:, _eight(work)]
    if (found != expected).any():
        place = int(np.flatnonzero((found != expected).any(axis=1))[0])
        raise Mismatch(f"Rows of conversion {place} must be driven with "
                       f"{expected[place].tolist()}, not {found[place].tolist()}")


def check_times(trace: Trace, starts: np.ndarray) -> None:
    """Conversions must be done when golden says, and at no other time."""
    expected = np.zeros(len(trace.outputs["done"]), np.uint8)
    expected[starts[1:] - 1] = 1
    wrong = np.flatnonzero(trace.outputs["done"][starts[0]:, 0] != expected[starts[0]:])
    if len(wrong):
        cycle = int(wrong[0] + starts[0])
        raise Mismatch(f"done in cycle {cycle} must be {expected[cycle]}, not "
                       f"{1 - expected[cycle]}")


def check_codes(trace: Trace, expected: np.ndarray, starts: np.ndarray) -> None:
    """Codes must be golden's."""
    bits = trace.outputs["code"][starts[1:]].astype(np.int64)
    found = bits @ (1 << np.arange(bits.shape[1], dtype=np.int64))
    found -= bits[:, -1] << bits.shape[1]
    wrong = np.flatnonzero(found != expected)
    if len(wrong):
        raise Mismatch(f"Code of conversion {wrong[0]} must be {expected[wrong[0]]}, not "
                       f"{found[wrong[0]]}")


def _bits(values: np.ndarray, width: int) -> np.ndarray:
    """[values, width], the lowest first."""
    return (values[:, None] >> np.arange(width) & 1).astype(np.uint8)


def _octets(work: Conversions) -> np.ndarray:
    """Operands as rows are driven with them, uint8 [conversions, rows]."""
    return work.operands.astype(np.int16).view(np.uint16).astype(np.uint8)


def _eight(work: Conversions) -> slice:
    first = work.used // 2 // BLOCK * BLOCK
    return slice(first, first + BLOCK)
