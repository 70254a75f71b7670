# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.boards.board import BOARDS
from systolith.fpga.boards.implement import Unfit, implement, synthesise_only
from systolith.fpga.boards.top import SHELL, TOP, BoardTop, clock_of
from systolith.fpga.fabric.devices import DEVICES
from systolith.gen.spec import load

from ...further import further
from ..fabric.test_yosys import products
from .shells import echo

SPEC = load("kws-a7-35t")


def build(folder, board, asked, **options):
    board = BOARDS[board]
    clock, setting = clock_of(board, asked)
    (folder / "shell.v").write_text(echo(SHELL))
    (folder / "top.v").write_text(BoardTop(board, setting).verilog())
    return implement(board, SPEC, ["shell.v", "top.v"], TOP, folder, quiet=True,
                     **{"seeds": [1, 2], "clock_mhz": clock} | options)


@pytest.mark.parametrize("board, clock, magic", [
    ("icebreaker", 24, b"\xff\x00\x00\xff\x7e\xaa\x99\x7e"),
    ("tang-nano-20k", 27, b"1111"),
    *further([("ulx3s", 50, b"\xff\x00Part: LFE5U-85F-6CABGA381"), ("tang-nano-9k", 54, b"1111")]),
])
def test_a_design_becomes_a_bitstream_and_the_same_again(tmp_path, board, clock, magic):
    found = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        made = build(folder, board, clock)
        assert made.best.fmax >= clock and len(made.routes) == 1
        assert made.usage["ff"] >= 50 and made.usage["bram"] >= 1 and made.usage["dsp"] > 0
        assert {"nextpnr-1.log", "yosys.log", "pack.log", "netlist.json"} <= {
            each.name for each in folder.iterdir()}
        found.append((folder / made.bitstream).read_bytes())
    assert found[0] == found[1]
    assert found[0].startswith(magic)


@pytest.mark.slow
def test_idle_rows_hold_tiles_and_count_as_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("systolith.fpga.fabric.idle.LEAST", 0)
    made = build(tmp_path, "ulx3s", 50)
    assert made.best.used["TRELLIS_COMB"][0] > DEVICES["LFE5U-85F"].capacity["lut"] / 4
    assert made.usage["lut"] < 1000
    assert made.best.fmax >= 50 and (tmp_path / made.bitstream).stat().st_size > 0


def test_seeds_are_tried_until_the_clock_is_met_and_the_best_is_packed(tmp_path):
    made = build(tmp_path, "icebreaker", 24, clock_mhz=1000.0, seeds=[1, 2, 3])
    assert [each.seed for each in made.routes] == [1, 2, 3]
    assert made.best.fmax == max(each.fmax for each in made.routes) < 1000
    kept = (tmp_path / "top.asc").read_text()
    alone = tmp_path / "alone"
    alone.mkdir()
    build(alone, "icebreaker", 24, clock_mhz=1000.0, seeds=[made.best.seed])
    assert (alone / "top.asc").read_text() == kept
    assert not list(tmp_path.glob("seed-*"))


def test_what_does_not_fit_ends_ahead_of_routing(tmp_path):
    (tmp_path / "a.v").write_text(f"""module a(input clk, input [15:0] i, output reg [15:0] o);
  reg [15:0] store [0:{2 ** 17 - 1}];
  reg [16:0] at;
  always @(posedge clk) begin at <= {{at, i[0]}}; o <= store[at]; if (i[1]) store[at] <= i; end
endmodule""")
    with pytest.raises(Unfit, match=(
            "^kws-a7-35t does not fit GW1NR-9: needs 128 of 26 18 kbit block RAMs, 102 too many")):
        synthesise_only(DEVICES["GW1NR-9"], SPEC, ["a.v"], "a", tmp_path, quiet=True)


def test_dsps_do_not_run_out(tmp_path):
    (tmp_path / "a.v").write_text(products(12))
    made = synthesise_only(DEVICES["iCE40UP5K"], SPEC, ["a.v"], "products", tmp_path, quiet=True)
    assert made.usage["dsp"] == 8 and made.synthesis.soft_products == 4
