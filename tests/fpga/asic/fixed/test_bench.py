# SPDX-License-Identifier: Apache-2.0
import pytest
import typer
from systolith.fpga.asic.fixed.bench import ENGINES
from systolith.fpga.asic.fixed.commands import register
from systolith.fpga.asic.fixed.plot import draw
from systolith.fpga.asic.fixed.tables import as_dict, notes, tables
from systolith.gen.build import parameters
from systolith.gen.spec import load
from typer.testing import CliRunner

from .made_up import bench, engine

THREE = (engine("sta", 10.0, 0.0, 8.0, 20.0), engine("vdbb", 12.0, 0.0, 9.0, 15.0))


def test_engines_have_as_many_multipliers():
    for changes in ENGINES.values():
        assert parameters(load("tinyml-vdbb", changes)).facts.multipliers == 256


def test_ratio_is_to_the_engine_of_least_energy():
    found = bench(*THREE)
    assert found.energy == pytest.approx(6.0)      # 6000 fJ in 1000 cycles
    assert found.tops_per_watt == pytest.approx(2 * 3000 / 6000)
    assert found.baseline.name == "sta" and found.ratio == pytest.approx(18 / 6)
    assert found.baseline.gated(found.names) == pytest.approx(0.8 * 18)
    assert found.baseline.bare(found.names) == pytest.approx(0.5 * 18)
    assert found.engine_tops_per_watt(found.baseline) == pytest.approx(6000 / 18000)


def test_splits():
    first, second = bench(*THREE).splits(THREE[0])  # none behind b, which runs within c
    assert (first.last, second.last) == ("a", "c")
    assert first.alone == pytest.approx(39.0)
    assert first.fixed == pytest.approx(1.0) and first.rest == pytest.approx(29.0)
    assert first.handoff == pytest.approx(0.32)    # 16 pixels of two words
    # The engine's rest takes as long as a frame, or half as long: then it leaks.
    assert first.waiting == 0.0
    assert second.waiting == pytest.approx(500 * 0.002)
    assert second.total == pytest.approx(6.0 + 0.08 + 21.0 + 1.0)
    assert second.gain == pytest.approx(39.0 / 28.08)
    assert second.front_area == pytest.approx(330.0)


def test_the_front_end_waits_for_a_slow_engine():
    slow = engine("sta", 10.0, 0.0, 8.0, 20.0, 20.0, 20.0)
    split = bench(slow).splits(slow)[0]            # the rest: 2000 cycles, a frame: 1000
    assert split.waiting == pytest.approx(1000 * 100.0 * 1e-6)


def test_tables_and_notes():
    found = bench(*THREE)
    layers, engines, splits = tables(found)
    assert layers.rows[-1]["nj"] == pytest.approx(sum(row["nj"] for row in layers.rows[:-1]))
    assert layers.rows[0]["ratio"] == pytest.approx(10.0)
    assert layers.rows[1]["ratio"] is None
    assert [row["engine"] for row in engines.rows] == ["sta", "vdbb"]
    assert len(splits.rows) == 4
    first, second, *_ = notes(found)
    assert "3.00 times (required 2, goal 4.81): floor held" in first
    assert "2.40 times" in second and "take 1.50 times" in second
    told = as_dict(found)
    assert told["ratio"] == pytest.approx(3.0) and len(told["splits"]) == 4


def test_plot(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg", "c.png"):
        draw(bench(*THREE), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "c.png").stat().st_size > 10_000


@pytest.mark.parametrize("arguments, sentence", [
    ([], "--liberty must be given"),
    (["--tech", "nothing"], "technology must be asap7"),
    (["--liberty", "missing.lib"], "missing.lib")])
def test_faults_are_sentences(arguments, sentence):
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["bench", "fixed", "--network", "x.tflite", "--input", "x.npz",
                                    *arguments])
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.replace("│", " ").split())
