# SPDX-License-Identifier: Apache-2.0
"""ONNX networks on the RTL, from the file to the output file."""

import json

import numpy as np
import pytest
from systolith.gen.cli.inputs import Inputs
from systolith.gen.importer import load as load_model
from systolith.gen.spec import load
from systolith.golden.interpreter import run as run_golden
from systolith.verif.inference import run_network
from typer.testing import CliRunner

from ..onnx_networks import NETWORKS, sample_inputs

SETTINGS = ["postproc.float_rounding=true", "memory.weights=128 KiB"]


@pytest.mark.parametrize("name", NETWORKS)
def test_network_on_the_rtl(name, tmp_path):
    path = NETWORKS[name](tmp_path)
    inputs = sample_inputs(load_model(path), 10)
    report = run_network(load("demo", SETTINGS), path, lambda _: Inputs(inputs, None),
                         simulate=True, layers=True, quiet=True)
    assert report.bit_exact, report.mismatch
    assert report.cycles_per_inference == report.predicted_cycles_per_inference


def test_tensors_of_a_run_are_as_the_model_has_them(tmp_path):
    from systolith.gen.cli import create_app

    path = NETWORKS["residual"](tmp_path, unsigned=True)
    network = load_model(path)
    inputs = sample_inputs(network, 3)
    source, target = tmp_path / "x.npz", tmp_path / "y.npz"
    np.savez(source, input=network.tensors[0].to_model(inputs))
    with np.load(source) as archive:
        assert archive["input"].shape == (3, 3, 12, 14) and archive["input"].dtype == np.uint8
    result = CliRunner().invoke(create_app(), [
        "run", "demo", str(path), "--input", str(source), "--output", str(target), "--layers",
        "--json", *(part for setting in SETTINGS for part in ("--set", setting))])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["left_out"] == []
    tensors = run_golden(network, inputs)
    with np.load(target) as archive:
        for index, values in tensors.items():
            expected = network.tensors[index].to_model(values)
            np.testing.assert_array_equal(archive[f"t{index}"], expected)
        stem = archive["t1"]
    assert stem.dtype == np.uint8 and stem.shape == (3, 16, 6, 7)
    np.testing.assert_array_equal(
        stem, tensors[1].transpose(0, 3, 1, 2).view(np.uint8) ^ 0x80)


def test_spec_without_float_rounding_is_refused(tmp_path):
    from systolith.gen.cli import create_app

    path = NETWORKS["digits"](tmp_path)
    result = CliRunner().invoke(create_app(), ["predict", "demo", str(path)])
    assert result.exit_code == 2
    assert result.stderr.strip().endswith("add --set postproc.float_rounding=true")
