# SPDX-License-Identifier: Apache-2.0
from systolith.rtl.constants.bit_heap import Bit, BitHeap
from systolith.rtl.constants.tree import tree_of


def test_a_tree_is_the_heap():
    heap = BitHeap(4, -1, {0: [Bit(0, 0), ~Bit(1, 0)], 2: [Bit(2, 0)]})
    tree = tree_of(heap, [0, 3, 1])
    assert tree.columns == ((Bit(0, 0), ~Bit(1, 0)), (), (Bit(2, 0),), ())
    assert tree.constant == 15
    assert tree.level == 4
    assert tree.bits == (Bit(0, 0), ~Bit(1, 0), Bit(2, 0))


def test_an_adder_takes_a_bit_away():
    bits = [Bit(0, index) for index in range(8)]
    assert tree_of(BitHeap(9, 0, {column: bits[:4] for column in range(8)}), [0]).size == 32 - 9
    assert tree_of(BitHeap(9, 0, {0: bits[:1]}), [0]).size == 0
