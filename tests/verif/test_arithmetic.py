# SPDX-License-Identifier: Apache-2.0
"""Whole networks on explicit trees: the bits and cycles of the plain description."""

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import systolith.gen.demo as demo
from systolith.gen.build import parameters
from systolith.gen.cli.inputs import load_inputs
from systolith.gen.importer.tflite import load as load_model
from systolith.gen.spec import load
from systolith.verif import run as run_module
from typer.testing import CliRunner

from ..exact import check
from ..random_designs import (
    KINDS_OF_LAYERS,
    random_bounds,
    random_inputs,
    random_network,
)

DIGITS = Path(demo.__file__).parent
MODEL, IMAGES = DIGITS / "digits_dbb4.tflite", DIGITS / "digits_held_back.npz"
MIXED = ("arithmetic.multiplier=mixed", "arithmetic.final_adder=ripple")
BOOTH = ("engine.kind=s2ta-aw", "postproc.lanes=8", "memory.weights=256 KiB",
         "drain.read_out=in-place", "arithmetic={multiplier: booth, final_adder: prefix}")
FORMS = [pytest.param(settings, id=name, marks=pytest.mark.xdist_group(f"trees-{name}"))
         for name, settings in (("mixed", MIXED), ("booth", BOOTH))]
"""Baugh and Wooley's are those of an ASIC: ``test_asic.py``."""


def _modules(spec) -> str:
    """The Verilog that is simulated for ``spec``."""
    return (run_module.simulator(spec).folder / "design.v").read_text()


@pytest.mark.parametrize("settings", FORMS)
def test_digits(settings):
    spec = load("demo", settings)
    network = load_model(MODEL)
    check(spec, network, load_inputs(IMAGES, network).first(20).values)
    assert "full_adder" in _modules(spec)


@pytest.mark.parametrize("settings", FORMS)
def test_random_networks(settings):
    spec = load("demo", settings)
    for seed in range(3):
        rng = np.random.default_rng(900 + seed)
        network = random_bounds(rng, random_network(rng), parameters(spec).facts)
        check(spec, network, random_inputs(rng, network, 2))


FABRIC = "arithmetic={multiplier: rows, dsp_products: 1, pipelined: true}"
FPGA_FORMS = [pytest.param(settings, kinds, id=name,
                           marks=[pytest.mark.xdist_group(f"fpga-{name}"), *marks])
              for marks, name, settings, kinds in (
    ([pytest.mark.slow], "sta", ("engine.kind=sta", "drain.read_out=in-place",
                                 "vector.fused_channels=0", FABRIC), KINDS_OF_LAYERS),
    ([pytest.mark.slow], "sta-dbb", ("engine.zero_gating=true", FABRIC), KINDS_OF_LAYERS),
    ([], "vdbb-engine-only", ("engine.kind=vdbb", "vector={lanes: 0}", "memory.schedule=16 KiB",
                              "memory.weights=128 KiB", "arithmetic.pipelined=true"),
     ("conv", "depthwise", "pointwise", "pool")))]
"""As FPGAs have them: pipelined, of LUTs, without a vector unit."""


@pytest.mark.parametrize(("settings", "kinds"), FPGA_FORMS)
def test_fpga_forms(settings, kinds):
    spec = load("demo", settings)
    network = load_model(MODEL)
    check(spec, network, load_inputs(IMAGES, network).first(4).values)
    for seed in range(4):
        rng = np.random.default_rng(950 + seed)
        network = random_network(rng, kinds=kinds)
        check(spec, network, random_inputs(rng, network, 2))


@pytest.mark.xdist_group("trees-mixed")
@pytest.mark.slow
def test_command_line():
    from systolith.gen.cli import create_app

    result = CliRunner().invoke(create_app(), [
        "run", "demo", str(MODEL), "--input", str(IMAGES), "--on", "verilator", "--json",
        *(part for setting in MIXED for part in ("--set", setting))])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["bit_exact"]
    assert report["cycles_per_inference"] == report["predicted_cycles_per_inference"]


def test_simulators_are_kept_apart():
    """Equal hashes of specs, but not one simulator for all."""
    origins = []

    def recall(origin, top, make):
        origins.append(origin)

    plain = load("demo", ["name=apart"])
    specs = [plain, *(load("demo", ["name=apart", f"arithmetic.{setting}"]) for setting in (
        "multiplier=booth", "multiplier=radix-4", "final_adder=ripple"))]
    with patch.object(run_module, "recall", recall):
        for spec in specs:
            run_module.simulator.__wrapped__(spec)
    assert {spec.hash for spec in specs} == {plain.hash}
    assert len(set(origins)) == len(specs)
