# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.bench.choices import BOARD_OF, choose
from systolith.gen.cli.inputs import InputFault
from systolith.gen.spec import names


def test_every_board_spec_is_compared_unless_some_are_named():
    assert set(BOARD_OF) <= set(names())
    assert [each.spec.name for each in choose([])] == list(BOARD_OF)


def test_a_spec_may_be_put_on_any_board():
    named, = choose(["demo@arty-a7"])
    assert (named.spec.name, named.board.name) == ("demo", "arty-a7")
    own, = choose(["demo-icebreaker"])
    assert own.board.name == "icebreaker"


@pytest.mark.parametrize("name, sentence", [
    ("demo", "--spec demo must name a board: demo@BOARD, of ulx3s,"),
    ("demo@nexys", "--spec demo@nexys must have a board of ulx3s, .*, not 'nexys'"),
])
def test_boards_that_are_none(name, sentence):
    with pytest.raises(InputFault, match=sentence):
        choose([name])
