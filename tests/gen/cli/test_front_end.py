# SPDX-License-Identifier: Apache-2.0
"""Commands with a spec that has a front end."""

import json
from importlib import resources

import pytest
from systolith.gen import demo
from systolith.gen.build import parameters
from systolith.gen.cli import create_app
from systolith.gen.spec import load
from typer.testing import CliRunner

MODEL = str(resources.files(demo) / "digits_dbb4.tflite")
STREAM = ["--set", "front_end.layers=none"]
FIXED = ["--set", "front_end.layers=0..0"]
NAMED = ["--set", f"front_end.network={MODEL}"]


def call(*arguments):
    return CliRunner().invoke(create_app(), [str(item) for item in arguments])


def told(*arguments):
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_generate_needs_the_model(tmp_path):
    result = call("generate", "vww-fixy", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == ("vww-fixy: front_end.network: must be the path of the model whose "
                             "layers are fixed, not null; add --set front_end.network=PATH\n")


def test_model_that_is_not_there(tmp_path):
    result = call("generate", "demo", *STREAM, "--set", "front_end.network=none.tflite",
                  "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert result.stderr == "none.tflite: No such file or directory\n"


@pytest.mark.parametrize("layers", [STREAM, FIXED])
def test_package_holds_the_model(tmp_path, layers):
    out = tmp_path / "out"
    manifest = told("generate", "demo", *layers, *NAMED, "-o", out)["manifest"]
    again = load(out / "spec.yaml")
    assert again.front_end.network == str(out / "front_end.tflite")
    assert manifest["spec_hash"] == f"0x{parameters(again).spec_hash:016x}"
    assert {"s_axis_tdata", "s_axis_tlast", "s_axis_tready", "s_axis_tvalid"} <= set(
        manifest["ports"])
    page = (out / "registers.md").read_text()
    assert "STREAM_STATUS" in page and "frames of 8 x 8 pixels in raster order" in page
    program = told("compile", out / "spec.yaml", MODEL, "-o", tmp_path / "program")
    assert program["spec_hash"] == manifest["spec_hash"]
    assert program["files"] == ["mapping.json", "program.bin"]


def test_fixed_weights_are_part_of_the_hash():
    dense = str(resources.files(demo) / "digits_dense.tflite")
    specs = [load("demo", [f"front_end.layers={layers}", f"front_end.network={path}"])
             for layers in ("none", "0..0") for path in (MODEL, dense)]
    plain, plain_dense, fixed, fixed_dense = (parameters(spec).spec_hash for spec in specs)
    assert plain == plain_dense and len({plain, fixed, fixed_dense}) == 3


def test_another_front_end_than_that_of_the_hardware(tmp_path):
    dense = str(resources.files(demo) / "digits_dense.tflite")
    result = call("compile", "demo", dense, *FIXED, *NAMED, "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "layer conv1 (CONV_2D) must be as in front_end.network" in result.stderr


def test_predict_tells_how_far_apart_frames_are():
    found = told("predict", "demo", MODEL, *FIXED)
    stream = found["stream"]
    assert stream["frame"] == 128  # words that are handed off, more than there are pixels
    assert stream["run"] == found["cycles"] + 2 == stream["steady"]
    assert [layer.get("unit") for layer in found["layers"]][:2] == ["fixed", "engine"]
    assert found["layers"][0]["macs"] == 8 * 8 * 16 * 9
    result = call("predict", "demo", MODEL, *FIXED)
    assert "frames back to back: 128 cycles in the front end beside" in result.stdout


@pytest.mark.parametrize("option", [("--technology", "asap7"), ("--macros", "asap7"),
                                    ("--activation-nnz", "4")])
def test_what_is_not_known_of_a_front_end(option):
    result = call("predict", "demo", MODEL, *STREAM, *option)
    assert result.exit_code == 2
    assert result.stderr == (f"{option[0]} must not be given with a front_end, which it knows "
                             "nothing of; leave it out, or set front_end.layers to null\n")


def test_nothing_left_for_the_core():
    result = call("predict", "demo", MODEL, "--set", "front_end.layers=0..6")
    assert result.exit_code == 2
    assert "front_end.layers must leave operators to the core" in result.stderr


def test_residual_across_the_split(networks):
    result = call("predict", "tinyml-vdbb", networks / "pretrainedResnet_quant.tflite", "--set",
                  "front_end.layers=0..1")
    assert result.exit_code == 2
    assert "which stays inside the front end: only the last tensor" in result.stderr
