# SPDX-License-Identifier: Apache-2.0
"""Section front_end of a spec."""

import pytest
from systolith.gen.spec import SpecFault, load, to_yaml

SPEC = """\
name: s
engine: {kind: vdbb, tpe: {a: 4, b: 8, c: 4}, grid: {m: 1, n: 2}}
"""


def _load(tmp_path, section, *overrides):
    path = tmp_path / "s.yaml"
    path.write_text(SPEC + f"front_end: {section}\n")
    return load(path, overrides)


@pytest.mark.parametrize(("section", "layers", "count"), [
    ("null", None, 0), ("{}", None, 0), ("{layers: none}", "none", 0),
    ("{layers: 0..6}", "0..6", 7), ("{layers: 0..0}", "0..0", 1),
    ("{layers: 0..1, folds: [1, 4]}", "0..1", 2)])
def test_sections(tmp_path, section, layers, count):
    spec = _load(tmp_path, section)
    assert (spec.front_end.layers, spec.front_end.count) == (layers, count)
    copy = tmp_path / "copy.yaml"
    copy.write_text(to_yaml(spec))
    assert load(copy) == spec


KEYS = "network, layers, folds, single_port, levels_per_stage"
FAULTS = {
    "{layers: 3}": (21, "layers", "must be first..last, such as 0..6, or none or null, not 3"),
    "{layers: 0-6}": (21, "layers",
                      "must be first..last, such as 0..6, or none or null, not '0-6'"),
    "{layers: 1..6}": (21, "layers", (
        "must begin with 0, the operator that reads the network's input, and not end before it, "
        "not 1..6; set it to 0..6")),
    "{network: 7, layers: 0..1}": (22, "network", (
        "must be the path of an int8 model, .tflite or .onnx, or null, not 7")),
    "{network: m.tflite}": (22, "network", (
        "must be null without front_end.layers, not 'm.tflite'; set front_end.layers")),
    "{layers: 0..1, folds: [2]}": (34, "folds", (
        "must be one for each of the 2 layers 0..1, not 1")),
    "{layers: none, folds: [2]}": (34, "folds", (
        "must be [] where no layers are fixed, not [2]; remove them")),
    "{layers: 0..1, folds: 2}": (34, "folds", (
        "must be a list of cycles a pixel, 1 to 4096, one for each of front_end.layers, such as "
        "[1, 1, 4], not 2")),
    "{layers: 0..1, folds: [1, 0]}": (38, "folds[1]", (
        "must be a list of cycles a pixel, 1 to 4096, one for each of front_end.layers, such as "
        "[1, 1, 4], not 0")),
    "{layer: none}": (13, "layer", (
        f"key must be one of {KEYS}, not 'layer'; did you mean 'layers'?")),
}


@pytest.mark.parametrize("section", FAULTS)
def test_faults(tmp_path, monkeypatch, section):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(SPEC + f"front_end: {section}\n")
    with pytest.raises(SpecFault) as fault:
        load("s.yaml")
    column, field, sentence = FAULTS[section]
    assert list(fault.value.messages) == [f"s.yaml:3:{column}: front_end.{field}: {sentence}"]


def test_no_mapping(tmp_path):
    with pytest.raises(SpecFault, match=f"front_end: must be a mapping with the keys {KEYS}, not a "
                                        "list"):
        _load(tmp_path, "[]")


def test_weights_from_outside(tmp_path):
    with pytest.raises(SpecFault, match="memory.weight_source: must be on-chip with a front_end, "
                                        "not external; set it to on-chip"):
        _load(tmp_path, "{layers: none}", "memory.weight_source=external")


def test_compact_core():
    with pytest.raises(SpecFault, match="front_end.layers: must be null for kind simd, which takes "
                                        "no stream; set it to null"):
        load("demo-ulx3s", ["front_end.layers=none"])


def test_path_is_beside_the_file_and_an_override_where_the_user_is(tmp_path):
    beside = _load(tmp_path, "{network: m.tflite, layers: 0..1}")
    assert beside.front_end.network == str(tmp_path / "m.tflite")
    overridden = _load(tmp_path, "{network: m.tflite, layers: 0..1}", "front_end.network=n.tflite")
    assert overridden.front_end.network == "n.tflite"


def test_hash_is_of_the_layers_and_not_of_the_path(tmp_path):
    plain, first, second, longer = (_load(tmp_path, section) for section in (
        "null", "{network: m.tflite, layers: 0..1}", "{network: n.tflite, layers: 0..1}",
        "{network: m.tflite, layers: 0..2}"))
    assert plain.hash != first.hash
    assert first.hash == second.hash != longer.hash
    assert plain.hash == load(_bare(tmp_path)).hash


def _bare(tmp_path):
    path = tmp_path / "bare.yaml"
    path.write_text(SPEC)
    return path
