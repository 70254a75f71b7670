# SPDX-License-Identifier: Apache-2.0
"""How the engine takes the channel blocks of a layer: which, in what order, in how many steps."""

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np

from ...golden import dbb
from ...golden.dbb import BLOCK
from ...rtl.facts import EngineFacts
from .fault import CompileFault
from .lower import LoweredLayer

__all__ = ["BlockPlan", "IssuedBlock", "block_plan", "block_weights", "check_bound",
           "last_channels", "plan_blocks", "saves_steps", "weight_density"]

MAX_STEPS = BLOCK
"""Array steps that a block may take."""


class IssuedBlock(NamedTuple):
    """A channel block at a tap (ky, kx), as a column tile issues it: stored words (``passes``)
    and array ``steps``. ``near``: rows whose right-hand neighbour is in the next row take that
    row's word of the entry before; ``far``: ... of the one before that."""

    block: int
    ky: int
    kx: int
    passes: int
    steps: int
    near: bool
    far: bool

    @property
    def shared(self) -> bool:
        """Words are taken from neighbours."""
        return self.near or self.far


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPlan:
    """The blocks of a layer, arrays of shape [column tile, block, ky, kx].

    ``nnz``: the most non-zeros of a column; ``passes``: stored words, none where no column of the
    tile has a weight and the block is skipped; ``steps``: array steps. ``pass_steps`` of a word,
    unless the block ends before; ``split``: passes share out a block's positions. ``stride``
    along a row.
    """

    nnz: np.ndarray
    passes: np.ndarray
    steps: np.ndarray
    pass_steps: int
    split: bool
    stride: int

    @cached_property
    def tiles(self) -> list[list[IssuedBlock]]:
        """Of each column tile what it issues, in order."""
        return [self._tile(passes, steps)
                for passes, steps in zip(self.passes, self.steps, strict=True)]

    def _tile(self, passes: np.ndarray, steps: np.ndarray) -> list[IssuedBlock]:
        issued: list[IssuedBlock] = []
        for block, ky, kx in np.argwhere(passes).tolist():
            sharing = [before[:3] == (block, ky, kx - self.stride) for before in issued[:-3:-1]]
            issued.append(IssuedBlock(
                block, ky, kx, int(passes[block, ky, kx]), int(steps[block, ky, kx]),
                near=sharing[:1] == [True], far=sharing[1:] == [True]))
        return issued

    @cached_property
    def taps(self) -> np.ndarray:
        """How many blocks are issued at each tap, over all column tiles, [2, ky, kx]: with words
        of their own, and shared."""
        counts = np.zeros((2, *self.passes.shape[2:]), int)
        for tile in self.tiles:
            for entry in tile:
                counts[int(entry.shared), entry.ky, entry.kx] += 1
        return counts

    @property
    def skipped(self) -> float:
        """Share of the blocks that are not issued."""
        return 1 - np.count_nonzero(self.passes) / self.passes.size


def last_channels(channels: int) -> int:
    """Channels of a source's last block."""
    return (channels - 1) % BLOCK + 1


def block_weights(weights: np.ndarray, columns: int) -> np.ndarray:
    """[Cout, ky, kx, Cin] as [column tile, block, ky, kx, column, 8], padded with zeros: the order
    in which im2col reads."""
    outputs, kh, kw, channels = weights.shape
    tiles, blocks = -(-outputs // columns), -(-channels // BLOCK)
    padded = np.zeros((tiles * columns, kh, kw, blocks * BLOCK), np.int8)
    padded[:outputs, ..., :channels] = weights
    return padded.reshape(tiles, columns, kh, kw, blocks, BLOCK).transpose(0, 4, 2, 3, 1, 5)


def block_plan(facts: EngineFacts, weights: np.ndarray, bound: int, stride: int = 1) -> BlockPlan:
    """For ``weights`` [Cout, ky, kx, Cin] and activations pruned to ``bound`` of a block.

    Blocks without a weight are skipped by engines with compressed weights; a tile without any
    other keeps one block of one step, so that its sums start over.
    """
    channels = weights.shape[3]
    full, tail = min(channels, BLOCK), last_channels(channels)
    present = block_weights(weights, facts.columns) != 0
    nnz = np.count_nonzero(present, axis=-1).max(-1)
    density = max(int(nnz.max()), 1)
    split = facts.splits(density, bound)
    pass_steps = facts.pass_steps(density, full, bound)
    sizes = np.full(nnz.shape[1], full)[:, np.newaxis, np.newaxis]
    sizes[-1] = tail
    if not facts.compressed:
        passes = np.broadcast_to(np.vectorize(partial(facts.passes, BLOCK))(sizes), nnz.shape)
    elif split:
        used = present.any(-2) * np.arange(1, BLOCK + 1)  # positions, counted from 1
        passes = -(-used.max(-1) // facts.nnz)
    else:
        passes = np.array([0] + [facts.passes(count, bound=bound)
                                 for count in range(1, BLOCK + 1)])[nnz]
    steps = passes * pass_steps
    # A single pass, or the last of those that share out the positions, ends with the block.
    steps = np.where(split | (passes == 1), np.minimum(steps, sizes), steps)
    empty = ~passes.any((1, 2, 3))
    passes, steps = passes.copy(), steps.copy()
    passes[empty, 0, 0, 0] = steps[empty, 0, 0, 0] = 1
    return BlockPlan(nnz=nnz, passes=passes, steps=steps, pass_steps=pass_steps, split=split,
                     stride=stride)


def weight_density(layer: LoweredLayer) -> int:
    """The most non-zeros in any block of the layer, at least 1."""
    return max(dbb.max_nnz(layer.weights), 1)


def plan_blocks(layer: LoweredLayer, facts: EngineFacts) -> BlockPlan:
    """The plan of an engine layer."""
    return block_plan(facts, layer.weights, layer.activation_bound, layer.stride[1])


def saves_steps(layer: LoweredLayer, facts: EngineFacts) -> bool:
    """Whether pruned activations make an engine layer shorter."""
    pruned = plan_blocks(layer, facts)
    whole = plan_blocks(replace(layer, activation_bound=BLOCK), facts)
    return bool(pruned.steps.sum() < whole.steps.sum() and pruned.steps.max() <= MAX_STEPS)


def check_bound(layer: LoweredLayer, facts: EngineFacts) -> None:
    """Raises CompileFault where ``layer`` prunes activations, and that is not possible or vain."""
    if layer.activation_bound == BLOCK:
        return
    where = (f"layer {layer.name} ({layer.kind}): activations pruned to {layer.activation_bound} "
             f"of {BLOCK}")
    if not facts.holds_weights:
        raise CompileFault(f"{where} need an engine that prunes them; use engine.kind s2ta-aw")
    if not saves_steps(layer, facts):
        raise CompileFault(f"{where} save no steps with weights of NNZ {weight_density(layer)}; "
                           "do not prune this layer")
