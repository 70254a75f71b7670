# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""One TPE against a model of its contract, cycle by cycle."""

import numpy as np
import pytest
from systolith.rtl.facts import Encoding, EngineFacts
from systolith.rtl.pe.tpe import Tpe

from ..streams import simulate

EXTREMES = np.array([0, 1, 0x7F, 0x80, 0x81, 0xFF], np.uint8)


def octets(rng, shape):
    drawn = rng.integers(0, 256, shape).astype(np.uint8)
    return np.where(rng.random(shape) < 0.4, rng.choice(EXTREMES, shape), drawn)


def pack(values, width=8):
    return sum(int(value) << width * index for index, value in enumerate(values))


def pack_weights(values, index, compressed):
    stored = [int(value) & 0xFF for value in values]
    if not compressed:
        return pack(stored)
    return pack([octet | int(k) << 8 for octet, k in zip(stored, index, strict=True)], 11)


def as_operand(octet, signed):
    return octet.astype(np.int8).astype(int) if signed else octet.astype(int)


def check(facts, signed, cycles=80):
    dut = Tpe(facts)
    rng = np.random.default_rng(facts.a * 100 + facts.depth * 10 + facts.nnz + signed)

    async def bench(ctx):
        ctx.set(dut.signed_activations, signed)
        accumulator = np.zeros((facts.a, facts.c), int)
        shadow = np.zeros((facts.a, facts.c), int)
        step = None  # operands and flags in the registers
        passed = [0] * facts.a, [0] * facts.c
        for _ in range(cycles):
            x = octets(rng, (facts.a, facts.depth))
            values = octets(rng, (facts.c, facts.nnz)).astype(np.int8)
            index = (rng.integers(0, facts.reach, (facts.c, facts.nnz)) if facts.compressed
                     else np.zeros((facts.c, facts.nnz), int))
            positions = index + np.arange(facts.nnz)
            valid, first, last, drain = (int(rng.random() < p) for p in (0.7, 0.2, 0.3, 0.4))
            above = rng.integers(-(1 << 31), 1 << 31, facts.c)
            west = [pack(row) for row in x]
            north = [pack_weights(*column, facts.compressed)
                     for column in zip(values, index, strict=True)]
            token = {"valid": valid, "first": first, "last": last}
            ctx.set(dut.west, west)
            ctx.set(dut.north, north)
            ctx.set(dut.token, token)
            ctx.set(dut.drain, drain)
            ctx.set(dut.north_sums, [int(v) for v in above])
            assert list(ctx.get(dut.south_sums)) == shadow[-1].tolist()
            await ctx.tick()

            shifted = np.vstack([above, shadow[:-1]]) if drain else shadow
            if step is not None and step["valid"]:
                products = np.array([[step["x"][a][step["positions"][c]] @ step["values"][c]
                                      for c in range(facts.c)] for a in range(facts.a)])
                accumulator = (0 if step["first"] else accumulator) + products
                if step["last"]:
                    shifted = accumulator
            shadow = shifted
            step = {"x": as_operand(x, signed), "values": values.astype(int),
                    "positions": positions, "valid": valid, "first": first, "last": last}
            if valid:  # otherwise registers rest
                passed = west, north
            assert ([ctx.get(dut.east[a]) for a in range(facts.a)],
                    [ctx.get(dut.south[c]) for c in range(facts.c)]) == passed
            assert ctx.get(dut.east_token.valid) == valid
            assert ctx.get(dut.east_drain) == drain

    simulate(dut, bench)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 4, 2), (1, 8, 3), (4, 2, 1)])
def test_dense(shape, signed):
    a, depth, c = shape
    check(EngineFacts(a=a, c=c, m=1, n=1, depth=depth, nnz=depth,
                      accumulator_bits=32, encoding=Encoding.DENSE), signed)


