# SPDX-License-Identifier: Apache-2.0
"""Runs tiles through an engine at exact cycles, next to their reference in NumPy."""

from dataclasses import dataclass, field

import numpy as np
from amaranth.sim import Simulator
from systolith.golden.dbb import encode
from systolith.rtl.engine.base import ENGINES
from systolith.rtl.engine.facts import EngineFacts
from systolith.rtl.parameters import EngineParameters

__all__ = ["Tile", "engine", "facts_of", "operand_word", "ref_rows", "rtl_rows", "stored_word"]


@dataclass(kw_only=True)
class Tile:
    """``steps`` of one output tile.

    ``activations`` [steps, rows, depth] as bytes 0 ... 255, ``weights`` int8 [steps, columns,
    depth] (at most nnz non-zeros of a block where the engine is compressed), ``valid`` rows (the
    bottom ones) that are drained. ``bubbles`` [steps]: idle cycles before each step.
    """

    activations: np.ndarray
    weights: np.ndarray
    valid: int
    bubbles: list[int] = field(default_factory=list)


def facts_of(kind: str, *, a=1, b=1, c=1, m=2, n=2, nnz=4, accumulator_bits=32) -> EngineFacts:
    """Facts of an engine of ``kind`` and shape."""
    return ENGINES[kind].facts_of(EngineParameters(
        kind=kind, a=a, b=b, c=c, m=m, n=n, nnz=nnz, accumulator_bits=accumulator_bits))


def engine(kind: str, **shape):
    """An engine of ``kind`` and shape, as ``facts_of``."""
    return ENGINES[kind](facts_of(kind, **shape))


def stored_word(facts: EngineFacts, block: np.ndarray) -> int:
    """A column's weights of a step as they lie in memory: dense bytes, or mask and values."""
    if not facts.compressed:
        return int.from_bytes(block.astype(np.int8).tobytes(), "little")
    values, mask = encode(block, facts.nnz)
    return int(mask) | int.from_bytes(values.tobytes(), "little") << 8


def operand_word(facts: EngineFacts, block: np.ndarray) -> int:
    """The same behind the decompressor: dense bytes, or pairs of value and index."""
    if not facts.compressed:
        return stored_word(facts, block)
    word = 0
    for slot, index in enumerate(np.flatnonzero(block)):
        word |= (int(block[index]) & 0xFF | int(index) << 8) << (11 * slot)
    return word


def ref_rows(facts: EngineFacts, tile: Tile, *, signed: bool) -> list[list[int]]:
    """The drained rows, bottom row first, modulo the accumulator width."""
    x = tile.activations.astype(np.int64)
    if signed:
        x = x - 256 * (x >= 128)
    sums = np.einsum("srd,scd->rc", x, tile.weights.astype(np.int64))
    half = 1 << (facts.accumulator_bits - 1)
    sums = (sums + half) % (2 * half) - half
    return sums[::-1][:tile.valid].tolist()


def step_cycles(tiles: list[Tile], *, beats: int, slack: int = 0) -> list[list[int]]:
    """The cycle of every step of every tile, as close together as contract and bubbles allow.

    ``slack`` is added to the least distance of two tiles' last steps.
    """
    cycle, schedule, earliest = 0, [], 0
    for tile in tiles:
        cycles = []
        bubbles = tile.bubbles or [0] * len(tile.activations)
        for index, idle in enumerate(bubbles):
            cycle += idle
            if index == len(bubbles) - 1:
                cycle = max(cycle, earliest)
            cycles.append(cycle)
            cycle += 1
        schedule.append(cycles)
        earliest = cycles[-1] + tile.valid * beats + slack
    return schedule


def rtl_rows(dut, tiles: list[Tile], *, signed: bool, beats: int = 1, slack: int = 0,
             early: int = 0, seed: int = 0) -> list[list[list[int]]]:
    """The rows of every tile as the engine drains them, one every ``beats`` cycles.

    Operand ports carry noise while no step is valid. ``early``: cycles by which drains come
    sooner, ``slack``: by which tiles come later, than the contract says.
    """
    f: EngineFacts = dut.facts
    schedule = step_cycles(tiles, beats=beats, slack=slack)
    steps, drains, results = {}, {}, {}
    for number, (tile, cycles) in enumerate(zip(tiles, schedule, strict=True)):
        for index, cycle in enumerate(cycles):
            steps[cycle] = (tile, index)
        start = cycles[-1] + f.drain_start - early
        for row in range(tile.valid):
            drains[start + row * beats] = tile.valid - 1 - row
            results[start + row * beats + f.drain_latency] = number
    rows: list[list[list[int]]] = [[] for _ in tiles]
    noise = np.random.default_rng(seed)

    async def bench(ctx):
        ctx.set(dut.signed_activations, signed)
        for cycle in range(max(results) + 1):
            activations, weights, token = noise.bytes(f.rows * f.depth), None, {"valid": 0}
            if cycle in steps:
                tile, index = steps[cycle]
                activations = tile.activations[index].astype(np.uint8).tobytes()
                weights = [operand_word(f, block) for block in tile.weights[index]]
                token = {"valid": 1, "first": index == 0,
                         "last": index == len(tile.activations) - 1}
            else:
                token |= {"first": int(noise.integers(2)), "last": int(noise.integers(2))}
                weights = noise.integers(0, 1 << min(f.operand_bits, 62), f.columns).tolist()
            ctx.set(dut.i_activations.as_value(), int.from_bytes(activations, "little"))
            ctx.set(dut.i_weights.as_value(), sum(
                word << (f.operand_bits * column) for column, word in enumerate(weights)))
            ctx.set(dut.i_token, token)
            ctx.set(dut.i_drain, cycle in drains)
            ctx.set(dut.i_remaining, drains.get(cycle, int(noise.integers(f.rows))))
            if cycle in results:
                rows[results[cycle]].append([ctx.get(dut.o_results[j]) for j in range(f.columns)])
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return rows
