# SPDX-License-Identifier: Apache-2.0
"""Defaults that depend on other fields."""

from typing import Any

from ...rtl.kinds import KINDS

__all__ = ["fill", "fill_engine"]


def fill(data: Any) -> Any:
    """A spec's ``data`` with ``engine.weights.nnz`` and ``postproc.lanes`` if they are not given.

    Whatever is of the wrong kind stays as it is, for validation to see.
    """
    if not isinstance(data, dict):
        return data
    if "engine" in data:
        data = data | {"engine": fill_engine(data["engine"])}
    post = data.get("postproc", {})
    c, n = _get(data, "engine", "tpe", "c"), _get(data, "engine", "grid", "n")
    if isinstance(post, dict) and type(c) is int and type(n) is int:
        lanes = 16 if c * n <= 16 or c * n % 16 == 0 else 8
        data = data | {"postproc": {"lanes": lanes} | post}
    return data


def fill_engine(engine: Any) -> Any:
    """An engine's data with ``weights.nnz``: its kind's default."""
    if not isinstance(engine, dict):
        return engine
    weights, kind = engine.get("weights", {}), engine.get("kind")
    if isinstance(weights, dict) and isinstance(kind, str) and kind in KINDS:
        return engine | {"weights": {"nnz": KINDS[kind].default_nnz} | weights}
    return engine


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value
