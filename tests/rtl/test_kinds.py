# SPDX-License-Identifier: Apache-2.0
import pytest
from systolith.rtl import kinds
from systolith.rtl.parameters import EngineParameters

from .engine.shapes import facts_of


def test_registry_knows_its_kinds():
    assert list(kinds.KINDS) == ["sa", "sta", "sta-dbb", "vdbb", "s2ta-w", "s2ta-aw"]
    for kind in kinds.KINDS:
        assert facts_of(kind, b=1 if kind == "sa" else 8).rows == 2


def test_shape():
    f = facts_of("sta-dbb", a=4, b=8, c=2, m=3, n=5, nnz=4)
    assert (f.rows, f.columns, f.depth, f.nnz) == (12, 10, 8, 4)
    assert f.multipliers == 12 * 10 * 4
    assert (f.stored_bits, f.operand_bits) == (8 + 4 * 8, 4 * (8 + 3))
    dense = facts_of("sta", a=4, b=4, c=2, m=3, n=5)
    assert (dense.stored_bits, dense.operand_bits, dense.nnz) == (32, 32, 4)


def test_times():
    f = facts_of("sta", a=4, b=4, c=2, m=3, n=5)
    assert (f.latency, f.drain_start, f.drain_latency) == (1, 4, 4)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_dense_engines_take_a_step_per_depth_channels(depth):
    f = facts_of("sta", b=depth)
    for channels in range(1, 9):
        for nnz in range(9):
            assert f.passes(nnz, channels) == -(-channels // depth)
            assert f.pass_steps(nnz, channels) == 1


@pytest.mark.parametrize("slots", range(1, 9))
def test_dbb_takes_a_step_per_nnz_non_zeros_and_at_least_one(slots):
    f = facts_of("sta-dbb", b=8, nnz=slots)
    for nnz in range(9):
        assert all(f.passes(nnz, channels) == max(1, -(-min(nnz, channels) // slots))
                   and f.pass_steps(nnz, channels) == 1 for channels in range(1, 9))


@pytest.mark.parametrize("kind,shape,message", [
    ("sa", {"c": 4}, "SA's TPE must be 1x1x1, not 1x1x4"),
    ("sta-dbb", {"b": 8, "nnz": 0}, "NNZ must be 1 ... 8, not 0"),
])
def test_refuses_a_shape_that_it_is_not(kind, shape, message):
    whole = {"a": 1, "b": 1, "c": 1, "m": 2, "n": 2, "nnz": 1, "accumulator_bits": 32} | shape
    with pytest.raises(ValueError) as error:
        kinds.facts_of(EngineParameters(kind=kind, **whole))
    assert str(error.value) == message
