# SPDX-License-Identifier: Apache-2.0
import pytest
import yaml
from pydantic import ValidationError
from systolith.gen.build import parameters
from systolith.gen.spec import Spec, SpecFault, load

BASE = """\
name: base
engine:
  kind: {kind}
  tpe: {{a: {a}, b: {b}, c: {c}}}
  grid: {{m: {m}, n: {n}}}
  weights: {{block: 8, nnz: {nnz}}}
memory: {{activations: {activations}, weights: {weights}}}
postproc: {{lanes: {lanes}}}
bus: {{window: {window}, dma: {dma}}}
"""
LEGAL = {"kind": "sta-dbb", "a": 4, "b": 8, "c": 4, "m": 2, "n": 2, "nnz": 4,
         "activations": "64 KiB", "weights": "64 KiB", "lanes": 8,
         "window": "axi4", "dma": "axi4"}


def faults(tmp_path, **changes):
    path = tmp_path / "s.yaml"
    path.write_text(BASE.format(**(LEGAL | changes)))
    with pytest.raises(SpecFault) as caught:
        load(path)
    return [message.removeprefix(f"{path}:") for message in caught.value.messages]


def test_the_base_is_legal(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(BASE.format(**LEGAL))
    assert load(path).multipliers == 256


CASES = {
    "nnz above block": (
        {"nnz": 9}, ("6:28: engine.weights.nnz: NNZ must be at most the block of 8, not 9; "
                     "set it to 1..8")),
    "dense engine with sparse weights": (
        {"kind": "sta"}, ("6:28: engine.weights.nnz: must be 8 (dense) for kind sta, not 4; remove "
                          "engine.weights, or use kind sta-dbb")),
    "sa with a tensor TPE": (
        {"kind": "sa", "nnz": 8},
        ("4:8: engine.tpe: must be {a: 1, b: 1, c: 1} for kind sa, not a 4x8x4 TPE; write the "
         "array's size in engine.grid, or use kind sta")),
    "sta-dbb with a shallow TPE": (
        {"b": 4}, ("4:18: engine.tpe.b: must be 8, the block, for kind sta-dbb, not 4; "
                   "engine.weights.nnz sets its multipliers")),
    "rows no power of two": (
        {"m": 3}, ("5:13: engine.grid.m: rows (tpe.a x grid.m) must be a power of two from 4 to "
                   "256, not 4 x 3 = 12; set grid.m to 2 or 4")),
    "too many rows": (
        {"m": 128}, ("5:13: engine.grid.m: rows (tpe.a x grid.m) must be a power of two from 4 to "
                     "256, not 4 x 128 = 512; set grid.m to 32 or 64")),
    "rows that no grid makes a power of two": (
        {"a": 3}, ("5:13: engine.grid.m: rows (tpe.a x grid.m) must be a power of two from 4 to "
                   "256, not 3 x 2 = 6; make tpe.a a power of two")),
    "less than a block of activations": (
        {"kind": "sta", "a": 2, "b": 1, "nnz": 8},
        ("5:13: engine.grid.m: rows x tpe.b must be at least 8, one block of activations, not "
         "4 x 1 = 4; set grid.m to 4 or more")),
    "columns no multiple of eight": (
        {"n": 3}, ("5:19: engine.grid.n: columns (tpe.c x grid.n) must be a multiple of 8 from 8 "
                   "to 256, not 4 x 3 = 12; set grid.n to 2 or 4")),
    "too many columns": (
        {"c": 256, "n": 2}, ("5:19: engine.grid.n: columns (tpe.c x grid.n) must be a multiple of "
                             "8 from 8 to 256, not 256 x 2 = 512; set grid.n to 1")),
    "post-processor lanes that do not divide": (
        {"n": 6, "lanes": 16}, ("8:19: postproc.lanes: must divide the 24 columns or be at least "
                                "as many, not 16; set it to 8 or 24")),
    "activation memory smaller than its banks": (
        {"m": 64, "activations": "1 KiB"},
        ("7:23: memory.activations: must be at least 8 KiB for two groups of 256 banks, not 1 KiB; "
         "make it larger")),
    "weight memory smaller than two steps": (
        {"n": 64, "nnz": 8, "weights": "4 KiB"},
        ("7:40: memory.weights: must be at least 5 KiB for two steps of 256 columns, not 4 KiB; "
         "make it larger")),
    "no way to the memories": (
        {"window": "null", "dma": "null"},
        ("9:6: bus: window or dma must be there, not both null: nothing could reach the core's "
         "memories; set bus.window or bus.dma to axi4")),
}


@pytest.mark.parametrize("case", CASES)
def test_fault(case, tmp_path):
    changes, sentence = CASES[case]
    assert faults(tmp_path, **changes) == [sentence]


def test_rules_report_together(tmp_path):
    found = faults(tmp_path, nnz=9, m=3, n=3, window="null", dma="null")
    assert [message.split(": ")[1] for message in found] == [
        "engine.grid.m", "engine.grid.n", "engine.weights.nnz", "bus"]


def test_rules_report_beside_field_faults(tmp_path):
    found = faults(tmp_path, nnz=9, a="x", lanes=12)
    assert [message.split(": ")[1] for message in found] == [
        "engine.tpe.a", "engine.weights.nnz", "postproc.lanes"]


def test_spec_made_in_python_obeys_the_rules():
    data = yaml.safe_load(BASE.format(**LEGAL | {"nnz": 9}))
    with pytest.raises(ValidationError, match="NNZ must be at most the block of 8, not 9"):
        Spec.model_validate(data)


@pytest.mark.parametrize("lanes", [8, 16, 32])
@pytest.mark.parametrize(("kind", "b", "nnz"), [
    ("sa", 1, 8), ("sta", 1, 8), ("sta", 4, 8), ("sta-dbb", 8, 1), ("sta-dbb", 8, 8)])
@pytest.mark.parametrize(("m", "n"), [(8, 8), (16, 24), (256, 8), (8, 256), (256, 256)])
def test_least_memories_are_those_of_the_hardware(kind, b, nnz, m, n, lanes):
    data = yaml.safe_load(BASE.format(**LEGAL | {
        "kind": kind, "a": 1, "b": b, "c": 1, "m": m, "n": n, "nnz": nnz, "lanes": 8}))
    data["vector"] = {"lanes": lanes}
    p = parameters(Spec.model_validate(data))
    least = {"activations": 2 * 2 * 8 * p.banks, "weights": 2 * 8 * p.weight_banks}
    for name, size in least.items():
        size = -(-size // 1024) * 1024
        Spec.model_validate(data | {"memory": {name: size}})
        if size > 1024:
            with pytest.raises(ValidationError, match=f"memory.{name}: must be at least"):
                Spec.model_validate(data | {"memory": {name: size - 1024}})
    p = parameters(Spec.model_validate(data | {"memory": {"program": 1024}}))
    assert p.program_rows >= 8
