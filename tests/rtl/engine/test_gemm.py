# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Every engine multiplies matrices of any shape, density and pattern, and keeps its time."""

import itertools

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from . import gemm
from .gemm import FACTS, PATTERNS, Gemm

# One process, and so one build, for all of them.
pytestmark = pytest.mark.xdist_group("gemm")
BOUNDS = (1, 2, 3, 4, 5, 8)


@pytest.fixture(scope="module")
def model():
    return gemm.simulator()


def bounds_of(kind):
    """Bounds on activations that the engine has a way for."""
    return BOUNDS if FACTS[kind].holds_weights else (8,)


@pytest.mark.parametrize("kind", FACTS)
def test_every_density_and_bound(model, kind):
    rng = np.random.default_rng(len(kind))
    cases = itertools.product(range(1, 9), bounds_of(kind), (False, True))
    gemms = [Gemm(p=int(p), k=int(k), q=int(q), nnz=nnz, bound=bound, signed=signed,
                  x=str(rng.choice(PATTERNS[:2])), seed=seed)
             for seed, (nnz, bound, signed) in enumerate(cases)
             for p, k, q in [rng.integers(1, (33, 65, 33))]]
    assert all(each.density == each.nnz for each in gemms if each.k >= 8)
    gemm.run(model, kind, gemms)


@pytest.mark.parametrize("kind", FACTS)
def test_every_pair_of_patterns(model, kind):
    rng = np.random.default_rng(7)
    gemms = [Gemm(p=int(rng.integers(1, 18)), k=int(rng.integers(1, 65)),
                  q=int(rng.integers(1, 18)), nnz=int(rng.integers(1, 9)),
                  bound=int(rng.choice(bounds_of(kind))), signed=signed, x=x, w=w, seed=seed)
             for seed, (x, w, signed) in enumerate(
                 itertools.product(PATTERNS, PATTERNS, (False, True)))]
    gemm.run(model, kind, gemms)


@pytest.mark.parametrize("kind", FACTS)
def test_the_largest_sums(model, kind):
    gemm.run(model, kind, [
        Gemm(p=64, k=64, q=64, signed=signed, x=x, w="lowest")
        for signed, x in ((True, "lowest"), (True, "highest"), (False, "highest"))])


@st.composite
def gemms_for(draw, kind):
    size = st.integers(1, 64)
    return Gemm(p=draw(size), k=draw(size), q=draw(size), nnz=draw(st.integers(1, 8)),
                bound=draw(st.sampled_from(bounds_of(kind))), signed=draw(st.booleans()),
                x=draw(st.sampled_from(PATTERNS)), w=draw(st.sampled_from(PATTERNS)),
                seed=draw(st.integers(0, 2**32 - 1)))


@pytest.mark.parametrize("kind", FACTS)
@settings(max_examples=3, deadline=None, derandomize=True,
          phases=[Phase.generate])  # the failing GEMM is named; shrinking would take minutes
@given(choices=st.data())
def test_any_gemms(model, kind, choices):
    gemm.run(model, kind, choices.draw(st.lists(gemms_for(kind), min_size=20, max_size=20)))
