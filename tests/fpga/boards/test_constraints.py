# SPDX-License-Identifier: Apache-2.0
import re

import pytest
from systolith.fpga.boards.board import BOARDS, PINS
from systolith.fpga.boards.constraints import constraints


@pytest.mark.parametrize("board, name, lines", [
    ("ulx3s", "top.lpf", ['LOCATE COMP "clk" SITE "G2";', 'IOBUF PORT "tx" IO_TYPE=LVCMOS33;',
                          'FREQUENCY PORT "clk" 25 MHZ;']),
    ("icebreaker", "top.pcf", ["set_io clk 35", "set_io rx 6", "set_frequency clk 12"]),
    ("tang-nano-20k", "top.cst", ['IO_LOC "clk" 4;', 'IO_LOC "tx" 69;', 'IO_LOC "rx" 70;',
                                  'IO_PORT "busy" IO_TYPE=LVCMOS33;']),
])
def test_words_of_a_family(board, name, lines):
    found, text = constraints(BOARDS[board])
    assert found == name
    assert set(lines) <= set(text.splitlines())


def test_every_port_has_its_pin():
    for board in BOARDS.values():
        if board.routable:
            _, text = constraints(board)
            for port in PINS:
                site = board.pads.pins[port].site
                assert re.search(rf'{port}"? (SITE )?"?{site}\b', text)
