# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.bench import measure as measuring
from systolith.fpga.bench.choices import Choice
from systolith.fpga.bench.measure import HIGHEST_MHZ, measure, part_clocks
from systolith.fpga.bench.store import Store
from systolith.fpga.boards.board import BOARDS
from systolith.fpga.boards.flow import Design
from systolith.fpga.boards.top import SHELL, TOP, BoardTop
from systolith.gen.spec import load

from ..boards.shells import echo
from ..fabric.parts import Parity
from ..fabric.test_yosys import products
from .canned import ROUTED, SYNTHESISED, UNFIT

DEMO = load("kws-a7-35t")


def test_clock_is_the_routed_median_or_the_slowest_part_below_the_limit():
    assert ROUTED.clock == 26.5
    assert SYNTHESISED.clock == 100.0
    assert replace(SYNTHESISED, parts={"TPE": (190.0, 200.0, 210.0)}).clock == HIGHEST_MHZ == 150
    assert UNFIT.clock is None


@pytest.fixture
def small(monkeypatch):
    """Every design is small: on a board that nextpnr knows a shell, else products."""
    def design(board, spec, *, quiet):
        if not board.routable:
            return Design({"core.v": products(2)}, "products", 25.0)
        return Design({"shell.v": echo(SHELL), "top.v": BoardTop(board, None).verilog()}, TOP,
                      board.pads.clock_mhz)

    monkeypatch.setattr(measuring, "design_of", design)


def test_every_seed_is_routed_and_kept(small, monkeypatch, tmp_path):
    choice, store = Choice(DEMO, BOARDS["icebreaker"]), Store(tmp_path)
    first = measure(choice, [], (1,), store, quiet=True)
    row = measure(choice, [], (1, 2), store, quiet=True)  # synthesised again for the second seed
    assert row.fmax[:1] == first.fmax and row.fmax[1] != row.fmax[0]
    assert row.usage["dsp"] == 1 and row.usage["logic"] > 0
    for name in ("synthesise_only", "place_and_route"):
        monkeypatch.setattr(measuring, name, None)  # all is kept
    assert measure(choice, [], (1, 2), store, quiet=True) == row
    with pytest.raises(TypeError):
        measure(choice, [], (1, 2, 3), store, quiet=True)


def test_what_is_not_routed_has_the_clock_of_its_parts(small, monkeypatch):
    monkeypatch.setattr(measuring, "part_clocks", lambda *_, **__: {"TPE": (99.0,)})
    row = measure(Choice(DEMO, BOARDS["pynq-z2"]), [], (1,), Store(), quiet=True)
    assert row.fmax == () and row.clock == 99.0 and row.usage["dsp"] == 2


def test_what_does_not_fit_is_a_row_without_figures(small, monkeypatch):
    def unfit(*_, **__):
        raise measuring.Unfit("too large")

    monkeypatch.setattr(measuring, "synthesise_only", unfit)
    row = measure(Choice(DEMO, BOARDS["pynq-z2"]), [], (1,), Store(), quiet=True)
    assert row.unfit == "too large" and row.clock is None


def test_parts_are_routed_once(monkeypatch, tmp_path):
    made = {"parity": lambda: Parity(32, staged=True)}
    monkeypatch.setattr(measuring, "parts_of", lambda spec: made)
    found = part_clocks(DEMO, (1, 2), Store(tmp_path), quiet=True)
    assert len(found["parity"]) == 2 and min(found["parity"]) > 50
    monkeypatch.setattr(measuring, "routed", None)
    assert part_clocks(DEMO, (1, 2), Store(tmp_path), quiet=True) == found


def test_the_compact_core_has_no_such_parts():
    assert part_clocks(load("demo-icebreaker"), (1,), Store(), quiet=True) == {}
