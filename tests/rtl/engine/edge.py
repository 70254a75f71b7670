# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What lies at the edge of an engine: operands as words, step by step, and what must come out."""

import itertools
import re

import numpy as np
from amaranth import Module
from systolith.golden.dbb import encode
from systolith.rtl.engine.decompressor import Decompressor
from systolith.rtl.engine.systolic import SystolicEngine
from systolith.rtl.facts import Encoding
from systolith.rtl.kinds import facts_of
from systolith.rtl.parameters import EngineParameters

__all__ = ["SHAPES", "build", "edge_words", "octets", "product", "streamed", "weight_words",
           "word"]

SHAPES = {
    "sa": {"a": 1, "b": 1, "c": 1, "m": 4, "n": 3, "nnz": 1},
    "sta": {"a": 2, "b": 4, "c": 2, "m": 2, "n": 3, "nnz": 4},
    "sta-tall": {"a": 1, "b": 2, "c": 4, "m": 9, "n": 1, "nnz": 2},
    "sta-dbb": {"a": 2, "b": 8, "c": 2, "m": 3, "n": 2, "nnz": 3},
    "sta-dbb-dense": {"a": 4, "b": 8, "c": 1, "m": 1, "n": 2, "nnz": 8},
    "vdbb": {"a": 2, "b": 8, "c": 2, "m": 3, "n": 2, "nnz": 8},
    "s2ta-w": {"a": 2, "b": 8, "c": 4, "m": 2, "n": 2, "nnz": 4, "zero_gating": True},
    "s2ta-aw": {"a": 4, "b": 8, "c": 2, "m": 2, "n": 3, "nnz": 4},
    "s2ta-aw-gated": {"a": 2, "b": 8, "c": 2, "m": 3, "n": 2, "nnz": 3, "zero_gating": True},
    "sta-dbb-inplace": {"a": 2, "b": 8, "c": 2, "m": 3, "n": 2, "nnz": 3, "overlapped": False,
                        "zero_gating": True},
    "vdbb-inplace": {"a": 2, "b": 8, "c": 2, "m": 2, "n": 2, "nnz": 8, "overlapped": False},
    "s2ta-aw-inplace": {"a": 4, "b": 8, "c": 2, "m": 2, "n": 3, "nnz": 4, "overlapped": False},
    "sa-gated": {"a": 1, "b": 1, "c": 1, "m": 4, "n": 3, "nnz": 1, "zero_gating": True},
    "sta-dbb-gated": {"a": 2, "b": 8, "c": 2, "m": 3, "n": 2, "nnz": 3, "zero_gating": True},
}


def build(shape, accumulator_bits=32):
    kind = re.sub("-(tall|dense|gated|inplace)$", "", shape)
    parameters = EngineParameters(kind=kind, accumulator_bits=accumulator_bits, **SHAPES[shape])
    facts = facts_of(parameters)
    m = Module()
    m.submodules.engine = engine = SystolicEngine(facts)
    m.submodules.decompressor = decompressor = Decompressor(facts)
    m.d.comb += engine.i_weights.eq(decompressor.o)
    return m, engine, decompressor, facts


def octets(rng, shape):
    drawn = rng.integers(-128, 128, shape)
    return np.where(rng.random(shape) < 0.4, rng.choice([-128, -127, 0, 127], shape),
                    drawn).astype(np.int8)


def word(values):
    return sum((int(v) & 0xFF) << 8 * k for k, v in enumerate(values))


def weight_words(facts, weights):
    """Every column's word, for each step that the block [columns, depth] takes."""
    if facts.encoding is Encoding.DENSE:
        return [[word(column) for column in weights]]
    if facts.encoding in (Encoding.MASK, Encoding.HELD):
        values, masks = encode(weights, facts.nnz)
        return [[int(mask) | word(column) << 8
                 for column, mask in zip(values, masks, strict=True)]]
    return streamed(weights)


def streamed(blocks):
    """Non-zeros of every block with their positions, one a step; at least one step."""
    pairs = [[(int(block[k]) & 0xFF) | k << 8 for k in np.flatnonzero(block).tolist()]
             for block in blocks]
    count = max(1, *map(len, pairs))
    return [[block[step] if step < len(block) else 0 for block in pairs]
            for step in range(count)]


def edge_words(facts, activations, weights):
    """Words of all rows and of all columns, for each array step of a block; None where the other
    side streams by what is held."""
    words = weight_words(facts, weights)
    rows = (streamed(activations) if facts.holds_weights
            else [[word(row) for row in activations]])
    return list(itertools.zip_longest(rows, words))


def product(activations, weights, signed, bits):
    x = (activations if signed else activations.view(np.uint8)).reshape(len(activations), -1)
    sums = x.astype(np.int64) @ weights.reshape(len(weights), -1).astype(np.int64).T
    half = 1 << bits - 1
    return (sums + half) % (2 * half) - half
