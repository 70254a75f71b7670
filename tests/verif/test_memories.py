# SPDX-License-Identifier: Apache-2.0
"""Addresses of the window and words of the banks; whole runs are in ``test_inference``."""

import pytest
from systolith.verif.memories import Memories, Places

PLACES = Places(regions=("activations", "weights", "program", "schedule"), region_bits=12,
                banks=(8, 4, 2, 1), group_words=64)


@pytest.mark.parametrize(("address", "place"), [
    (0, (0, "bank_0_0", 0)),
    (8 * 9, (0, "bank_0_1", 1)),
    (8 * (64 + 15), (0, "bank_1_7", 1)),
    ((1 << 12) + 8 * 6, (1, "bank_2", 1)),
    ((2 << 12) + 8 * 5, (2, "bank_1", 2)),
    ((3 << 12) + 8 * 7, (3, "bank_0", 7)),
])
def test_find(address, place):
    assert PLACES.find(address) == place


class Instance(list):
    def __init__(self, name, *children):
        super().__init__(children)
        self._name = self._path = name


def test_a_memory_that_is_not_public_is_named():
    top = Instance("top", Instance("top_core", Instance("top_core_weights"),
                                   Instance("top_core_activations_286")))
    with pytest.raises(LookupError, match="top_core must hold one instance program, not 0"):
        Memories(top, PLACES)
