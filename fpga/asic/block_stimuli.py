# SPDX-License-Identifier: Apache-2.0
"""What blocks other than TPEs see at their ports, at work and at rest: a model, port by port.

Data are the tensors of a real inference, one after the other, accumulators those of a real layer,
pixel after pixel; weights are the network's. Control is a model by the ports' names: what is valid
or enabled is so in every cycle of work, what starts or stops something rests, addresses count,
descriptors and parameters stay, once they were taken over.
"""

from collections.abc import Mapping

import numpy as np

from .netlist import Netlist

__all__ = ["CYCLES", "Recording", "at_rest", "at_work"]

CYCLES = 96
"""Of a stimulus; the first ``WARM`` are not counted."""
WARM = 16
_ON = ("valid", "enable", "fire", "ready", "step", "running", "cycle", "grant", "take", "reads",
       "busy")
_OFF = ("rst", "start", "stop", "clear", "first", "error", "soft_reset", "drain", "fused",
        "remaining", "signed", "narrow", "flush", "lock", "maximum", "addition", "addend", "join")
_STILL = ("descriptor", "shadow", "parameter", "base", "sets", "conditions", "watchdog", "last",
          "threshold", "size", "layer", "zero_point", "multiplier", "shift", "common", "rounding")
_ACCUMULATORS = ("post_lane", "requantiser")
"""Modules whose port ``i`` has accumulators."""
_COUNTING = ("address", "row", "group", "index", "line", "tag", "count", "position", "column")


class Recording:
    """Bytes of an inference: ``activations``, tensor after tensor, and ``weights``, uint8 each;
    ``sums``: accumulators of a channel, or None where none are known."""

    def __init__(self, activations: np.ndarray, weights: np.ndarray,
                 sums: np.ndarray | None = None):
        self.activations = np.ascontiguousarray(activations).view(np.uint8).ravel()
        self.weights = np.ascontiguousarray(weights).view(np.uint8).ravel()
        self.sums = None if sums is None else np.resize(sums.astype(np.int64), CYCLES)

    def bits(self, name: str, width: int, seed: int) -> np.ndarray:
        """Bits [CYCLES, width] for a port of data: bytes that follow each other in memory lie side
        by side, and in the next cycle those behind them."""
        source = self.weights if "weight" in name or "shadow" in name else self.activations
        each = -(-width // 8)
        taken = np.take(source, seed * each * CYCLES + np.arange(CYCLES * each), mode="wrap")
        return np.unpackbits(taken.reshape(CYCLES, each), axis=1, bitorder="little")[:, :width]


def at_work(netlist: Netlist, recording: Recording) -> Mapping[str, np.ndarray]:
    """Bits of every input port, of a block that works in every cycle."""
    found = {name: _port(name, len(nets), recording, k)
             for k, (name, nets) in enumerate(_ports(netlist))}
    if recording.sums is not None and "i" in found and any(
            kind in netlist.name for kind in _ACCUMULATORS):
        places = np.arange(found["i"].shape[1])
        found["i"] = (recording.sums[:, None] >> places & 1).astype(np.uint8)
    return found


def at_rest(netlist: Netlist, recording: Recording) -> Mapping[str, np.ndarray]:
    """Bits of every input port, of a block that has worked, and waits: after ``WARM`` cycles of
    work data stay and nothing is valid."""
    found = {}
    for name, bits in at_work(netlist, recording).items():
        held = bits.copy()
        off = bits.shape[1] <= 3 or _named(name, _ON)
        held[WARM // 2:] = 0 if off and not _named(name, _STILL) else bits[WARM // 2]
        found[name] = held
    return found


def _ports(netlist: Netlist) -> list[tuple[str, list[int]]]:
    return [(name, nets) for name, nets in netlist.inputs.items() if netlist.clock not in nets]


def _named(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name.rpartition(".")[2] for word in words)


def _port(name: str, width: int, recording: Recording, seed: int) -> np.ndarray:
    if _named(name, _OFF):
        return np.zeros((CYCLES, width), np.uint8)
    if _named(name, ("swap",)):
        return np.repeat((np.arange(CYCLES) < WARM // 4)[:, None], width, axis=1).astype(np.uint8)
    if _named(name, _STILL):
        return np.repeat(recording.bits(name, width, seed)[:1], CYCLES, axis=0)
    if _named(name, _ON):
        return np.ones((CYCLES, width), np.uint8)
    if _named(name, _COUNTING) and width <= 32:
        return (np.arange(CYCLES)[:, None] >> np.arange(width) & 1).astype(np.uint8)
    return recording.bits(name, width, seed)
