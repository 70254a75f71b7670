# SPDX-License-Identifier: Apache-2.0
from systolith.fpga.asic.training import (
    BLOCK_TRAINING,
    HELD_OUT,
    TRAINING,
    held_out,
    spec_shape,
)
from systolith.gen.predict.costs import load_costs
from systolith.gen.spec import load


def test_specs_that_judge_are_not_fitted():
    fitted = {shape.label for shape in TRAINING}
    judges = {spec_shape(spec).label for spec in held_out().values()}
    assert len(fitted) == len(TRAINING)
    assert len(judges) == len(HELD_OUT) >= 10
    assert not fitted & judges
    assert not {load(*each).hash for each in BLOCK_TRAINING.values()} & {
        spec.hash for spec in held_out().values()}


def test_judges_are_of_all_engines():
    judges = held_out().values()
    assert {spec.engine.kind for spec in judges} >= {"sa", "sta", "sta-dbb", "vdbb", "s2ta-aw"}
    for field in ("final_adder",):
        assert len({getattr(spec.arithmetic, field) for spec in judges}) == 2
    assert {spec.drain.read_out for spec in judges} == {"overlapped", "in-place"}
    assert len({spec.engine.accumulator_bits for spec in judges}) >= 4


def test_shipped_costs_are_of_these():
    costs = load_costs("asap7")
    assert costs.training == [shape.label for shape in TRAINING]
    assert costs.block_training == list(BLOCK_TRAINING)
    assert list(costs.judged) == list(HELD_OUT)
