# SPDX-License-Identifier: Apache-2.0
"""Coefficients that explain what was measured."""

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["nonnegative"]


def nonnegative(terms: Iterable[dict[str, float]], measured: Sequence[float],
                whole: Sequence[float] | None = None) -> dict[str, float]:
    """Coefficients of at least zero with the least squares of errors relative to ``whole``, by
    default what is measured."""
    rows = list(terms)
    names = list(dict.fromkeys(name for row in rows for name in row))
    unit = np.array(measured if whole is None else whole)
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in rows]) / unit[:, None]
    scale = np.linalg.norm(matrix, axis=0)
    used = scale > 0
    solved = _active_set(matrix[:, used] / scale[used], np.array(measured) / unit)
    found = dict.fromkeys(names, 0.0)
    found.update(zip((name for name, use in zip(names, used, strict=True) if use),
                     (solved / scale[used]).tolist(), strict=True))
    return found


def _active_set(a: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The x of at least 0 with the least ``|a @ x - y|`` (Lawson and Hanson, 1974)."""
    x = np.zeros(a.shape[1])
    free = np.zeros(a.shape[1], bool)
    for _ in range(30 * a.shape[1]):
        slope = np.where(free, -np.inf, a.T @ (y - a @ x))
        if slope.max() <= 1e-9:
            break
        free[slope.argmax()] = True
        while True:
            trial = np.zeros_like(x)
            trial[free] = np.linalg.lstsq(a[:, free], y, rcond=None)[0]
            if (trial[free] > 0).all():
                break
            low = free & (trial <= 0)
            step = np.min(x[low] / (x[low] - trial[low]))
            x += step * (trial - x)
            free &= x > 1e-12
            x[~free] = 0
        x = trial
    return x
