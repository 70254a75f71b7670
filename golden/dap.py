# SPDX-License-Identifier: Apache-2.0
"""Dynamic activation pruning: at run time each block of 8 channels keeps its largest magnitudes.

Magnitudes are those of ``x - zero_point``; of equals the lowest channel stays. Source: S2TA
(HPCA 2022), A-DBB and the DAP unit.
"""

import numpy as np

from .dbb import BLOCK

__all__ = ["MAX_BOUND", "prune_activations", "stream"]

MAX_BOUND = 5
"""The largest bound that prunes; ``BLOCK`` keeps everything."""


def prune_activations(values: np.ndarray, *, zero_point: int, bound: int) -> np.ndarray:
    """``values`` int8 [..., C] with all but ``bound`` elements of each block at ``zero_point``.

    The last block may hold fewer than ``BLOCK`` channels. Raises ValueError where ``bound`` is
    neither 1 ... ``MAX_BOUND`` nor ``BLOCK``.
    """
    if bound == BLOCK:
        return values
    if not 1 <= bound <= MAX_BOUND:
        raise ValueError(f"Activation bound must be 1 ... {MAX_BOUND} or {BLOCK}, not {bound!r}")
    channels = values.shape[-1]
    spare = -channels % BLOCK
    operands = values.astype(np.int16) - zero_point
    padded = np.pad(operands, [(0, 0)] * (values.ndim - 1) + [(0, spare)])
    blocks = padded.reshape(*values.shape[:-1], -1, BLOCK)
    order = np.argsort(-np.abs(blocks), axis=-1, kind="stable")
    kept = np.zeros(blocks.shape, bool)
    np.put_along_axis(kept, order[..., :bound], True, axis=-1)
    kept = kept.reshape(padded.shape)[..., :channels]
    return np.where(kept, values, np.int8(zero_point)).astype(np.int8)


def stream(blocks: np.ndarray, positions: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Operands [..., 8] as the ``steps`` largest magnitudes at ``positions``, largest first.

    ``positions``: a mask; others are left out. Returns values [..., steps] and channels uint8;
    where no position is left, value and channel are 0.
    """
    alive = np.flatnonzero(positions >> np.arange(BLOCK) & 1)
    order = alive[np.argsort(-np.abs(blocks[..., alive].astype(np.int16)), axis=-1,
                             kind="stable")]
    values = np.take_along_axis(blocks, order, -1)[..., :steps]
    spare = [(0, 0)] * (blocks.ndim - 1) + [(0, steps - values.shape[-1])]
    return np.pad(values, spare), np.pad(order[..., :steps].astype(np.uint8), spare)
