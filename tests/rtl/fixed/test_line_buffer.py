# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from systolith.rtl.fixed.line_buffer import LineBuffer

from ..streams import simulate


@pytest.mark.parametrize("single_port", [False, True])
@pytest.mark.parametrize(("rows", "width"), [(3, 5), (1, 2), (2, 1)])
def test_columns_of_all_rows(rows, width, single_port):
    dut = LineBuffer(rows=rows, width=width, bits=16, single_port=single_port)
    rng = random.Random(1)
    words = [[rng.randrange(1 << 16) for _ in range(width)] for _ in range(rows)]

    async def bench(ctx):
        for row in range(rows):
            for column in range(width):
                ctx.set(dut.write, 1)
                ctx.set(dut.row, row)
                ctx.set(dut.write_column, column)
                ctx.set(dut.i, words[row][column])
                await ctx.tick()
        ctx.set(dut.write, 0)
        for column in [*range(width), 0]:
            ctx.set(dut.read, (1 << rows) - 1)
            ctx.set(dut.read_column, column)
            await ctx.tick()
            ctx.set(dut.read, 0)
            ctx.set(dut.read_column, 0)
            for _ in range(2):  # it holds
                assert [ctx.get(dut.o[row]) for row in range(rows)] == [
                    line[column] for line in words]
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize("single_port", [False, True])
def test_a_row_is_written_while_the_others_are_read(single_port):
    dut = LineBuffer(rows=2, width=4, bits=8, single_port=single_port)

    async def bench(ctx):
        for row in (0, 1, 0):
            for column in range(4):
                ctx.set(dut.write, 1)
                ctx.set(dut.row, row)
                ctx.set(dut.write_column, column)
                ctx.set(dut.i, 10 * row + column)
                ctx.set(dut.read, row == 1)  # row 0
                ctx.set(dut.read_column, column)
                await ctx.tick()
                if row == 1:
                    assert ctx.get(dut.o[0]) == column

    simulate(dut, bench)


def test_refusals():
    with pytest.raises(ValueError, match="^Line buffer must have rows and words, not 0 of 3$"):
        LineBuffer(rows=0, width=3, bits=8)
    with pytest.raises(ValueError, match="words must be whole bytes, not 12 bits$"):
        LineBuffer(rows=1, width=3, bits=12)
