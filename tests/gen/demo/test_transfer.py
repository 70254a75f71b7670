# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install systolith[train]")

import torch
from systolith.gen.compile import CompileFault
from systolith.gen.demo import train, transfer
from systolith.gen.demo.comparison import check_front_end, select
from systolith.gen.demo.data import digits


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """One epoch of each kind."""
    for module, name in ((transfer, "FLOAT_EPOCHS"), (train, "QUANTISED_EPOCHS")):
        monkeypatch.setattr(module, name, 1)


@pytest.fixture(scope="module")
def data():
    pixels, labels = digits()
    return train.as_tensor(pixels[:320]), torch.from_numpy(labels[:320])


def trained(network, part):
    """The golden network after an epoch in float and one with simulated int8."""
    train.train(network, *part, epochs=1, rate=1e-2, seed=1)
    return transfer.imported(train.quantise(network, *part, seed=2))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_frozen_layers_stay_and_all_others_change(data, layers):
    train.seed_everything(1)
    source = train.DigitsNetwork(5)
    fixed = trained(source, select(*data, range(5)))
    network = trained(transfer.frozen_copy(source, layers, 5), select(*data, range(5, 10)))
    check_front_end(network, fixed, layers)
    for ours, theirs in zip(network.layers[:3], fixed.layers[:3], strict=True):
        same = np.array_equal(ours.weights, theirs.weights)
        assert same == (network.layers.index(ours) < layers)
    assert not np.array_equal(network.layers[5].weights, fixed.layers[5].weights)


def test_copy_leaves_the_network_as_it_is(data):
    train.seed_everything(1)
    source = train.DigitsNetwork(5)
    trained(source, select(*data, range(5)))
    scales = list(source.scales)
    before = [values.detach().clone() for values in source.parameters()]
    other = transfer.frozen_copy(source, 2, 7)
    assert other.scales == scales[:2] and other.classifier.out_features == 7
    assert [layer.weight.requires_grad for layer in other.layers()] == [False, False, True, True]
    trained(other, select(*data, range(5, 10)))
    assert source.scales == scales and len(other.scales) == 3
    assert all(torch.equal(a, b) for a, b in zip(before, source.parameters(), strict=True))
    assert all(values.requires_grad for values in source.parameters())


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_layers_with_scales_are_in_int8_and_the_others_in_float(data, known):
    train.seed_everything(1)
    network = train.DigitsNetwork()
    with torch.no_grad():
        network.scales = [float(x.max()) / 255 for x in network.activations(data[0])[:known]]
        for index, values in enumerate(network.activations(data[0])[:3]):
            step = network.scales[index] if index < known else float(values.max()) / 255
            rounded = torch.allclose(values / step, torch.round(values / step), atol=1e-3)
            assert rounded == (index < known)


def test_script_writes_both_networks_and_what_all_reach(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["transfer", str(tmp_path), "--seeds", "1", "--layers", "3"])
    transfer.main()
    first, others = (transfer.imported(tmp_path.joinpath(name).read_bytes())
                     for name in ("digits_0_4.tflite", "digits_5_9.tflite"))
    check_front_end(others, first, 3)
    content = json.loads(tmp_path.joinpath("transfer.json").read_text())
    assert content["layers"] == 3 and content["seeds"] == [1]
    kinds = [("0-4", "random", 0), ("5-9", "random", 0), *(("5-9", "0-4", n) for n in range(4))]
    for rows in (content["summary"], content["measurements"]):
        assert [(row["digits" if "digits" in row else "classes"], row["start"],
                 row["frozen_layers" if "digits" in row else "frozen"]) for row in rows] == kinds
    assert {entry["images"] for entry in content["measurements"]} == {141, 159}
    printed = " ".join(capsys.readouterr().out.split())
    assert "In all 3 networks with frozen layers, these have bit for bit the weights" in printed
    assert "23,184" in printed


def test_layers_that_are_trained_after_all_are_found(tmp_path, monkeypatch):
    def thawed(*arguments):
        return original(*arguments).requires_grad_(True)

    original = transfer.frozen_copy
    monkeypatch.setattr(transfer, "frozen_copy", thawed)
    monkeypatch.setattr("sys.argv", ["transfer", str(tmp_path), "--seeds", "1"])
    with pytest.raises(CompileFault, match="operator 0 of digits differs"):
        transfer.main()


@pytest.mark.parametrize(("options", "sentence"), [
    (["--seeds", "0"], "argument --seeds: invalid choice: 0"),
    (["--layers", "4"], "argument --layers: invalid choice: 4 ")])
def test_options_out_of_range(tmp_path, monkeypatch, capsys, options, sentence):
    monkeypatch.setattr("sys.argv", ["transfer", str(tmp_path), *options])
    with pytest.raises(SystemExit) as stopped:
        transfer.main()
    assert stopped.value.code == 2
    assert sentence in capsys.readouterr().err
