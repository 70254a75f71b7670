# SPDX-License-Identifier: Apache-2.0
"""The command check-macro, on a user's own macro."""

import json
from importlib.resources import files

import pytest
from systolith.gen.cli import create_app
from typer.testing import CliRunner

pytestmark = pytest.mark.xdist_group("macro")

EXAMPLE = files("systolith.verif.cim").joinpath("example_macro.v").read_text()
SPEC = """\
name: mine
engine: {kind: cim}
cim: {macro: example_macro, rows: 24, columns: 32, mux: 2, sources: [mine.v],
      conversion: {unit_ns: 0, overhead_ns: 20}}
memory: {activations: 64 KiB, program: 24 KiB, schedule: 4 KiB}
vector: {lanes: 8, taps: 9}
postproc: {lanes: 8}
target: {clock_mhz: 200}
"""


def check(folder, text, *options):
    (folder / "mine.yaml").write_text(SPEC)
    (folder / "mine.v").write_text(text)
    return CliRunner().invoke(create_app(), ["check-macro", str(folder / "mine.yaml"), *options])


def test_a_macro_that_keeps_all_rules(tmp_path):
    result = check(tmp_path, EXAMPLE)
    assert result.exit_code == 0, result.output
    assert result.stdout == "example_macro keeps every rule of the macro contract\n"


def test_a_broken_rule(tmp_path):
    result = check(tmp_path, EXAMPLE, "--set", "cim.conversion.overhead_ns=25", "--json")
    assert result.exit_code == 1, result.output
    found = json.loads(result.stdout)
    assert found["broken"].startswith("time: done is high 3 cycles after fire, not 4, with ")
    assert not found["holds"]


def test_codes_of_one_s_own(tmp_path):
    text = EXAMPLE.replace("? 0\n          : sum(", "? 0\n          : 7 ^ sum(")
    assert text != EXAMPLE
    result = check(tmp_path, text)
    assert result.exit_code == 1 and result.stdout.startswith("sum: conversion ")
    result = check(tmp_path, text, "--inexact")
    assert result.exit_code == 0, result.output


def test_verilog_that_is_none(tmp_path):
    result = check(tmp_path, EXAMPLE.replace("output wire done,", "output wire finished,"))
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0].startswith("no simulator of macro_bench: %Error")


def test_a_spec_without_a_macro():
    result = CliRunner().invoke(create_app(), ["check-macro", "demo"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "SPEC must have engine.kind cim for check-macro, not sta-dbb; use a spec with a macro, "
        "such as cim-digital")
