# SPDX-License-Identifier: Apache-2.0
import pytest
from rich.console import Console
from systolith.gen.cli import progress


@pytest.fixture
def terminal(monkeypatch):
    console = Console(force_terminal=True, width=80, record=True, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    return console


def test_silent_without_a_terminal(capsys):
    with progress.stage("build", total=2) as advance:
        advance()
    assert capsys.readouterr() == ("", "")


def test_silent_when_quiet(terminal, capsys):
    with progress.stage("build", quiet=True) as advance:
        advance()
    assert capsys.readouterr() == ("", "")


def test_shows_the_stage(terminal, capsys):
    with progress.stage("build [core]", total=3) as advance:
        advance()
    assert "build [core]" in capsys.readouterr().out


def test_long_stage_leaves_a_line(terminal, monkeypatch):
    monkeypatch.setattr(progress, "LONG", -1.0)
    with progress.stage("build"):
        pass
    assert "build: 0.0 s" in terminal.export_text()


def test_fault_passes_through(terminal):
    with pytest.raises(ValueError, match="halfway"), progress.stage("build"):
        raise ValueError("halfway")
