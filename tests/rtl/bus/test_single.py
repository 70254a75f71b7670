# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The bursts of ``test_window`` through the small window."""

import random

import pytest
from systolith.rtl.bus.axi import Burst
from systolith.rtl.bus.single import SingleWindow

from .test_window import SIZE, Access, check, random_access

CONDITIONS = [{}, {"waits": 3, "stall": 0.3}]


@pytest.mark.parametrize("conditions", [*CONDITIONS, {"waits": 6, "stall": 0.8}], ids=str)
def test_random_bursts(conditions):
    rng = random.Random(3)
    check([random_access(rng, 0, SIZE, write=True) for _ in range(25)],
          [random_access(rng, 0, SIZE, write=False) for _ in range(25)], kind=SingleWindow,
          **conditions)


@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
def test_reads_next_to_writes(conditions):
    rng = random.Random(4)
    check([random_access(rng, 0, 4096, write=True) for _ in range(25)],
          [random_access(rng, 4096, SIZE, write=False) for _ in range(25)],
          kind=SingleWindow, together=True, **conditions)


@pytest.mark.parametrize("conditions", CONDITIONS, ids=str)
@pytest.mark.parametrize(("size", "burst"), [(3, Burst.WRAP), (3, 3), (4, Burst.INCR)])
def test_refused_burst(size, burst, conditions):
    beats = [(2**64 - 1, 0xFF)] * 4
    good = Access(0x80, 3, id=1, beats=beats)
    bad = Access(0x40, 3, size, burst, id=2, beats=beats)
    check([good, bad, good, bad, bad], [good, bad, bad, good, bad], kind=SingleWindow,
          **conditions)


def test_longest_unaligned_and_fixed_bursts():
    rng = random.Random(5)
    beats = [(rng.randrange(2**64), 0xFF) for _ in range(256)]
    part = [(0x1111_2222_3333_4444, 0b1110_0000), (0x5555_6666_7777_8888, 0xFF)]
    check([Access(0x800, 255, beats=beats), Access(0x105, 1, beats=part),
           Access(0x40, 3, burst=Burst.FIXED, beats=beats[:4])],
          [Access(0x800, 255), Access(0x105, 1), Access(0x40, 3, burst=Burst.FIXED)],
          kind=SingleWindow)


def test_local_errors():
    check([Access(SIZE - 8, 1, id=2, beats=[(7, 0xFF), (8, 0xFF)])],
          [Access(SIZE - 16, 3, id=3), Access(SIZE, 1, id=5)], kind=SingleWindow)
