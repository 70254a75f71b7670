# SPDX-License-Identifier: Apache-2.0
"""What ``generate`` writes for compute in memory: macros among it, or left to others."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from systolith.gen.emit import generate
from systolith.gen.emit.cim import macro_sources
from systolith.gen.spec import SpecFault, load

from ...further import further
from .test_package import _lint

SHAPE = ("cim.rows=64", "cim.columns=32", "cim.mux=2", "postproc.lanes=8")
EXAMPLE = Path(str(files("systolith.verif.cim").joinpath("example_macro.v")))
USERS = ("cim.macro=example_macro", "cim.conversion={unit_ns: 0, overhead_ns: 20}")


def generated(folder, name, *overrides, target="generic"):
    folder.mkdir()
    manifest = generate(load(name, [*SHAPE, *overrides]), folder, target=target)
    listed = (folder / "filelist.f").read_text().split()
    return manifest, listed


@pytest.mark.parametrize(("name", "overrides"), [
    ("cim-digital", ("cim.early_stop=true", "cim.mux_map=adjacent")),
    *further([("cim-digital", ()), ("cim-digital", ("cim.residency=reloaded",)), ("cim-pcm", ())]),
    ("cim-pcm", (*USERS, f"cim.sources=[{EXAMPLE}]")),
])
def test_lint_is_clean(tmp_path, name, overrides):
    generated(tmp_path / "out", name, *overrides)
    _lint(tmp_path / "out")


def test_digital_macro_is_verilog_like_all(tmp_path):
    manifest, listed = generated(tmp_path / "out", "cim-digital")
    assert sorted(listed) == sorted(f"rtl/{name}.v" for name in manifest["modules"])
    assert manifest["macro"]["rows"] == 64
    assert not (tmp_path / "out" / "macro").exists()
    registers = (tmp_path / "out" / "registers.md").read_text()
    assert "GDC" in registers and "CONVERSIONS" in registers


def test_model_of_pcm_is_listed_first(tmp_path):
    manifest, listed = generated(tmp_path / "out", "cim-pcm")
    assert listed[0] == "macro/systolith_pcm_macro.v"
    assert "systolith_pcm_macro" not in manifest["modules"]
    assert manifest["macro"]["sources"] == listed[:1]


def test_users_verilog_is_copied(tmp_path):
    _, listed = generated(tmp_path / "out", "cim-pcm", *USERS, f"cim.sources=[{EXAMPLE}]")
    assert listed[0] == "macro/example_macro.v"
    assert (tmp_path / "out" / listed[0]).read_text() == EXAMPLE.read_text()
    again = load(tmp_path / "out" / "spec.yaml")
    assert macro_sources(again) == {"example_macro.v": EXAMPLE.read_text()}


def test_macro_without_verilog_is_a_black_box(tmp_path):
    manifest, listed = generated(tmp_path / "out", "cim-pcm", *USERS)
    assert (tmp_path / "out" / "blackboxes.f").read_text() == "blackboxes/example_macro.v\n"
    assert "module example_macro" in (tmp_path / "out/blackboxes/example_macro.v").read_text()
    assert not any("example_macro" in file for file in listed)
    assert manifest == json.loads((tmp_path / "out" / "manifest.json").read_text())


def test_on_asic_macros_are_black_boxes(tmp_path):
    _, listed = generated(tmp_path / "out", "cim-pcm", target="asic")
    boxes = (tmp_path / "out" / "blackboxes.f").read_text().split()
    assert "blackboxes/systolith_pcm_macro.v" in boxes
    assert all(file.startswith("rtl/") for file in listed)


def test_missing_verilog():
    with pytest.raises(SpecFault, match=r"nowhere.v: cim.sources: file cannot be read: No such "
                                        "file or directory; correct its path"):
        macro_sources(load("cim-pcm", [*USERS, "cim.sources=[nowhere.v]"]))
