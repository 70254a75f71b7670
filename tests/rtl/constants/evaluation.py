# SPDX-License-Identifier: Apache-2.0
"""Rows in Python."""

from systolith.rtl.constants.bit_heap import INPUTS, Bit


def bit_of(values, bit):
    """A bit of the sources' ``values``, or the constant."""
    if not isinstance(bit, Bit):
        return bit
    return (values[bit.source] >> bit.index & 1) ^ bit.inverted


def row_of(values, row):
    """The value of ``row``, whose form is checked too."""
    total = bit_of(values, row.carry)
    for position, bit in enumerate(row.direct):
        if bit is not None:
            assert not bit.inverted
            total += bit_of(values, bit) << position
    occupied = set()
    for table in row.tables:
        positions = set(range(table.position, table.position + table.size))
        assert not positions & occupied
        occupied |= positions
        assert len(table.variables) <= INPUTS
        assert max(table.totals) < 1 << table.size
        number = sum(bit_of(values, each) << place for place, each in enumerate(table.variables))
        counted = table.constant + sum(weight * bit_of(values, bit) for bit, weight in table.bits)
        assert counted == table.totals[number]
        total += counted << table.position
    return total & (1 << row.width) - 1
