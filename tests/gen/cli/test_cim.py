# SPDX-License-Identifier: Apache-2.0
import json
from importlib.resources import files

import numpy as np
import pytest
from systolith.gen.cli import create_app
from systolith.gen.cli.cim import accuracy_rows, energy_tables, mapped
from systolith.gen.spec import load
from systolith.golden.cim.analognets import keyword_spotting
from typer.testing import CliRunner

DEMO = files("systolith.gen.demo")
MODEL = str(DEMO / "digits_noise_aware.tflite")
TIMES = ["25 s", "1 h", "1 d", "1 mo", "1 y"]


def invoke(*arguments):
    return CliRunner().invoke(create_app(), ["cim", *map(str, arguments)])


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    path = tmp_path_factory.mktemp("inputs") / "few.npz"
    with DEMO.joinpath("digits_held_back.npz").open("rb") as stream:
        archive = np.load(stream)
        np.savez(path, input=archive["input"][:40], labels=archive["labels"][:40])
    return path


def test_json(few, tmp_path):
    plot = tmp_path / "plot.svg"
    result = invoke("cim-pcm", MODEL, "--input", few, "--seeds", 3, "--plot", plot, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row["time"] for row in found["accuracy"]] == TIMES
    assert all(len(row["accuracies"]) == 3 for row in found["accuracy"])
    assert found["adc_shift"] == 14 and found["compensated"]
    for row in found["accuracy"]:
        assert row["loss"] == pytest.approx(100 * found["digital"] - row["mean"])
    assert found["total"]["conversions"] == 97 == sum(
        layer["conversions"] for layer in found["layers"])
    assert found["total"]["nj"] == pytest.approx(sum(unit["nj"] for unit in found["units"]))
    assert found["total"]["tops_per_watt"] == pytest.approx(
        2 * found["total"]["macs"] / found["total"]["nj"] / 1e3)
    assert found["total"]["conversion_ns"] == 130
    assert plot.stat().st_size > 1000


def test_text(few):
    result = invoke("cim-pcm", MODEL, "--input", few, "--seeds", 2, "--uncompensated",
                    "--set", "cim.activation_bits=6")
    assert result.exit_code == 0, result.output
    for words in (*TIMES, "TIMELY", "AnalogNets", "Horowitz", "TOPS/W", "97 of 34 ns",
                  "activation_bits: 6"):
        assert words in result.stdout


@pytest.mark.parametrize(("arguments", "words"), [
    (["demo"], "engine.kind must be cim for this command, not sta-dbb"),
    (["cim-pcm", "--set", "cim.adc_bits=11"], "cim.adc_bits must be at most 10 for this command"),
    (["cim-digital"], "cim.macro must be pcm, whose devices have noise, not digital"),
    (["cim-pcm", "--seeds", 0], "--seeds must be 1 to 1000, not 0"),
    (["cim-pcm", "--plot", "x.pdf"], "x.pdf: --plot must be a file .svg or .png"),
    (["cim-pcm", "--set", "cim.adc_shift=31"],
     "a step of the ADC must be worth 2**-16 to 2**15, not 2**26; change cim.adc_shift"),
    (["cim-pcm", "--set", "cim.rows=8"], "must be at most 8 x cim.rows, 64, not 144"),
    (["cim-pcm", "--set", "cim.residency=reloaded"],
     "cim.residency must be resident, as weights in phase-change memory are, not reloaded"),
])
def test_bad_input_is_one_sentence(few, arguments, words):
    result = invoke(arguments[0], MODEL, "--input", few, *arguments[1:])
    assert result.exit_code == 2
    assert words in result.stderr and len(result.stderr.splitlines()) == 1


def test_centred_inputs_are_compared_with_the_network_as_it_is(networks, tmp_path):
    """KWS has the zero point 83, by which errors of its first layer's weights are multiplied."""
    path = tmp_path / "few.npz"
    archive = np.load(networks / "kws_public100.npz")
    np.savez(path, input=archive["input"][:30], labels=archive["labels"][:30])
    arguments = ("cim-pcm", networks / "kws_ref_model.tflite", "--input", path, "--seeds", 2,
                 "--set", "cim.depthwise=vector", "--json")
    raw, centred = (json.loads(invoke(*arguments, *more).stdout) for more in ([], ["--centred"]))
    assert raw["digital"] == centred["digital"]
    assert (raw["centred"], centred["centred"]) == (False, True)
    assert centred["accuracy"][2]["mean"] > raw["accuracy"][2]["mean"] + 30


def test_inputs_without_labels(few, tmp_path):
    path = tmp_path / "bare.npz"
    np.savez(path, input=np.load(few)["input"])
    result = invoke("cim-pcm", MODEL, "--input", path)
    assert result.exit_code == 2
    assert result.stderr.strip() == (f"{path}: archive must hold the array 'labels', without which "
                                     "there is no accuracy")


@pytest.mark.parametrize(("bits", "rate"), [(8, 7762), (6, 29679), (4, 100908)])
def test_keyword_spotting_takes_991_conversions_on_the_named_spec(bits, rate):
    """AnalogNets' rate at 8 bits, from the conversions alone."""
    spec = load("cim-pcm", [f"cim.activation_bits={bits}"])
    shape, mappings, network = mapped(spec, keyword_spotting())
    assert (shape.rows, shape.columns, shape.mux, shape.adcs) == (1024, 512, 4, 128)
    total = energy_tables(spec, network, mappings)["total"]
    assert total["conversions"] == 991
    assert total["inferences_per_second"] == pytest.approx(rate, abs=0.5)


def test_rows_are_in_percent():
    from systolith.gen.cim.study import Study, TimePoint

    point = TimePoint(name="1 h", seconds=3600.0, accuracies=(0.5, 1.0))
    (row,) = accuracy_rows(Study(digital=0.9, quantised=0.8, points=(point,)))
    assert (row["mean"], row["least"], row["most"]) == (75, 50, 100)
    assert row["loss"] == pytest.approx(15)
