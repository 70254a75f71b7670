# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import typer
from systolith.fpga.boards import flow
from systolith.fpga.boards.board import BOARDS
from systolith.fpga.boards.top import SHELL, TOP, BoardTop
from systolith.fpga.commands import register
from systolith.fpga.fabric import tools
from typer.testing import CliRunner

from ..fabric.test_yosys import products
from .shells import echo


def call(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["synth", *map(str, arguments)])


@pytest.fixture
def small(monkeypatch):
    """Every spec is the small design, on a board its shell."""
    def design(board, spec, **_):
        if board is None or not board.routable:
            return flow.Design({"core.v": products(2)}, "products", 25.0)
        top = BoardTop(board, None).verilog()
        return flow.Design({"shell.v": echo(SHELL), "top.v": top}, TOP, board.pads.clock_mhz)

    monkeypatch.setattr(flow, "design_of", design)


@pytest.mark.parametrize("arguments, sentence", [
    (["kws-a7-35t", "--board", "nexys"], "--board must be one of ulx3s, icebreaker, "),
    (["kws-a7-35t", "--board", "ulx3s"], "--board needs --output DIR, for the bitstream"),
    (["kws-a7-35t", "--target", "virtex"], "--target must be one of asic, ecp5, ice40, gowin, xc7"),
    (["kws-a7-35t", "--target", "ecp5", "--board", "ulx3s"], "must not be given both"),
    (["kws-a7-35t", "--board", "ulx3s", "--clock", "3"], "--clock needs --target asic"),
    (["nospec", "--target", "ecp5"], "nospec: no such spec"),
    (["demo", "--board", "ulx3s", "-o", "x"], "Accelerator of a board must have no DMA"),
    (["kws-a7-35t", "--set", "target.clock_mhz=900", "--board", "ulx3s", "-o", "x"],
     "target.clock_mhz must be a clock that EHXPLLL makes of 25 MHz, not 900"),
    (["kws-a7-35t", "--baud", "12000000", "--board", "ulx3s", "-o", "x"],
     "kws-a7-35t on ulx3s: "),
])
def test_bad_input_is_one_sentence(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_tool_is_told_ahead_of_work(tmp_path, monkeypatch):
    tools.command.cache_clear()
    monkeypatch.setitem(tools.MODULES, "ecppack", ("no_such_package", "run"))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = call("kws-a7-35t", "--board", "ulx3s", "-o", tmp_path / "out")
    tools.command.cache_clear()
    assert result.exit_code == 2
    assert "pip install 'systolith[fpga]'" in result.output


def test_board_to_bitstream(tmp_path, small):
    result = call("kws-a7-35t", "--board", "icebreaker", "-o", tmp_path / "out", "--json",
                  "--set", "target.clock_mhz=12")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told == json.loads((tmp_path / "out" / "report.json").read_text())
    assert told["met"] and told["fmax_mhz"] >= 12 and told["seed"] == 1
    assert told["usage"]["logic"]["available"] == 5280 and told["usage"]["logic"]["used"] > 0
    assert told["load"] == "openFPGALoader -b ice40_generic top.bin"
    assert {"shell.v", "top.v", "top.pcf", "netlist.json", "top.bin", "yosys.log",
            "nextpnr-1.log"} <= {each.name for each in (tmp_path / "out").iterdir()}


def test_a_missed_clock_is_exit_1_and_says_so(tmp_path, small):
    result = call("kws-a7-35t", "--board", "icebreaker", "-o", tmp_path / "out", "--tries", 2,
                  "--seed", 7, "--set", "target.clock_mhz=1000")
    assert result.exit_code == 1, result.output
    assert "clock of 1,000 MHz NOT met" in result.output or "1000 MHz NOT met" in result.output
    assert "(seed 7)" in result.output and "(seed 8)" in result.output
    assert (tmp_path / "out" / "top.bin").exists()


def test_what_does_not_fit_is_one_line_and_its_logs_are_kept(tmp_path, monkeypatch):
    text = products(2).replace("output reg o", "output reg o, output reg [63:0] q").replace(
        "endmodule", "  reg [63:0] store [0:32767];\n  always @(posedge clk) begin "
        "q <= store[a]; if (i) store[a] <= {a, b}; end\nendmodule")
    monkeypatch.setattr(flow, "design_of",
                        lambda *_, **__: flow.Design({"core.v": text}, "products", 25.0))
    result = call("kws-a7-35t", "--target", "gowin", "-o", tmp_path / "out")
    assert result.exit_code == 1
    lines = result.output.strip().splitlines()
    assert len(lines) == 1 and "kws-a7-35t does not fit GW2AR-18: needs " in lines[0]
    assert "18 kbit block RAMs" in lines[0] and lines[0].endswith(f"(logs: {tmp_path / 'out'})")
    assert (tmp_path / "out" / "yosys.log").exists()
    assert "does not fit" in json.loads((tmp_path / "out" / "report.json").read_text())["error"]


def test_a_tool_that_breaks_down_keeps_its_log(tmp_path, small, monkeypatch):
    monkeypatch.setitem(flow.BOARDS, "icebreaker", flow.BOARDS["icebreaker"].__class__(
        **{**vars(BOARDS["icebreaker"]), "nextpnr": ("--no-such-option",)}))
    result = call("kws-a7-35t", "--board", "icebreaker", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "nextpnr-ice40 must place and route the design, but said: " in result.output
    assert (tmp_path / "out" / "nextpnr-1.log").read_text()


@pytest.mark.parametrize("target", flow.TARGETS)
def test_targets_are_synthesised_only(target, small):
    result = call("kws-a7-35t", "--target", target, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["met"] is None and told["family"] == target
    assert told["usage"]["dsp"]["used"] in (1, 2) and told["usage"]["ff"]["used"] > 0


def test_boards_of_vivado_get_its_project(tmp_path, small):
    result = call("kws-a7-35t", "--board", "zybo-z7", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "not routed: figures are of synthesis" in result.output
    assert "in vivado: vivado -mode batch -source build.tcl" in result.output
    assert (tmp_path / "out" / "vivado" / "build.tcl").exists()
