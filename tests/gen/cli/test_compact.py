# SPDX-License-Identifier: Apache-2.0
"""The command line with the compact core, and what there is not for it."""

import json

import pytest

from .test_commands import MODEL, call

SPEC = "demo-icebreaker"


def test_predict_says_nothing_of_area_and_energy():
    found = json.loads(call("predict", SPEC, MODEL, "--json").stdout)
    assert found["cycles"] > 0
    assert not {"area", "energy", "technology", "memories"} & set(found)
    assert {layer["unit"] for layer in found["layers"]} == {"all channels", "own channel"}
    assert call("predict", SPEC).exit_code == 0


def test_generate_lists_the_registers_that_are_there(tmp_path):
    result = call("generate", SPEC, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "out" / "registers.md").read_text()
    assert "Any other word reads zero, and ignores what is written." in text
    assert "| CYCLES |" in text and "DMA_LENGTH" not in text
    assert "| `0x01f800` | program | 256 |" in text
    header = (tmp_path / "out" / "systolith.h").read_text()
    assert "SYSTOLITH_DMA_LENGTH" in header and "SYSTOLITH_REGION_PROGRAM 0x0001f800u" in header


def test_compile(tmp_path):
    result = call("compile", SPEC, MODEL, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["image_bytes"] == (tmp_path / "out" / "program.bin"
                                                        ).stat().st_size


@pytest.mark.parametrize(("arguments", "option"), [
    (("predict", SPEC, MODEL, "--technology", "asap7"), "--technology must not be asap7"),
    (("predict", SPEC, MODEL, "--macros", "sg13g2"), "--macros must not be sg13g2"),
    (("predict", SPEC, MODEL, "--timeline", "t.svg"), "--timeline must not be t.svg"),
    (("run", SPEC, MODEL, "--input", "x.npz", "--timeline", "t.svg"),
     "--timeline must not be t.svg"),
    (("generate", SPEC, "--target", "asic", "-o", "out"), "--target must not be asic"),
])
def test_what_it_has_not(arguments, option, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        f"{option} for engine.kind simd, the compact core, which has nothing of the kind; leave it "
        "out, or use another engine.kind")
