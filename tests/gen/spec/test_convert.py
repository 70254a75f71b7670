# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.gen.spec import SpecFault, load


def shape(spec):
    engine = spec.engine
    return (engine.kind, (engine.tpe.a, engine.tpe.b, engine.tpe.c),
            (engine.grid.m, engine.grid.n), engine.weights.nnz)


CASES = [
    ("kws-edge", "sa", ("sa", (1, 1, 1), (16, 16), 8)),
    ("kws-edge", "sta", ("sta", (4, 4, 4), (2, 2), 8)),
    ("kws-edge", "sta-dbb", ("sta-dbb", (4, 8, 4), (2, 2), 4)),
    ("kws-edge", "vdbb", ("vdbb", (4, 8, 4), (4, 4), 8)),
    ("sa-64x64", "vdbb", ("vdbb", (1, 8, 1), (64, 64), 8)),
    ("demo", "sa", ("sa", (1, 1, 1), (8, 16), 8)),
    ("sta-64x64", "sa", ("sa", (1, 1, 1), (128, 256), 8)),
    ("sta-64x64", "sta-dbb", ("sta-dbb", (4, 8, 4), (16, 16), 8)),
    ("sa-64x64", "sta", ("sta", (1, 1, 1), (64, 64), 8)),
    ("sa-64x64", "sta-dbb", ("sta-dbb", (1, 8, 1), (64, 64), 1)),
]


@pytest.mark.parametrize(("source", "kind", "expected"), CASES)
def test_kind_alone_keeps_the_multipliers(source, kind, expected):
    before, after = load(source), load(source, [f"engine.kind={kind}"])
    assert shape(after) == expected
    assert after.multipliers == before.multipliers
    if kind not in ("sa", "vdbb"):
        assert (after.rows, after.columns) == (before.rows, before.columns)


@pytest.mark.parametrize("nnz", [1, 2, 4, 8])
def test_there_and_back_is_the_same(nnz, tmp_path):
    from systolith.gen.spec import to_yaml

    spec = load("kws-edge", [f"engine.weights.nnz={nnz}"])
    path = tmp_path / "s.yaml"
    path.write_text(to_yaml(load("kws-edge", ["engine.weights={block: 8, nnz: 4}"])))
    path.write_text(to_yaml(load(path)).replace("nnz: 4", f"nnz: {nnz}"))
    middle = load(path, ["engine.kind=sta"])
    assert middle.engine.tpe.b == nnz
    path.write_text(to_yaml(middle))
    assert load(path, ["engine.kind=sta-dbb"]) == spec


def test_other_engine_fields_stay():
    assert load("kws-edge", ["engine.kind=sa"]).engine.accumulator_bits == 24


def test_kind_in_the_file_converts_nothing(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: sa, tpe: {a: 4, b: 8, c: 4}, grid: {m: 2, n: 2}}\n")
    with pytest.raises(SpecFault, match="for kind sa, not a 4x8x4 TPE"):
        load(path)


@pytest.mark.parametrize(("overrides", "expected"), [
    (["engine.kind=sa", "engine.grid={m: 8, n: 8}"], ("sa", (1, 1, 1), (8, 8), 8)),
    (["engine.grid.m=8", "engine.kind=sa"], ("sa", (1, 1, 1), (8, 16), 8)),
    (["engine.kind=sta", "engine.tpe.b=8"], ("sta", (4, 8, 4), (2, 2), 8)),
    (["engine.tpe={a: 2, b: 2, c: 2}", "engine.kind=sta", "engine.grid={m: 2, n: 4}"],
     ("sta", (2, 2, 2), (2, 4), 8)),
])
def test_explicit_fields_win(overrides, expected):
    assert shape(load("kws-edge", overrides)) == expected


def test_explicit_nnz_wins_towards_sparse():
    spec = load("sta-64x64", ["engine.kind=sta-dbb", "engine.weights.nnz=2"])
    assert shape(spec) == ("sta-dbb", (4, 8, 4), (16, 16), 2)


def test_whole_engine_is_taken_as_it_is():
    engine = "{kind: sa, tpe: {a: 1, b: 1, c: 1}, grid: {m: 8, n: 8}}"
    assert shape(load("kws-edge", [f"engine={engine}"])) == ("sa", (1, 1, 1), (8, 8), 8)


@pytest.fixture
def nnz3(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: sta-dbb, tpe: {a: 4, b: 8, c: 4}, "
                    "grid: {m: 2, n: 2}, weights: {nnz: 3}}\n")
    return path


def test_depth_that_sta_has_not_is_a_fault(nnz3):
    with pytest.raises(SpecFault) as caught:
        load(nnz3, ["engine.kind=sta"])
    assert str(caught.value) == (
        "--set engine.kind=sta: engine.kind: kind sta must have 1, 2, 4 or 8 multipliers for each "
        "output, not the 3 of NNZ 3; set engine.tpe.b too")
    assert load(nnz3, ["engine.kind=sta", "engine.tpe.b=4"]).engine.tpe.b == 4


def test_odd_number_of_multipliers_may_still_make_a_grid(nnz3):
    assert shape(load(nnz3, ["engine.kind=sa"])) == ("sa", (1, 1, 1), (8, 24), 8)


def test_multipliers_that_make_no_grid_are_a_fault(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nengine: {kind: sta, tpe: {a: 4, b: 2, c: 4}, grid: {m: 1, n: 22}}\n")
    assert shape(load(path, ["engine.kind=sa"])) == ("sa", (1, 1, 1), (8, 88), 8)
    path.write_text("name: x\nengine: {kind: sta-dbb, tpe: {a: 4, b: 8, c: 8}, "
                    "grid: {m: 1, n: 1}, weights: {nnz: 1}}\n")
    with pytest.raises(SpecFault) as caught:
        load(path, ["engine.kind=sa"])
    assert str(caught.value) == (
        "--set engine.kind=sa: engine.kind: kind sa must have 8, 16, 32, 64, 128 or 256 rows and "
        "a multiple of 8 columns up to 256, which 32 multipliers cannot make; set engine.grid too")
    assert load(path, ["engine.kind=sa", "engine.grid={m: 8, n: 8}"]).multipliers == 64
