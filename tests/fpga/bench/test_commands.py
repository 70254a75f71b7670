# SPDX-License-Identifier: Apache-2.0
import json
from importlib.metadata import EntryPoint

import pytest
import typer
from systolith.fpga.bench import bench, measure
from systolith.fpga.bench.arrays import ARRAYS, measure_arrays
from systolith.fpga.bench.commands import register
from systolith.fpga.fabric.tools import ToolFault
from typer.testing import CliRunner

from .canned import ROUTED, area


@pytest.fixture
def no_tools(monkeypatch):
    """Nothing is synthesised or routed."""
    monkeypatch.setattr(measure, "measure", lambda *_, **__: ROUTED)
    monkeypatch.setattr(bench, "measure_arrays",
                        lambda *_, **__: measure_arrays(ARRAYS[:1], area=area))
    monkeypatch.setattr(bench, "measure_pairs", lambda *_, **__: [])


def call(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["bench", "fpga", *map(str, arguments)])


def test_entry_point_names_the_command():
    assert EntryPoint("boards", "systolith.fpga.bench.commands:register",
                      "systolith.commands").load() is register


@pytest.mark.parametrize("arguments, sentence", [
    (["--spec", "demo"], "--spec demo must name a board"),
    (["--spec", "nospec@ulx3s"], "nospec: no such spec"),
    (["--arrays", "--spec", "demo-ulx3s"], "--arrays must come without --spec and --model"),
    (["--spec", "demo-ulx3s", "--model", "missing.tflite"], "missing.tflite: No such file"),
    (["--spec", "demo-ulx3s", "--model", __file__], "test_commands.py"),
])
def test_bad_input_is_one_sentence(arguments, sentence):
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_tables_data_and_pictures(no_tools, tmp_path):
    folder = tmp_path / "found"
    result = call("--spec", "kws-ulx3s", "-o", folder)
    assert result.exit_code == 0, result.output
    assert "0.755 (20,000 cycles)" in result.output and "fpgaConvNet, XC7Z020" in result.output
    assert {"fpga.json", "fpga.png", "fpga.svg"} <= {each.name for each in folder.iterdir()}
    told = json.loads(call("--spec", "kws-ulx3s", "--json").stdout)
    assert told == json.loads((folder / "fpga.json").read_text())
    assert len(told["arrays"]) == 1


def test_parts_of_the_comparison(no_tools):
    told = json.loads(call("--arrays", "--json").stdout)
    assert told["arrays"] and not told["specs"]
    told = json.loads(call("--no-arrays", "--spec", "kws-ulx3s", "--json").stdout)
    assert told["specs"] and not told["arrays"]


def test_a_tool_that_breaks_down_leaves_nothing(monkeypatch, tmp_path):
    def broken(*_, **__):
        raise ToolFault("yosys must accept the design, but said: no")

    monkeypatch.setattr(measure, "measure", broken)
    result = call("--spec", "kws-ulx3s", "-o", tmp_path / "found")
    assert result.exit_code == 1
    assert "yosys must accept the design" in result.output
    assert not (tmp_path / "found").exists()
