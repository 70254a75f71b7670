# SPDX-License-Identifier: Apache-2.0
import json
from importlib.metadata import EntryPoint

import pytest
import typer
from systolith.fpga.asic import chip
from systolith.fpga.asic.blocks import Block
from systolith.fpga.asic.netlist import Instance, Netlist
from systolith.fpga.commands import register
from systolith.gen.cli.directory import MARKER
from typer.testing import CliRunner

INVERTER = Netlist("inverter", 4, [Instance("i", "INV", {"A": 2, "Y": 3})], {"a": [2]},
                   {"y": [3]})


@pytest.fixture
def no_synthesis(monkeypatch):
    """Every block is one inverter."""
    def made(jobs, cache=None, done=None):
        for job in jobs:
            done(job.module)
        return {job.module: Block(INVERTER, 2.0, 7.0, "a -> y") for job in jobs}

    monkeypatch.setattr(chip, "synthesise_blocks", made)


def call(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return CliRunner().invoke(app, ["synth", *map(str, arguments)])


def test_entry_point_names_the_commands():
    entry = EntryPoint("flows", "systolith.fpga.commands:register", "systolith.commands")
    assert entry.load() is register


@pytest.mark.parametrize("arguments, sentence", [
    (["nospec"], "nospec: no such spec"),
    (["demo", "--target", "fpga"], "--target must be one of asic, ecp5, ice40, gowin, xc7, not"),
    (["demo", "--liberty", "missing.lib"], "missing.lib: No such file or directory"),
    (["demo", "--tech", "asap7"], "technology asap7 must come with --liberty FILE"),
    (["demo", "--tech", "tsmc"], "technology must be asap7, gates, osu018, sg13g2 or a"),
    (["demo", "--macros", "none"], "none: no such macro map"),
    (["demo", "--input", "x.npz"], "--input needs --model"),
    (["demo", "--model", "x.tflite"], "--model needs --liberty and --macros: gate equivalents"),
    (["demo", "--set", "engine.grid.m=0"], "engine.grid.m"),
])
def test_bad_input_is_one_sentence(arguments, sentence):
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_library_that_is_none(tmp_path):
    (tmp_path / "a.lib").write_text("this is no library")
    result = call("demo", "--liberty", tmp_path / "a.lib")
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1


def test_library_without_the_technologys_cells(tmp_path):
    (tmp_path / "a.lib").write_text(
        'library (few) { time_unit : "1ns"; capacitive_load_unit (1, pf); voltage_unit : "1V"; '
        'nom_voltage : 1.0; cell (INV) { area : 1; '
        'pin (A) { direction : input; capacitance : 0.1; } '
        'pin (Y) { direction : output; function : "!A"; } } }')
    for more in ([], ["--tech", "sg13g2"]):
        result = call("demo", "--liberty", tmp_path / "a.lib", *more)
        assert result.exit_code == 2, result.output
        assert "library few must" in result.output


def test_table_counts_every_instance(no_synthesis, tmp_path):
    result = call("demo", "--json", "-o", tmp_path / "out", "--macros", "asap7")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told == json.loads((tmp_path / "out" / "area.json").read_text())
    logic = [row for row in told["rows"] if row["part"] != "memories"]
    assert all(row["each"] == 2.0 and row["total"] == 2.0 * row["instances"] for row in logic)
    memories = sum(row["total"] for row in told["rows"] if row["part"] == "memories")
    assert told["total"] == pytest.approx(memories + sum(row["total"] for row in logic), abs=1)
    assert (told["unit"], told["clock_met"], told["clock_mhz"]) == ("GE", None, None)
    tpe = next(row for row in logic if "tpe" in row["block"])
    assert (tpe["part"], tpe["instances"]) == ("engine", 4)
    written = {item.name for item in (tmp_path / "out").iterdir()}
    assert written == {"area.json", "timing.txt", "synthesis.log", "netlists", MARKER}
    netlists = list((tmp_path / "out" / "netlists").iterdir())
    assert len(netlists) == len({row["block"] for row in logic})


def test_folder_of_another_is_kept(no_synthesis, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = call("demo", "-o", tmp_path)
    assert result.exit_code == 2
    assert [item.name for item in tmp_path.iterdir()] == ["mine.txt"]


def test_table_for_people(no_synthesis):
    result = call("demo")
    assert result.exit_code == 0, result.output
    for text in ("area in GE, critical path in tau", "vector unit", "by part",
                 "memories: no macros, no area (--macros)"):
        assert text in result.output
