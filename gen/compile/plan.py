# SPDX-License-Identifier: Apache-2.0
"""How the engine takes the channel blocks of a layer: stored words and array steps."""

from dataclasses import dataclass

from ...golden import dbb
from ...golden.dbb import BLOCK
from ...rtl.facts import EngineFacts
from .fault import CompileFault
from .lower import LoweredLayer

__all__ = ["BlockPlan", "block_plan", "last_channels", "plan_blocks", "weight_density"]


@dataclass(frozen=True, kw_only=True)
class BlockPlan:
    """Of a full block and of the source's last one: stored words (``passes``) and array
    ``steps``; ``pass_steps`` of a word, unless the block ends before; ``split``: passes share out
    a block's positions."""

    passes: tuple[int, int]
    steps: tuple[int, int]
    pass_steps: int
    split: bool

    def total(self, counts: tuple[int, int], blocks: int) -> int:
        """Sum of ``passes`` or ``steps`` over a source of so many blocks."""
        return (blocks - 1) * counts[0] + counts[1]


def last_channels(channels: int) -> int:
    """Channels of a source's last block."""
    return (channels - 1) % BLOCK + 1


def block_plan(facts: EngineFacts, density: int, channels: int, bound: int) -> BlockPlan:
    """For weights of NNZ ``density`` and activations pruned to ``bound`` of a block."""
    split = facts.splits(density, bound)
    pass_steps = facts.pass_steps(density, min(channels, BLOCK), bound)
    sizes = (min(channels, BLOCK), last_channels(channels))
    passes = [facts.passes(density, size, bound) for size in sizes]
    steps = [size if split else min(pass_steps, size) if count == 1 else count * pass_steps
             for size, count in zip(sizes, passes, strict=True)]
    return BlockPlan(passes=(passes[0], passes[1]), steps=(steps[0], steps[1]),
                     pass_steps=pass_steps, split=split)


def weight_density(layer: LoweredLayer) -> int:
    """The most non-zeros in any block of the layer, at least 1."""
    return max(dbb.max_nnz(layer.weights), 1)


def plan_blocks(layer: LoweredLayer, facts: EngineFacts) -> BlockPlan:
    """The plan of an engine layer; raises CompileFault where pruning is not possible or in vain."""
    density, bound, channels = (weight_density(layer), layer.activation_bound,
                                layer.source_shape[2])
    plan = block_plan(facts, density, channels, bound)
    if bound == BLOCK:
        return plan
    where = f"layer {layer.name} ({layer.kind}): activations pruned to {bound} of {BLOCK}"
    if not facts.holds_weights:
        raise CompileFault(f"{where} need an engine that prunes them; use engine.kind s2ta-aw")
    blocks = -(-channels // BLOCK)
    whole = block_plan(facts, density, channels, BLOCK)
    if plan.total(plan.steps, blocks) >= whole.total(whole.steps, blocks):
        raise CompileFault(f"{where} save no steps with weights of NNZ {density}; do not prune "
                           "this layer")
    return plan
