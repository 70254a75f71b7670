# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest
from systolith.gen import demo
from systolith.gen.cli import create_app
from systolith.gen.predict.costs import PARTS, load_costs
from typer.testing import CliRunner

FOLDER = Path(demo.__file__).parent
MODEL = FOLDER / "digits_dbb4.tflite"
BOOTH = ("--set", "arithmetic.multiplier=booth")


def call(*arguments):
    return CliRunner().invoke(create_app(), ["predict", *map(str, arguments)],
                              env={"COLUMNS": "200"})


def told(*arguments):
    return json.loads(call(*arguments, "--json").stdout)


def test_area_without_a_model():
    found = told("demo")
    assert [row["block"] for row in found["area"]] == ["TPEs", *PARTS, "memories"]
    assert "cycles" not in found and found["technology"] == "asap7"
    result = call("demo")
    assert result.exit_code == 0, result.output
    total = sum(row["area_um2"] for row in found["area"])
    assert "demo, asap7: area, um2" in result.stdout and 1e4 < total < 1e6
    assert f"{round(total):,}" in result.stdout


def test_errors_are_told():
    judged = load_costs("asap7").judged.values()
    area, energy = (max(abs(getattr(each, name)) for each in judged)
                    for name in ("area_error", "energy_error"))
    assert (f"on {len(judged)} other specs area of logic is off by at most {area:.1%}, energy of "
            f"TPEs by {energy:.1%}") in call("demo").stdout


def test_energy_of_a_model():
    drawn, real = told("demo", MODEL), told("demo", MODEL, "--input",
                                            FOLDER / "digits_held_back.npz")
    for found in (drawn, real):
        parts = {row["part"]: row["nj"] for row in found["energy"]}
        assert {"memory, weights"} < set(parts) and all(nj >= 0 for nj in parts.values())
        assert len([part for part in parts if part.startswith("TPEs, ")]) == len(found["layers"])
    assert drawn["energy"] != real["energy"] and drawn["cycles"] == real["cycles"]
    assert "an input in asap7, predicted: TPEs " in call("demo", MODEL).stdout


@pytest.mark.parametrize("arguments", [("--technology", "none"), BOOTH])
def test_cycles_alone(arguments):
    found = told("demo", MODEL, *arguments)
    assert found["cycles"] > 0 and not {"area", "energy", "technology"} & set(found)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--technology", "sky130"), "--technology must be asap7 or none, not 'sky130'"),
    (("--technology", "asap7", *BOOTH),
     "arithmetic.multiplier must be baugh-wooley for costs in asap7, not booth")])
def test_what_is_not_known_is_said(arguments, sentence):
    result = call("demo", MODEL, *arguments)
    assert (result.exit_code, result.stderr.strip().splitlines()[-1]) == (2, sentence)
