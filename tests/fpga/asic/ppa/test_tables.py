# SPDX-License-Identifier: Apache-2.0
from systolith.fpga.asic.ppa.tables import notes, tables

from .made_up import FAST, RELAXED, bench, network, result


def full():
    return bench(
        [result("SA", point, 45.0, 100.0, overlapped=overlapped)
         for point in (FAST, RELAXED) for overlapped in (False, True)]
        + [result("STA-DBB", FAST, 18.0, 50.0, met=False), result("STA-DBB", RELAXED, 15.0, 50.0),
           result("VDBB", RELAXED, 25.0, 60.0, **{"1/8": 20.0, "2/8": 32.0})],
        networks=[network("SA-ZVCG", 300.0, 100.0), network("S2TA-AW", 100.0, 60.0)],
        macros="scaled")


def by_title(made):
    return {table.title: table.rows for table in tables(made)}


def test_rows_of_a_table_have_equal_headings():
    found = by_title(full())
    assert len(found) == 12
    for rows in found.values():
        assert rows and {tuple(row) for row in rows} == {tuple(rows[0])}
        assert all(isinstance(value, str) for row in rows for value in row.values())


def test_areas_stand_beside_the_paper_s():
    rows = by_title(full())["Area, read-out in place"]
    assert [row["SA / it"] for row in rows if row["engine"] == "STA-DBB"] == [
        "clock missed", "3.00 (2.91-3.09)"]
    assert {row["paper"] for row in rows if row["engine"] == "STA-DBB"} == {"3.14"}


def test_energies_are_with_and_without_glitches():
    rows = by_title(full())["Energy, workload P, read-out in place"]
    row = next(row for row in rows if row["engine"] == "STA-DBB" and row["clock"] == "500 MHz")
    assert (row["fJ/MAC"], row["no delays"], row["glitches"]) == ("50.0", "40.0", "20%")
    assert row["SA / it"] == "2.00 (1.70-2.30)"
    assert "Energy, workload I, read-out in place" in by_title(full())


def test_overlapped_read_out_has_a_table_of_its_own():
    rows = by_title(full())["Area, shipped read-out, overlapped"]
    assert {row["engine"] for row in rows} == {"SA"}


def test_memories_are_shown_at_half_and_at_twice():
    rows = by_title(full())["Energy of an inference, kws.tflite, 500 MHz"]
    assert [(row["SRAM table"], row["all nJ"], row["SA-ZVCG / it"]) for row in rows
            if row["engine"] == "S2TA-AW"] == [
        ("x0.5", "130.0", "2.69 (2.29-3.10)"), ("x1", "160.0", "2.50 (2.12-2.88)"),
        ("x2", "220.0", "2.27 (1.93-2.61)")]


def test_gate_equivalents_have_no_energy():
    made = bench([result("SA", FAST, 1000.0)], technology="gates", power=False)
    assert set(by_title(made)) == {"Area, read-out in place",
                                   "Area, shipped read-out, overlapped"}
    assert "1000 tau" in by_title(made)["Area, read-out in place"][0]["clock"]
    assert any("have no energy: give --liberty" in note for note in notes(made))


def test_notes_count_what_was_compared():
    assert any("7 netlists equal golden in all 700 sums compared" in note
               for note in notes(full()))
