# SPDX-License-Identifier: Apache-2.0
"""The digits as int8 images and their split into training and held-back parts."""

import numpy as np
from sklearn.datasets import load_digits

__all__ = ["HELD_BACK", "INPUT_SCALE", "SEED", "ZERO_POINT", "digits", "split"]

SEED = 1
HELD_BACK = 300
INPUT_SCALE = 16 / 255
ZERO_POINT = -128


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return all images, int8 [1797, 8, 8, 1], and their labels, int64 [1797].

    ``image = round(grey / INPUT_SCALE) + ZERO_POINT`` for grey 0..16.
    """
    grey, labels = load_digits(return_X_y=True)
    grey = np.asarray(grey).reshape(-1, 8, 8, 1)
    images = np.rint(grey / INPUT_SCALE).astype(np.int64) + ZERO_POINT
    return images.astype(np.int8), np.asarray(labels, dtype=np.int64)


def split(count: int, seed: int = SEED) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the training and of the HELD_BACK held-back images, both sorted."""
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[HELD_BACK:]), np.sort(order[:HELD_BACK])
