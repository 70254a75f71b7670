# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
from systolith.fpga.asic.ppa.designs import ENGINES, Point, points_of, variants
from systolith.fpga.asic.technology import load_technology
from systolith.gen.build import parameters
from systolith.gen.spec import load
from systolith.rtl.arith.partial_products import Multiplier

BY_NAME = {engine.name: engine for engine in ENGINES}


def test_every_engine_of_the_issue_is_there():
    assert list(BY_NAME) == ["SA", "SA-ZVCG", "STA", "STA-DBB", "VDBB", "S2TA-W", "S2TA-AW"]


@pytest.mark.parametrize("name, macs", [("SA", 1), ("STA", 128), ("STA-DBB", 128), ("VDBB", 64),
                                        ("S2TA-W", 128), ("S2TA-AW", 64)])
def test_macs_are_those_of_the_dense_layer(name, macs):
    assert BY_NAME[name].macs == macs


@pytest.mark.parametrize("engine", ENGINES, ids=list(BY_NAME))
def test_specs_have_the_same_tpe_and_256_multipliers(engine):
    name, *changes = engine.spec
    spec = load(name, changes)
    own, theirs = engine.facts(overlapped=True), parameters(spec).facts
    assert spec.multipliers == 256
    for field in ("a", "c", "depth", "nnz", "encoding"):
        assert getattr(own, field) == getattr(theirs, field), field


@pytest.mark.parametrize("overlapped", [False, True])
def test_all_have_equal_accumulators_and_read_out(overlapped):
    facts = [engine.facts(overlapped=overlapped) for engine in ENGINES]
    assert {(f.accumulator_bits, f.overlapped) for f in facts} == {(32, overlapped)}


def test_only_some_are_gated():
    assert [name for name, engine in BY_NAME.items() if engine.zero_gating] == [
        "SA-ZVCG", "S2TA-W", "S2TA-AW"]


@pytest.mark.parametrize("relaxed", [False, True])
def test_baselines_have_every_variant_of_the_others(relaxed):
    point = Point(1000.0, relaxed)
    own = {name: set(variants(engine, point)) for name, engine in BY_NAME.items()}
    for name in ("SA", "SA-ZVCG"):
        assert len(own[name]) == 18
        assert all(own[name] >= {_alone(each) for each in other} for other in own.values())
        assert len({(each.multiplier, each.final) for each in own[name]}) == 6
    assert {name: len(other) for name, other in own.items() if name[:2] != "SA"} == {
        "STA": 3 if relaxed else 1, "STA-DBB": 3 if relaxed else 1, "VDBB": 2 if relaxed else 1,
        "S2TA-W": 1, "S2TA-AW": 1}


def _alone(variant):
    """What a multiplier of two products is for a single one."""
    alone = {Multiplier.MIXED: Multiplier.BAUGH_WOOLEY,
             Multiplier.DISTRIBUTED: Multiplier.RADIX_4}
    return replace(variant, multiplier=alone.get(variant.multiplier, variant.multiplier))


def test_points_are_the_technology_s_or_as_asked():
    asap7 = load_technology("asap7")
    assert [point.label() for point in points_of(asap7)] == ["1 GHz", "500 MHz"]
    assert [(p.period, p.relaxed) for p in points_of(asap7, [1500.0, 900.0])] == [
        (900.0, False), (1500.0, True)]
    assert [p.label("tau") for p in points_of(load_technology("gates"))] == ["1000 tau",
                                                                             "2000 tau"]


@pytest.mark.parametrize("clocks, sentence", [
    ([1.0, 2.0, 3.0], "^Clock periods must be one or two, not 3"),
    ([-1.0], "^Clock period must be positive, not -1.0")])
def test_other_points_are_refused(clocks, sentence):
    with pytest.raises(ValueError, match=sentence):
        points_of(load_technology("asap7"), clocks)


def test_a_technology_without_clocks_must_be_told():
    silent = load_technology("asap7").model_copy(update={"clocks": ()})
    with pytest.raises(ValueError, match="^Clock periods must be one or two, not 0: technology "
                                         "asap7 states none"):
        points_of(silent)
