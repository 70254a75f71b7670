# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec import Spec, json_schema, load, names, to_yaml
from systolith.rtl.arith.carry_save import FinalAdder
from systolith.rtl.arith.partial_products import Multiplier
from systolith.rtl.kinds import ALL_KINDS, KINDS


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["demo", "kws-edge", "sa-64x64", "sta-64x64"])
def test_yaml_round_trip(name, kind, tmp_path):
    spec = load(name, [f"engine.kind={kind}", "bus.dma=null", "memory.weights=1536 KiB"])
    path = tmp_path / "s.yaml"
    path.write_text(to_yaml(spec))
    assert load(path) == spec
    assert load(path).hash == spec.hash


@pytest.mark.parametrize("final_adder", FinalAdder)
@pytest.mark.parametrize("multiplier", ["inferred", "rows", *Multiplier])
def test_arithmetic_survives(multiplier, final_adder, tmp_path):
    spec = load("demo", [f"arithmetic={{multiplier: {multiplier}, final_adder: {final_adder}}}"])
    path = tmp_path / "s.yaml"
    path.write_text(to_yaml(spec))
    assert load(path) == spec and load(path).arithmetic.multiplier == multiplier
    assert f"multiplier: {multiplier}, final_adder: {final_adder}, " in to_yaml(spec)


@pytest.mark.parametrize("word", ["yes", "null", "true", "on", "y", "E5"])
def test_names_that_look_like_other_things_survive(word, tmp_path):
    spec = load("demo", [f"name='{word}'"])
    path = tmp_path / "s.yaml"
    path.write_text(to_yaml(spec))
    assert load(path).name == word


def test_sizes_are_written_for_people():
    assert "memory: {activations: 16 KiB, weights: 64 KiB, program: 16 KiB" in to_yaml(load("demo"))


def test_schema_names_every_section_and_forbids_others():
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == list(Spec.model_fields)
    assert schema["required"] == ["name", "engine"]
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


def test_schema_describes_every_leaf():
    for section in json_schema()["$defs"].values():
        for field in section["properties"].values():
            assert "$ref" in field or field["description"]


def test_schema_knows_the_ranges():
    parts = json_schema()["$defs"]
    assert parts["Weights"]["properties"]["nnz"]["maximum"] == 8
    assert parts["Engine"]["properties"]["kind"]["enum"] == list(ALL_KINDS)
    trees = parts["Arithmetic"]["properties"]
    assert trees["multiplier"]["enum"] == ["inferred", "rows", *Multiplier]
    assert trees["final_adder"]["enum"] == list(FinalAdder)
    assert parts["Memory"]["properties"]["weights"]["anyOf"][0]["type"] == "string"


def test_every_named_spec_begins_with_a_comment():
    from importlib import resources

    from systolith.gen import specs
    for name in names():
        lines = (resources.files(specs) / f"{name}.yaml").read_text().splitlines()
        assert lines[0] == "# SPDX-License-Identifier: Apache-2.0"
        assert lines[1].startswith("# ")
