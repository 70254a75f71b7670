# SPDX-License-Identifier: Apache-2.0
"""Straight into the simulated memories: loads images and inputs without the AXI window."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cocotb.handle import Immediate

__all__ = ["Memories", "Places"]


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the words of the address map lie.

    ``banks`` of each of the ``regions``, at powers of two; ``group_words`` of address space in an
    activation bank group, None where there is one memory of a single bank.
    """

    regions: Sequence[str]
    region_bits: int
    banks: Sequence[int]
    group_words: int | None = None

    def find(self, address: int) -> tuple[int, str, int]:
        """Region, bank by name and word within it, of a byte address."""
        if self.group_words is None:
            return 0, "bank", address >> 3
        region = address >> self.region_bits
        word = (address & (1 << self.region_bits) - 1) >> 3
        group = ""
        if region == 0:
            number, word = divmod(word, self.group_words)
            group = f"{number}_"
        word, bank = divmod(word, self.banks[region])
        return region, f"bank_{group}{bank}", word


class Memories:
    """Writes the memories of ``dut``, whose simulator was built with its memories public.

    It takes no time, and nothing may be under way in the core.
    """

    def __init__(self, dut, places: Places):
        core = _child(dut, "core")
        self._regions = [_child(core, name) for name in places.regions]
        self._places = places
        self._words: dict[int, object] = {}

    async def store(self, runs, words: np.ndarray) -> None:
        """As ``Host.store``: runs of (byte address, first word, count) of ``words``."""
        for address, first, count in runs:
            for k, value in enumerate(words[first:first + count].tolist()):
                self._word(address + 8 * k).set(Immediate(value))

    def _word(self, address: int):
        if address not in self._words:
            region, bank, line = self._places.find(address)
            unit = getattr(self._regions[region], bank)
            sram = unit.sram if region == 0 and self._places.group_words is not None else unit
            self._words[address] = sram.storage[line]
        return self._words[address]


def _child(parent, name: str):
    """The instance of that name, before and behind which the emitter may write more."""
    found = [child for child in parent
             if re.fullmatch(rf"(?:.*_)?{name}(?:_\d+)?", child._name)]
    if len(found) != 1:
        raise LookupError(f"{parent._path} must hold one instance {name}, not {len(found)}")
    return found[0]