@pytest.mark.parametrize("signed", [0, 1])
def test_held(signed):
    """A block is held from its ``start`` token; sums come a cycle later than otherwise."""
    facts = EngineFacts(a=2, c=3, m=1, n=1, depth=8, nnz=1, accumulator_bits=32,
                        encoding=Encoding.INDEX)
    dut = Tpe(facts)
    rng = np.random.default_rng(signed)

    async def bench(ctx):
        ctx.set(dut.signed_activations, signed)
        accumulator = np.zeros((facts.a, facts.c), int)
        held = np.zeros((facts.a, 8), np.uint8)
        pipeline = [None, None]  # chosen operands, values, token
        for _ in range(120):
            x = octets(rng, (facts.a, 8))
            values = octets(rng, facts.c).astype(np.int8)
            index = rng.integers(0, 8, facts.c)
            token = {name: int(rng.random() < share) for name, share in
                     (("valid", 0.8), ("first", 0.2), ("last", 0.3), ("start", 0.4))}
            ctx.set(dut.west, [pack(row) for row in x])
            ctx.set(dut.north, [int(v) & 0xFF | int(k) << 8
                                for v, k in zip(values, index, strict=True)])
            ctx.set(dut.token, token)
            await ctx.tick()
            if token["valid"] and token["start"]:
                held = x
            done = pipeline.pop(0)
            pipeline.append((as_operand(held, signed)[:, index], values.astype(int), token))
            if done and done[2]["valid"]:
                operands, weights, flags = done
                accumulator = (0 if flags["first"] else accumulator) + operands * weights
                if flags["last"]:
                    assert list(ctx.get(dut.south_sums)) == accumulator[-1].tolist()
            assert [ctx.get(dut.east[a]) for a in range(facts.a)] == [pack(r) for r in held]
            assert ctx.get(dut.east_token.start) == token["start"]

    simulate(dut, bench)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("nnz", [1, 3, 4, 8])
def test_dbb(nnz, signed):
    check(EngineFacts(a=2, c=2, m=1, n=1, depth=8, nnz=nnz,
                      accumulator_bits=32, encoding=Encoding.MASK), signed)


@pytest.mark.parametrize("zero_gating", [False, True])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("nnz", [1, 3, 4, 8])
def test_held_weights(nnz, signed, zero_gating):
    """Weights are held from their ``start`` token on; activations meet the values at their rank."""
    facts = EngineFacts(a=3, c=2, m=1, n=1, depth=8, nnz=nnz, accumulator_bits=32,
                        encoding=Encoding.HELD, zero_gating=zero_gating)
    dut = Tpe(facts)
    rng = np.random.default_rng(nnz + 10 * signed)

    async def bench(ctx):
        ctx.set(dut.signed_activations, signed)
        accumulator = np.zeros((facts.a, facts.c), int)
        shadow = np.zeros((facts.a, facts.c), int)
        held = [0] * facts.c              # words
        passed = [0] * facts.a
        block = np.zeros((facts.c, 8), int)
        pipeline = [None, None]           # operands, weights at their positions, token
        for _ in range(150):
            x, positions = octets(rng, facts.a), rng.integers(0, 8, facts.a)
            values = octets(rng, (facts.c, nnz)).astype(np.int8)
            places = [sorted(rng.permutation(8)[:rng.integers(0, nnz + 1)])
                      for _ in range(facts.c)]
            token = {name: int(rng.random() < share) for name, share in
                     (("valid", 0.8), ("first", 0.2), ("last", 0.3), ("start", 0.4))}
            drain = int(rng.random() < 0.3)
            above = rng.integers(-(1 << 31), 1 << 31, facts.c)
            west = [int(v) | int(p) << 8 for v, p in zip(x, positions, strict=True)]
            # What a word holds behind its last bit must not matter.
            north = [sum(1 << int(p) for p in mine) | pack(column.view(np.uint8)) << 8
                     for mine, column in zip(places, values, strict=True)]
            ctx.set(dut.west, west)
            ctx.set(dut.north, north)
            ctx.set(dut.token, token)
            ctx.set(dut.drain, drain)
            ctx.set(dut.north_sums, [int(v) for v in above])
            assert list(ctx.get(dut.south_sums)) == shadow[-1].tolist()
            await ctx.tick()
            if token["valid"] and token["start"]:
                held = north
                block = np.zeros((facts.c, 8), int)
                for c, mine in enumerate(places):
                    block[c, mine] = values[c, :len(mine)]
            if drain:
                shadow = np.vstack([above, shadow[:-1]])
            done = pipeline.pop(0)
            pipeline.append((as_operand(x, signed)[:, np.newaxis], block[:, positions].T, token))
            if done and done[2]["valid"]:
                operands, weights, flags = done
                accumulator = (0 if flags["first"] else accumulator) + operands * weights
                if flags["last"]:
                    shadow = accumulator
            if token["valid"]:  # otherwise registers rest
                passed = west
            assert [ctx.get(dut.east[a]) for a in range(facts.a)] == passed
            assert [ctx.get(dut.south[c]) for c in range(facts.c)] == held
            assert {name: ctx.get(dut.east_token[name]) for name in token} == token
            assert ctx.get(dut.east_drain) == drain

    simulate(dut, bench)
