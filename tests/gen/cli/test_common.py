# SPDX-License-Identifier: Apache-2.0
import json
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import typer
from systolith.gen import cli
from systolith.gen.cli.common import ExitCode, fail, guard, print_json, print_table
from systolith.gen.compile import CompileFault
from systolith.gen.importer.tflite import ImportFault
from systolith.gen.spec import SpecFault


def test_exit_codes():
    assert list(ExitCode) == [0, 1, 2]


def test_fail_prints_each_fault_on_stderr(capsys):
    with pytest.raises(typer.Exit) as caught:
        fail(["one", "two"])
    assert caught.value.exit_code == 2
    assert capsys.readouterr() == ("", "one\ntwo\n")


def test_fail_with_json_prints_both(capsys):
    with pytest.raises(typer.Exit):
        fail("one", json=True)
    out, err = capsys.readouterr()
    assert json.loads(out) == {"error": ["one"]}
    assert err == "one\n"


@pytest.mark.parametrize(("fault", "text"), [
    (SpecFault(["a", "b"]), "a\nb\n"),
    (ImportFault("model is bad"), "model is bad\n"),
    (CompileFault("layer is\n  bad"), "layer is bad\n"),
    (PermissionError(13, "Permission denied", "/x"), "/x: Permission denied\n"),
    (OSError("odd"), "odd\n"),
    (TimeoutError(), "TimeoutError\n"),
])
def test_guard_turns_users_faults_into_sentences(fault, text, capsys):
    with pytest.raises(typer.Exit), guard():
        raise fault
    assert capsys.readouterr().err == text


def test_guard_takes_further_kinds(capsys):
    with pytest.raises(typer.Exit), guard(False, LookupError):
        raise IndexError("no board")
    assert capsys.readouterr().err == "no board\n"


@pytest.mark.parametrize("fault", [ValueError("bug"), AssertionError(), BrokenPipeError()])
def test_guard_lets_the_programs_own_faults_pass(fault):
    with pytest.raises(type(fault)), guard():
        raise fault


def test_json_takes_numpy_and_paths(capsys):
    print_json({"a": np.int64(3), "b": np.arange(2), "c": Path("x")})
    assert json.loads(capsys.readouterr().out) == {"a": 3, "b": [0, 1], "c": "x"}


def test_json_refuses_other_objects():
    with pytest.raises(TypeError, match="Value must be plain data, not <object"):
        print_json(object())


def test_table_prints_text_as_it_is(capsys):
    print_table("title [bold]", [{"name": "a[red]b", "cycles": 1234, "share": 0.5, "nnz": None}],
                {"name": "total", "cycles": 1234})
    out = capsys.readouterr().out
    for text in ("a[red]b", "1,234", "0.500", "total"):
        assert text in out


def test_empty_table(capsys):
    print_table("nothing", [])
    assert "None" not in capsys.readouterr().out


def test_commands_of_an_entry_point_join(monkeypatch):
    added = []
    monkeypatch.setattr(cli, "entry_points", lambda group: [
        EntryPoint("x", "nowhere.at.all:register", group)])
    monkeypatch.setattr(EntryPoint, "load", lambda self: added.append)
    assert added == [cli.create_app()]


def test_entry_point_that_cannot_be_loaded_is_named(monkeypatch, capsys):
    monkeypatch.setattr(cli, "entry_points", lambda group: [
        EntryPoint("x", "nowhere.at.all:register", group)])
    app = cli.create_app()
    assert capsys.readouterr().err == (
        "Commands of nowhere.at.all:register are not available: No module named 'nowhere'\n")
    assert len(app.registered_commands) == 5
