# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from systolith.fpga.bench.bench import Bench
from systolith.fpga.bench.tables import labels, notes, tables

from .canned import BENCH, ROUTED


def found(bench=BENCH):
    return {table.title.partition(":")[0].partition(",")[0]: table.rows
            for table in tables(bench)}


def test_resources_are_used_of_available():
    routed, synthesised, unfit = found()["Resources and clock"]
    assert routed["LUT"] == "40,000 of 83,640" and routed["DSP"] == "156 of 156"
    assert routed["Fmax MHz"] == "26.5 (25.0-40.0)" and routed["clock"] == "26.5 routed"
    assert synthesised["BRAM"] == "1.5 of 140" and synthesised["clock"] == "100.0 of parts"
    assert unfit["clock"] == "does not fit"


def test_times_stand_beside_the_peers():
    rows = {row["on"]: row for row in found()["Milliseconds an inference"]}
    assert rows["kws-ulx3s, ulx3s (LFE5U-85F)"]["KWS"] == "0.755 (20,000 cycles)"
    assert rows["kws-ulx3s, ulx3s (LFE5U-85F)"]["AD"].startswith("does not fit: weights need")
    assert rows["demo, icebreaker (iCE40UP5K)"]["KWS"] == "20,000 cycles"
    assert rows["fpgaConvNet, XC7Z020"] == {"on": "fpgaConvNet, XC7Z020", "KWS": "0.324",
                                            "AD": ""}
    assert rows["CFU-Playground, XC7A35T"]["KWS"] == "98"


def test_arrays_stand_beside_the_tile():
    rows = found()["A dense array's multiply-accumulate on 7-series"]
    assert rows[0]["LUT / MAC"] == "10.0" and rows[0]["DSP / MAC"] == "1.00"
    assert rows[-1]["LUT / MAC"] == "17.3 (without DSP 179)"
    ratios = found()["Blocks of density 4/8 against dense arrays of equal throughput"]
    assert {row["ratio"] for row in ratios} == {"0.500"}
    assert {row["products"] for row in ratios} == {"Booth rows", "the synthesiser's"}


def test_only_what_was_measured_is_shown():
    assert list(found(Bench())) == []
    titles = found(Bench(rows=[replace(ROUTED, inferences=())]))
    assert list(titles) == ["Resources and clock"]
    assert labels(BENCH) == ["KWS", "AD"]


def test_notes_tell_what_does_not_fit_and_what_was_not_routed():
    text = "\n".join(notes(BENCH))
    assert "demo does not fit iCE40UP5K" in text
    assert "kws-ulx3s: 7 products are in LUTs" in text
    assert "in place of a route" in text and "MLPerf Tiny v1.1" in text
