# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.asic.ppa.bench import jobs, measure, prepare
from systolith.fpga.asic.ppa.designs import ENGINES, Engine, variants
from systolith.fpga.asic.ppa.networks import Plan
from systolith.fpga.asic.sources import Sources
from systolith.fpga.asic.workloads import seeded
from systolith.gen.cli import create_app
from typer.testing import CliRunner

from .made_up import FAST, RELAXED, SMALL

STA = SMALL[1:]


def test_every_engine_is_measured_at_both_clocks_and_overlapped_at_the_relaxed_one():
    found = jobs((FAST, RELAXED), {})
    for engine in ENGINES:
        own = [job for job in found if job.engine is engine]
        for point in (FAST, RELAXED):
            ways = [way for job in own for way in job.variants
                    if job.point == point and not job.overlapped]
            assert sorted(ways, key=str) == sorted(variants(engine, point), key=str)
        assert [job.point for job in own if job.overlapped] == [RELAXED]
    assert [job.densities for job in found if job.engine.kind == "vdbb"] == [
        (1, 2, 3), (1, 2, 3), (1, 2, 3), ()]


def test_layers_are_measured_on_the_netlist_of_least_energy():
    layers = {"conv": seeded()}
    plans = {"STA": Plan(engine="STA", layers=layers, tiles={"conv": 1}, above=1, cycles=1,
                         sram_nj=None, macs=1)}
    own, = (job for job in jobs((FAST, RELAXED), plans) if job.layers)
    assert (own.engine.name, own.point, own.overlapped, own.above) == ("STA", RELAXED, False, 1)
    assert own.variants == variants(own.engine, RELAXED)[-1:]


@pytest.mark.slow
def test_a_small_comparison_on_gate_equivalents():
    prepared = prepare(Sources(), clocks=[3000.0], engines=STA)
    ended = []
    found = measure(prepared, lambda: ended.append(1), processes=1)
    assert len(ended) == 2
    assert [(each.engine, each.overlapped) for each in found.results] in (
        [("STA", False), ("STA", True)], [("STA", True), ("STA", False)])
    assert found.compared == sum(each.compared for each in found.results) > 0
    assert not found.power and found.unit == "tau" and not found.networks
    in_place, = found.of("STA", found.points[0])
    overlapped, = found.of("STA", found.points[0], overlapped=True)
    assert overlapped.area > in_place.area


def test_a_small_comparison_on_asap7(pdk, networks):
    """A real network too: its energies are of a tile of each layer."""
    small = Engine(name="VDBB", kind="vdbb", a=1, b=8, c=2, spec=(
        "kws-vdbb", "engine.tpe.a=1", "engine.tpe.c=2", "engine.grid.m=8", "engine.grid.n=16"))
    prepared = prepare(
        Sources(liberty=tuple(sorted((pdk / "asap7").glob("*.lib.gz")))), clocks=[1500.0],
        model=networks / "kws_dbb4_ft.tflite", inputs=networks / "kws_public100.npz",
        engines=(small,))
    assert prepared.technology == "asap7" and prepared.power
    found = measure(prepared, processes=1)
    result, = found.of("VDBB", found.points[0])
    assert result.met and 20 < result.area < 45
    assert result.energies["1/8"].timed.total < 0.5 * result.energies["P"].timed.total
    row, = found.networks
    assert row.macs > 2e6 and set(row.sram_nj) == {"0.5", "1", "2"}
    assert 30 < 1e6 * row.array_nj / row.macs < 200  # fJ a MAC


@pytest.mark.parametrize("arguments, sentence", [
    (["--model", "x.tflite"], "--model and --input need each other"),
    (["--tech", "asap7"], "technology asap7 must come with --liberty"),
    (["--tech", "nothing"], "technology must be asap7"),
    (["--clock", "-1"], "Clock period must be positive"),
    (["--liberty", "missing.lib"], "missing.lib")])
def test_faults_are_sentences(arguments, sentence):
    done = CliRunner().invoke(create_app(), ["bench", "ppa", *arguments])
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.replace("│", " ").split())


def test_bench_is_one_group():
    done = CliRunner().invoke(create_app(), ["bench", "--help"])
    assert "ppa" in done.output and "engines" in done.output
