# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from amaranth.sim import Simulator
from systolith.fpga.boards.board import BOARDS
from systolith.fpga.boards.top import RESET_CYCLES, BoardTop, PowerOnReset, clock_of


def test_the_boards_own_clock_needs_no_pll():
    assert clock_of(BOARDS["ulx3s"], 25) == (25, None)
    clock, setting = clock_of(BOARDS["ulx3s"], 50)
    assert clock == 50 and setting.source == 25


@pytest.mark.parametrize("board, clock, cell", [
    ("ulx3s", 50, "EHXPLLL"), ("icebreaker", 24, "SB_PLL40_PAD"), ("tang-nano-9k", 54, "rPLL"),
    ("ulx3s", 25, None)])
def test_verilog_has_ports_pll_and_shell(board, clock, cell):
    board = BOARDS[board]
    text = BoardTop(board, clock_of(board, clock)[1]).verilog()
    assert re.search(r"^module top\((clk|rx|tx|busy|failed)(, (clk|rx|tx|busy|failed)){4}\);",
                     text, re.M)
    assert "systolith_board shell (" in text
    assert (cell is None) or f" {cell} #(" in text
    assert "PLL" in text or cell is None


def test_reset_lasts_ends_and_comes_back():
    reset = PowerOnReset()
    simulator = Simulator(reset)
    simulator.add_clock(1e-6)
    seen = []

    async def bench(ctx):
        for locked, cycles in ((0, 10), (1, RESET_CYCLES + 10), (0, 4)):
            ctx.set(reset.locked, locked)
            for _ in range(cycles):
                await ctx.tick()
                seen.append(ctx.get(reset.reset))

    simulator.add_testbench(bench)
    simulator.run()
    assert seen[:10 + RESET_CYCLES] == [1] * (10 + RESET_CYCLES)
    assert seen[10 + RESET_CYCLES + 5] == 0
    assert seen[-1] == 1
