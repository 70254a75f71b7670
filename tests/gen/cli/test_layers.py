# SPDX-License-Identifier: Apache-2.0
import re
from importlib import resources

import pytest
from rich.console import Console
from systolith.gen import demo
from systolith.gen.cli import layers as layers_module
from systolith.gen.cli.layers import layer_rows, print_layers
from systolith.gen.compiler import compile_network
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.predict import predict
from systolith.gen.spec import load

TOTAL = {"macs": 10, "cycles": 1234, "utilisation": 0.5}


@pytest.fixture(scope="module")
def rows():
    network = load_model(resources.files(demo) / "digits_dbb4.tflite")
    program = compile_network(load("demo"), network)
    return layer_rows(program, predict(program))


def printed(rows, total, width, monkeypatch, capsys):
    monkeypatch.setattr(layers_module, "PIPE_WIDTH", width)
    print_layers("model [bold] on spec", rows, total)
    return capsys.readouterr().out.splitlines()


def test_rows_hold_mapping_cycles_and_stalls(rows):
    assert len(rows) == 5
    assert {"name", "op", "unit", "input", "output", "macs", "nnz", "skipped", "cycles", "share",
            "utilisation", "stall_operands", "stall_drain", "stall_parameters",
            "bank_conflicts"} <= rows[0].keys()
    assert {row["unit"] for row in rows} == {"engine", "vector"}
    assert 0.9 < sum(row["share"] for row in rows) < 1


def test_a_wide_table_has_every_layer_and_column(rows, monkeypatch, capsys):
    lines = printed(rows, TOTAL, 200, monkeypatch, capsys)
    assert lines[0].strip() == "model [bold] on spec"
    for heading in ("layer", "operator", "unit", "input", "output", "MACs", "NNZ", "cycles",
                    "share", "util.", "waits", "operand"):
        assert heading in lines[2]
    for place, row in enumerate(rows, start=1):
        line, = (line for line in lines if line.startswith(f" {place:2} "))
        assert f" {row['cycles']:,} " in line and row["output"] in line
    assert "predicted" not in lines[2]
    assert "1,234" in lines[-2]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_a_narrow_table_leaves_columns_out_and_cuts_none(rows, width, monkeypatch, capsys):
    lines = printed(rows, TOTAL, width, monkeypatch, capsys)
    assert max(map(len, lines)) <= width
    assert "cycles" in lines[2] and not any("…" in line for line in lines[2:3])
    for row in rows:
        assert any(f" {row['cycles']:,} " in line for line in lines)


def test_layers_that_run_with_the_next_and_on_the_host(rows, monkeypatch, capsys):
    measured = [row | {"predicted_cycles": row["cycles"]} for row in rows[:2]]
    measured[0] |= {"fused": True}
    host = {"name": "soft", "op": "SOFTMAX", "fused": False, "cycles": "host",
            "predicted_cycles": "host", "macs": 0, "utilisation": 0.0}
    lines = printed([*measured, host], TOTAL | {"predicted_cycles": 1235}, 200, monkeypatch,
                    capsys)
    assert "predicted" in lines[2]
    assert next(line for line in lines if line.startswith("  1 ")).count("with next") == 2
    assert next(line for line in lines if line.startswith("  3 ")).count("host") == 3
    assert "1,234" in lines[-2] and "1,235" in lines[-2]


def test_on_a_terminal_the_table_is_as_wide_as_that(rows, monkeypatch, capsys):
    monkeypatch.setattr(Console, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "70")
    print_layers("title", rows, TOTAL)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert 40 < max(map(len, lines)) <= 70
