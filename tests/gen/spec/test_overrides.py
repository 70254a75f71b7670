# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec import SpecFault, load


def faults(*overrides, source="demo"):
    with pytest.raises(SpecFault) as caught:
        load(source, overrides)
    return list(caught.value.messages)


def test_values_are_yaml():
    spec = load("demo", ["memory.weights=128 KiB", "bus.dma=null", "name='quoted'",
                         "engine.grid={m: 4, n: 2}"])
    assert spec.memory.weights == 131072
    assert spec.bus.dma is None
    assert spec.name == "quoted"
    assert (spec.engine.grid.m, spec.engine.grid.n) == (4, 2)


def test_later_override_wins():
    assert load("demo", ["target.clock_mhz=1", "target.clock_mhz=2"]).target.clock_mhz == 2
    assert load("demo", ["engine.grid.m=8", "engine.grid={m: 4, n: 2}"]).engine.grid.m == 4
    assert load("demo", ["engine.grid={m: 4, n: 2}", "engine.grid.m=8"]).engine.grid.m == 8


def test_missing_section_is_made(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: sta, tpe: {a: 4, b: 8, c: 4}, grid: {m: 2, n: 2}}\n")
    assert load(path, ["target.clock_mhz=50"]).target.clock_mhz == 50


def test_override_repairs_the_file(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: sta, tpe: {a: 4, b: 3, c: 4}, grid: {m: 2, n: 2}}\n")
    assert load(path, ["engine.tpe.b=4"]).engine.tpe.b == 4


@pytest.mark.parametrize(("text", "sentence"), [
    ("engine.kind=foo",
     "engine.kind: must be sa, sta, sta-dbb, vdbb, s2ta-w, s2ta-aw, simd or cim, not 'foo'"),
    ("engine.grid.m=x", "engine.grid.m: must be an integer from 1 to 256, not 'x'"),
    ("engine.weights.nnz=9", ("engine.weights.nnz: NNZ must be at most the block of 8, not 9; set "
                              "it to 1..8")),
    ("engine.grids.m=2", ("engine.grids: key must be one of kind, tpe, grid, weights, "
                          "accumulator_bits, zero_gating, not 'grids'; did you mean 'grid'?")),
    ("engine.tpe={a: 2, b: 8}", ("engine.tpe.c: is missing: must be an integer from 1 to 256; add "
                                 "it")),
    ("name.first=x", "name.first: name must be a mapping to hold 'first', not 'demo'"),
    ("vector=", ("vector: must be a mapping with the keys lanes, taps, fused_channels, not "
                 "null")),
    ("target.clock_mhz=[", ("this is not valid YAML: while parsing a flow node, expected the node "
                            "content, but found '<stream end>'")),
    ("bus={dma: axi4, dma: null}", ("dma: key must be given once, not again after line 1; remove "
                                    "one")),
    ("engine", "an override must read path=value, such as engine.grid.m=4"),
    ("=4", "an override must read path=value, such as engine.grid.m=4"),
    ("engine..kind=sa", "an override must read path=value, such as engine.grid.m=4"),
])
def test_fault_names_the_override(text, sentence):
    assert faults(text) == [f"--set {text}: {sentence}"]


def test_faults_of_all_overrides_come_in_one_go():
    found = faults("vector.lanes=7", "nothing", "memory.weights=0", "bus.data_width=32")
    assert [message.split(": ")[0] for message in found] == [
        "--set vector.lanes=7", "--set nothing", "--set memory.weights=0",
        "--set bus.data_width=32"]


def test_fault_of_a_pair_names_the_file_where_the_file_wrote_it():
    assert faults("engine.grid.n=3", source="demo")[0].startswith("--set engine.grid.n=3: ")
    assert faults("engine.grid.n=6", source="kws-edge") == [
        ("kws-edge.yaml:13:19: postproc.lanes: must divide the 24 columns or be at least as many, "
         "not 16; set it to 8 or 24")]
