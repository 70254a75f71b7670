# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import sys
from importlib import resources

import pytest
from systolith.gen import demo
from systolith.gen.cli import create_app
from systolith.gen.cli.commands import IMAGE, MAPPING
from systolith.gen.cli.directory import MARKER
from systolith.gen.spec import json_schema, load
from typer.testing import CliRunner

MODEL = str(resources.files(demo) / "digits_dbb4.tflite")


def call(*arguments):
    return CliRunner().invoke(create_app(), [str(item) for item in arguments])


def test_help_lists_the_commands_of_every_package():
    result = call("--help")
    assert result.exit_code == 0
    for name in ("generate", "compile", "predict", "schema", "run", "verify"):
        assert f" {name} " in result.stdout


def test_version():
    assert call("--version").stdout.startswith("systolith 0.")


@pytest.mark.parametrize("command", [["--version"], ["schema"]])
def test_module_runs(command):
    subprocess.run([sys.executable, "-m", "systolith.gen.cli", *command], check=True,
                   capture_output=True)


def test_schema():
    assert json.loads(call("schema").stdout) == json_schema()
    assert json.loads(call("schema", "--json").stdout) == json_schema()


def test_generate(tmp_path):
    result = call("generate", "demo", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    files = {item.name for item in (tmp_path / "out").iterdir()}
    assert {"filelist.f", "manifest.json", "registers.md", MARKER} <= files
    assert result.stdout.startswith(f"{tmp_path / 'out'}: demo, 128 multipliers, ")


def test_generate_json_says_what_was_written(tmp_path):
    result = call("generate", "demo", "-o", tmp_path / "out", "--json", "--set", "engine.kind=sta")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["directory"] == str(tmp_path / "out")
    assert all((tmp_path / "out" / name).is_file() for name in report["files"])
    assert report["manifest"] == json.loads((tmp_path / "out" / "manifest.json").read_text())


@pytest.mark.parametrize("macros", [None, "sg13g2"])
def test_generate_for_an_asic(tmp_path, macros):
    more = () if macros is None else ("--macros", macros)
    result = call("generate", "demo", "-o", tmp_path / "out", "--target", "asic", *more, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert {"memories.json", "blackboxes.f"} <= set(report["files"])
    assert report["manifest"]["target"] == "asic"
    vendor = {name.startswith("RM_IHPSG13_") for name in report["manifest"]["black_boxes"]}
    assert vendor == {macros is not None}


def test_generate_for_an_asic_again_over_itself(tmp_path):
    for _ in range(2):
        assert call("generate", "demo", "-o", tmp_path / "out", "--target", "asic").exit_code == 0
    assert call("generate", "demo", "-o", tmp_path / "out").exit_code == 0
    assert not (tmp_path / "out" / "blackboxes.f").exists()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["--target", "fpga"], "--target must be generic or asic, not 'fpga'"),
    (["--macros", "sg13g2"], "--macros needs --target asic, not generic"),
    (["--target", "asic", "--macros", "nope"],
     "nope: no such macro map; named ones are asap7, sg13g2, or give the path of a file"),
    (["--target", "asic", "--macros", "asap7"],
     "asap7: macro map must say which ports its macros have, to instantiate them"),
], ids=["target", "no asic", "no map", "no ports"])
def test_generate_refuses_in_one_sentence(tmp_path, arguments, sentence):
    result = call("generate", "demo", "-o", tmp_path / "out", *arguments)
    assert (result.exit_code, result.stderr.strip()) == (2, sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("macros", ["sg13g2", "asap7"])
def test_predict_says_what_memories_take(macros):
    report = json.loads(call("predict", "demo", MODEL, "--macros", macros, "--json").stdout)
    rows = {row["memory"]: row for row in report["memories"]}
    assert list(rows) == ["activations", "weights", "program", "schedule", "tile_buffer",
                          "layer_table"]
    weights = rows["weights"]
    assert weights["energy_nj"] == pytest.approx(weights["reads"] * weights["read_pj"] / 1e3)
    assert rows["tile_buffer"]["made_of"] == "registers"
    result = call("predict", "demo", MODEL, "--macros", macros)
    assert result.exit_code == 0 and report["memory_source"] in result.stdout
    assert "memories" not in json.loads(call("predict", "demo", MODEL, "--json").stdout)


def test_compile(tmp_path):
    result = call("compile", "demo", MODEL, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / IMAGE).stat().st_size > 1000
    mapping = json.loads((tmp_path / "out" / MAPPING).read_text())
    assert mapping["spec"] == "demo"
    assert mapping["spec_hash"] == f"0x{load('demo').hash:016x}"
    assert mapping["image_bytes"] == (tmp_path / "out" / IMAGE).stat().st_size
    for layer in mapping["layers"]:
        assert layer["op"] in result.stdout


def test_compile_json_is_the_mapping(tmp_path):
    result = call("compile", "demo", MODEL, "-o", tmp_path / "out", "--json")
    mapping = json.loads((tmp_path / "out" / MAPPING).read_text())
    assert json.loads(result.stdout) == {
        "directory": str(tmp_path / "out"), "files": [MAPPING, "model_digits_dbb4.c",
                                                  "model_digits_dbb4.h", IMAGE], **mapping}


def test_compile_is_reproducible(tmp_path):
    for name in ("a", "b"):
        assert call("compile", "demo", MODEL, "-o", tmp_path / name).exit_code == 0
    for file in (IMAGE, MAPPING):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_predict_prints_every_layer_and_the_total():
    report = json.loads(call("predict", "demo", MODEL, "--json").stdout)
    result = call("predict", "demo", MODEL)
    assert result.exit_code == 0, result.output
    for layer in report["layers"]:
        assert f"{layer['cycles']:,}" in result.stdout
    assert f"{report['cycles']:,}" in result.stdout
    assert "us at 100 MHz" in result.stdout


def test_predict_json():
    report = json.loads(call("predict", "demo", MODEL, "--json").stdout)
    assert report["spec"] == "demo"
    assert report["cycles"] > 0
    assert report["microseconds"] == report["cycles"] / 100
    assert {"name", "op", "cycles", "macs", "utilisation"} <= report["layers"][0].keys()
    assert report["macs"] == sum(layer["macs"] for layer in report["layers"])


def test_predict_of_a_baseline_is_slower():
    sparse = json.loads(call("predict", "demo", MODEL, "--json").stdout)
    dense = json.loads(call("predict", "demo", MODEL, "--json", "--set", "engine.kind=sa").stdout)
    assert sparse["cycles"] < dense["cycles"]


BAD = {
    "unknown spec": (
        ["predict", "nope", MODEL], "nope: no such spec; named specs are cim-digital, "),
    "bad override": (
        ["predict", "demo", MODEL, "--set", "engine.kind=foo"],
        ("--set engine.kind=foo: engine.kind: must be sa, sta, sta-dbb, vdbb, s2ta-w, "
         "s2ta-aw, simd or cim, not 'foo'")),
    "missing model": (["predict", "demo", "/nonexistent/m.tflite"], "/nonexistent/m.tflite: "),
    "folder for a model": (["predict", "demo", "/"], "/: "),
    "model that is none": (["predict", "demo", __file__], __file__),
    "model too large for the spec": (
        ["predict", "demo", MODEL, "--set", "memory.weights=1 KiB"], "memory.weights must be at "),
    "unwritable folder": (
        ["compile", "demo", MODEL, "-o", f"{__file__}/out"],
        f"{__file__}/out: folder cannot be written: "),
    "unwritable folder for Verilog": (
        ["generate", "demo", "-o", f"{__file__}/out"],
        f"{__file__}/out: folder cannot be written: "),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence_and_exit_code_2(case):
    arguments, sentence = BAD[case]
    result = call(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(sentence), result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_in_the_json_too(case):
    arguments, sentence = BAD[case]
    result = call(*arguments, "--json")
    assert result.exit_code == 2
    (message,) = json.loads(result.stdout)["error"]
    assert message.startswith(sentence)
    assert result.stderr == message + "\n"


def test_all_faults_are_printed():
    result = call("predict", "demo", MODEL, "--set", "vector.lanes=7", "--set", "x=1")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 2


def test_foreign_folder_is_kept_unless_forced(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = call("compile", "demo", MODEL, "-o", tmp_path)
    assert result.exit_code == 2
    assert "give --force to replace all of it" in result.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["mine.txt"]
    assert call("compile", "demo", MODEL, "-o", tmp_path, "--force").exit_code == 0
    assert not (tmp_path / "mine.txt").exists()


def test_usage_fault_is_exit_code_2():
    assert call("compile", "demo").exit_code == 2
    assert call("nonsense").exit_code == 2
