# SPDX-License-Identifier: Apache-2.0
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from systolith.rtl.constants.bit_heap import Bit, BitHeap, Row, Table, compress

from .evaluation import bit_of, row_of

WIDTH = 9
BITS = st.builds(Bit, st.integers(0, 3), st.integers(0, 7), st.booleans())


def value_of(heap, values):
    return heap.constant + sum(bit_of(values, bit) << column
                               for column, bits in heap.columns.items() for bit in bits)


@st.composite
def heaps(draw):
    heap = BitHeap(draw(st.integers(1, WIDTH)), draw(st.integers(-2000, 2000)))
    for column, bits in draw(st.dictionaries(st.integers(0, heap.width - 1),
                                             st.lists(BITS, max_size=14))).items():
        heap.columns[column] += bits
    return heap


@settings(max_examples=120, deadline=None)
@given(heaps(), st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), min_size=1,
                         max_size=4))
def test_the_sum_stays(heap, inputs):
    rows, bits = compress(heap, [0] * 4)
    assert len(bits) == heap.width
    for values in inputs:
        expected = value_of(heap, values) % (1 << heap.width)
        known = list(values)
        for row in rows:
            known.append(row_of(known, row))
        assert sum(bit_of(known, bit) << column for column, bit in enumerate(bits)) == expected


@settings(max_examples=40, deadline=None)
@given(heaps(), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_a_row_is_a_level_above_all_that_it_adds(heap, levels):
    known = list(levels)
    for row in compress(heap, levels)[0]:
        assert all(known[bit.source] < row.level for bit in row.bits)
        known.append(row.level)


def test_what_is_subtracted_is_added_inverted():
    rng = random.Random(0)
    for _ in range(50):
        heap = BitHeap(WIDTH)
        value, shift, constant = rng.randrange(256), rng.randrange(5), rng.randrange(-99, 99)
        heap.add(((index, Bit(0, index)) for index in range(8)), constant, shift, True)
        assert (value_of(heap, [value]) + (value + constant << shift)) % (1 << WIDTH) == 0


def test_bits_of_many_rows_leave_faster_than_by_additions():
    heap = BitHeap(16, 0, {column: [Bit(column, index) for index in range(12)]
                           for column in range(12)})
    rows, _ = compress(heap, [0] * 12)
    gone = 12 * 12 - 16
    assert sum(row.size for row in rows) <= gone / 1.45
    assert max(row.level for row in rows) <= 6


def test_two_numbers_take_a_table_where_both_have_bits():
    heap = BitHeap(12)
    heap.add(((index, Bit(0, index)) for index in range(8)), 0, 0, False)
    heap.add(((index, Bit(1, index)) for index in range(8)), 0, 3, True)
    heap.constant = 0
    row, = compress(heap, [0, 0])[0]
    assert row.size == 5 + 3  # three bits of what is subtracted stand above


def test_tables_count_what_is_there():
    table = Table(0, 3, 1, ((Bit(0, 0), 1), (Bit(0, 1, True), 2), (Bit(0, 0), 2)))
    assert table.variables == (Bit(0, 0), Bit(0, 1))
    assert table.totals == (3, 6, 1, 4)


def test_a_bit_by_itself_needs_no_table():
    row = Row(3, 1, 0, (None, Bit(0, 2), None),
              (Table(0, 1, 0, ((Bit(0, 0), 1),)), Table(2, 1, 0, ((Bit(0, 1, True), 1),))))
    assert row.size == 1
