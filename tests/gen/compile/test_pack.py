# SPDX-License-Identifier: Apache-2.0
"""Packed weights, taken apart again, are the network's."""

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile.lower import lower
from systolith.gen.compile.pack import engine_weights
from systolith.gen.compile.plan import plan_blocks, weight_density
from systolith.gen.spec import load
from systolith.rtl.facts import Encoding
from systolith.rtl.kinds import KINDS
from systolith.rtl.sequencer.descriptor import Opcode

from ...random_designs import random_network


def _expand(row, columns, nnz):
    """A weight row of a DBB engine as dense blocks [column, 8]."""
    steps = row[:columns * (1 + nnz)].reshape(columns, 1 + nnz)
    block = np.zeros((columns, 8), int)
    for column, (mask, *values) in enumerate(steps):
        places = [bit for bit in range(8) if mask >> bit & 1]
        assert len(places) <= nnz and not any(values[len(places):])
        block[column, places] = np.array(values, np.uint8).view(np.int8)[:len(places)]
    return block


def _expand_pairs(row, columns):
    """A weight row of values and positions as dense blocks [column, 8]."""
    bits = np.unpackbits(row, bitorder="little")[:11 * columns].reshape(columns, 11)
    block = np.zeros((columns, 8), int)
    values = np.packbits(bits[:, :8], axis=1, bitorder="little").view(np.int8)[:, 0]
    block[np.arange(columns), bits[:, 8:] @ [1, 2, 4]] = values
    return block


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_rows_hold_every_weight(kind, seed):
    p = parameters(load("demo", [f"engine.kind={kind}", "postproc.lanes=8"]))
    facts = p.facts
    network = random_network(np.random.default_rng(seed))
    for layer in lower(network).layers:
        if layer.opcode is not Opcode.MATRIX:
            continue
        rows = iter(engine_weights(layer, p))
        outputs, kh, kw, channels = layer.weights.shape
        blocks = -(-channels // 8)
        plan = plan_blocks(layer, facts)
        full, last = plan.passes
        assert facts.compressed or full == min(-(-channels // facts.depth), 8 // facts.depth)
        if facts.compressed and not plan.split:
            assert full == -(-weight_density(layer) // facts.nnz)
        for tile in range(-(-outputs // facts.columns)):
            expected = np.zeros((facts.columns, kh, kw, 8 * blocks), int)
            part = layer.weights[tile * facts.columns:(tile + 1) * facts.columns]
            expected[:len(part), ..., :channels] = part
            for block in range(blocks):
                for ky in range(kh):
                    for kx in range(kw):
                        found = np.zeros((facts.columns, 8), int)
                        for step in range(last if block == blocks - 1 else full):
                            row = next(rows)
                            if facts.encoding is Encoding.INDEX:
                                found += _expand_pairs(row, facts.columns)
                            elif facts.encoding in (Encoding.MASK, Encoding.HELD):
                                found += _expand(row, facts.columns, facts.nnz)
                            else:
                                depth = facts.depth
                                found[:, step * depth:(step + 1) * depth] = row[
                                    :facts.columns * depth].view(np.int8).reshape(-1, depth)
                        np.testing.assert_array_equal(
                            found, expected[:, ky, kx, 8 * block:8 * block + 8])
        assert next(rows, None) is None
