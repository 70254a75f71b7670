# SPDX-License-Identifier: Apache-2.0
import json
from importlib.resources import files

import pytest
from systolith.gen.cli import create_app
from typer.testing import CliRunner

MODEL = str(files("systolith.gen.demo") / "digits_dense.tflite")


def invoke(*arguments):
    return CliRunner().invoke(create_app(), list(map(str, arguments)))


def test_compile_reports_and_draws_the_array(tmp_path):
    plan = tmp_path / "plan.svg"
    result = invoke("compile", "cim-digital", MODEL, "-o", tmp_path / "out", "--floor-plan", plan,
                    "--json")
    assert result.exit_code == 0, result.output
    use, = json.loads(result.stdout)["array"]
    assert use["layers"] == 4
    assert use["cells"] == 9 * 16 + 144 * 32 + 288 * 64 + 64 * 10
    assert use["utilisation"] == use["cells"] / (1024 * 512)
    assert b"<svg" in plan.read_bytes()


def test_compile_prints_places(tmp_path):
    result = invoke("compile", "cim-digital", MODEL, "-o", tmp_path / "out")
    assert "array: 23,824 cells of 4 layers, 4.5 %" in result.output
    assert "array rows" in result.output and "column tiles" not in result.output


def test_predict_prints_the_peak():
    result = invoke("predict", "cim-pcm", MODEL)
    assert "peak 2.02 TOPS at 8 bits, 7.71 TOPS at 6 bits, 26.2 TOPS at 4 bits" in result.output
    assert "conversions, " in result.output


@pytest.mark.parametrize(("arguments", "message"), [
    (("compile", "demo", MODEL, "-o", "out", "--floor-plan", "x.svg"),
     "--floor-plan must be given for engine.kind cim only, not for sta-dbb; leave it out"),
    (("compile", "cim-digital", MODEL, "-o", "out", "--floor-plan", "x.pdf"),
     "x.pdf: --floor-plan must be a file .svg or .png"),
    (("predict", "cim-digital", MODEL, "--timeline", "x.svg"),
     ("--timeline must not be x.svg for engine.kind cim, a macro, which has nothing of the kind; "
      "leave it out, or use another engine.kind")),
])
def test_faults(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
