# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import typer
from systolith.fpga.asic.cim.bench import Bench, Run, Tpe, prepare
from systolith.fpga.asic.cim.commands import register
from systolith.fpga.asic.cim.measure import MacroEnergy, measure_macro
from systolith.fpga.asic.cim.operands import conversions
from systolith.fpga.asic.cim.tables import as_dict, notes, tables
from systolith.fpga.asic.energy import Energy, Measurement
from systolith.fpga.asic.sources import Sources
from systolith.rtl.cim.contract import MacroParameters
from typer.testing import CliRunner

from .elements import cells, macro, matrices


def tpe(energy=80.0):
    return Tpe(area=1600.0, period=900.0, macs_a_cycle=32.0,
               energy=Measurement(Energy(20.0, 10.0, energy - 30.0, 0.0),
                                  Energy(20.0, 10.0, energy - 40.0, 0.0), 800.0),
               weights=20.0, compared=7)


def bench(*, clock=1000.0):
    column = Energy(10.0, 5.0, 34.0, 1.0)
    found = {(8, 8): MacroEnergy(column=column, glitches=8.0, shared=5.0, drivers=5.0,
                                 storage=40.0, cycles=66.0, compared=4),
             (4, 4): MacroEnergy(column=column.per(5.0), glitches=2.0, shared=1.0, drivers=1.0,
                                 storage=8.0, cycles=18.0, compared=4)}
    return Bench(
        model="net", technology="asap7", library="lib", macros="a table", clock_ps=clock,
        blocks=macro(), weight_memory=500.0,
        runs=[Run(layer="a", rows=20, used=20, zeros=0.4, tpe=tpe(), macro=found)])


def test_equal_throughput():
    found = bench()
    assert found.macs_a_cycle == pytest.approx(8 * 24 / 66)
    assert found.tpe_area(tpe()) == pytest.approx(8 * 24 / 66 * 50 + 500)


def test_the_clock_is_met_by_all():
    found = bench(clock=max(bench().periods.values()))
    assert found.met and not replace(found, clock_ps=found.clock_ps - 1).met


def test_tables_and_notes():
    found = bench()
    areas, throughput, energies = tables(found)
    assert areas.rows[-1]["um2"] == pytest.approx(found.blocks.area)
    assert areas.rows[-1]["um2_a_weight"] == pytest.approx(found.blocks.area / 48)
    assert areas.rows[-1]["um2_a_mac_a_cycle"] == pytest.approx(found.blocks.area * 66 / 24)
    for row in throughput.rows:
        assert row["all_um2"] == pytest.approx(row["logic_um2"] + row["weights_um2"])
    eight, four, other = energies.rows
    assert (eight["all"], eight["memory_half"], eight["memory_twice"]) == (100.0, 80.0, 140.0)
    assert eight["vdbb_over_it"] == pytest.approx(1.0) == other["vdbb_over_it"]
    assert four["vdbb_over_it"] == pytest.approx(5.0)
    told = list(notes(found))
    assert told[1] == ("8 codes of the macro's netlists, their cycles, and 7 sums of the TPE's "
                       "equal golden")
    assert told[2] == ("a: 20 of its 20 rows on the array's 24, 40% of operands zero; vdbb takes "
                       "8.00 steps a block")
    assert "a memory of 16 words of 24 bits, of flip-flops" in told[3]
    document = as_dict(found)
    assert [each["total"] for each in document["runs"][0]["macro"]] == [100.0, 20.0]
    assert document["runs"][0]["tpe"]["total"] == 100.0


def test_fewer_bits_take_less():
    eight, four = (measure_macro(macro(), conversions(
        matrices(), rows=24, code_bits=20, activation_bits=bits, weight_bits=bits, pixels=4,
        channels=2), cells()) for bits in (8, 4))
    assert four.cycles / eight.cycles == pytest.approx(18 / 66)
    assert four.storage == pytest.approx(eight.storage / 2)
    assert four.total() < 0.4 * eight.total()


def test_operands_of_a_network(networks, pdk):
    task = prepare(
        Sources(liberty=tuple(sorted((pdk / "asap7").glob("*.lib.gz")))),
        networks / "kws_dbb4_ft.tflite", networks / "kws_public100.npz",
        MacroParameters(macro="digital", rows=64, columns=32, mux=4))
    (name, work), = task.layers.items()
    assert int(work.sizes.sum()) == 64 and work.density == 4 and not work.signed
    # 32 columns of weights at a time, four of a block, for 16 rows of pixels.
    assert 3.0 < task.weights[name] < 30.0
    with pytest.raises(ValueError, match="^--layer must be .*, not 'nothing'$"):
        prepare(Sources(liberty=tuple(sorted((pdk / "asap7").glob("*.lib.gz")))),
                networks / "kws_dbb4_ft.tflite", networks / "kws_public100.npz", task.p,
                layers=["nothing"])


@pytest.mark.parametrize("arguments, sentence", [
    ([], "--liberty must be given"),
    (["--bits", "9x8"], "--bits must be AxW, both 1 ... 8, as in 8x8, not '9x8'"),
    (["--rows", "20"], "Macro's rows must be a multiple of 8 from 8 to 4096, not 20"),
    (["--liberty", "missing.lib"], "missing.lib")])
def test_faults_are_sentences(arguments, sentence):
    app = typer.Typer()
    register(app)
    app.command("other")(lambda: None)
    done = CliRunner().invoke(app, ["bench", "cim", "--network", "x.tflite", "--input", "x.npz",
                                    *arguments])
    assert done.exit_code == 2
    assert sentence in " ".join(done.output.replace("│", " ").split())
