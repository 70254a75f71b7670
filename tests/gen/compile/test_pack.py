# SPDX-License-Identifier: Apache-2.0
"""Packed weights, taken apart again, are the network's."""

import numpy as np
import pytest
from systolith.gen.build import parameters
from systolith.gen.compile.lower import lower
from systolith.gen.compile.pack import engine_weights
from systolith.gen.compile.plan import plan_blocks
from systolith.gen.spec import load
from systolith.rtl.facts import Encoding
from systolith.rtl.kinds import KINDS
from systolith.rtl.sequencer.descriptor import Opcode

from ...random_designs import random_network, thinned


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
    rng = np.random.default_rng(seed)
    network = thinned(rng, random_network(rng))
    for layer in lower(network).layers:
        if layer.opcode is not Opcode.MATRIX:
            continue
        plan = plan_blocks(layer, facts)
        rows = iter(engine_weights(layer, plan, p))
        outputs, kh, kw, channels = layer.weights.shape
        blocks = -(-channels // 8)
        for tile, issued in enumerate(plan.tiles):
            expected = np.zeros((facts.columns, kh, kw, 8 * blocks), int)
            part = layer.weights[tile * facts.columns:(tile + 1) * facts.columns]
            expected[:len(part), ..., :channels] = part
            for entry in issued:
                found = np.zeros((facts.columns, 8), int)
                for step in range(entry.passes):
                    row = next(rows)
                    if facts.encoding is Encoding.INDEX:
                        found += _expand_pairs(row, facts.columns)
                    elif facts.encoding in (Encoding.MASK, Encoding.HELD):
                        found += _expand(row, facts.columns, facts.nnz)
                    else:
                        depth = facts.depth
                        found[:, step * depth:(step + 1) * depth] = row[
                            :facts.columns * depth].view(np.int8).reshape(-1, depth)
                own = expected[:, entry.ky, entry.kx, 8 * entry.block:8 * entry.block + 8]
                np.testing.assert_array_equal(found, own)
                own[:] = 0
            assert not expected.any()  # what is not issued is zero
        assert next(rows, None) is None
