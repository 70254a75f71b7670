# SPDX-License-Identifier: Apache-2.0
"""Defaults that depend on other fields."""

from typing import Any

from ...rtl.kinds import ALL_KINDS, CIM
from .size import KIB, parse_size

__all__ = ["WEIGHTS", "fill", "fill_engine", "fill_memory"]

WEIGHTS = 64 * KIB  # of a spec that states none
SCHEDULE_SHARE = 16  # of the weights' size


def fill(data: Any) -> Any:
    """A spec's ``data`` with what follows from other fields, where it is not given:
    ``engine.weights.nnz``, ``memory.schedule``, ``postproc.lanes``, a ``front_end`` of null, and of
    kind cim its section, ``engine.tpe`` and ``engine.grid``.

    Whatever is of the wrong kind stays as it is, for validation to see.
    """
    if not isinstance(data, dict):
        return data
    if _get(data, "engine", "kind") == CIM.name:
        data = _fill_cim(data)
    if "engine" in data:
        data = data | {"engine": fill_engine(data["engine"])}
    if "memory" in data:
        data = data | {"memory": fill_memory(data["memory"])}
    if data.get("front_end", {}) is None:
        data = data | {"front_end": {}}
    post = data.get("postproc", {})
    c, n = _get(data, "engine", "tpe", "c"), _get(data, "engine", "grid", "n")
    if isinstance(post, dict) and type(c) is int and type(n) is int:
        lanes = 16 if c * n <= 16 or c * n % 16 == 0 else 8
        data = data | {"postproc": {"lanes": lanes} | post}
    return data


def _fill_cim(data: dict) -> dict:
    """A TPE as wide as the read-out, which is one of eight codes where nothing else is stated."""
    post = {"lanes": 8} | post if isinstance(post := data.get("postproc", {}), dict) else post
    lanes = _get(post, "lanes")
    shape = {"tpe": {"a": 1, "b": 8, "c": lanes if type(lanes) is int else 8},
             "grid": {"m": 1, "n": 1}}
    engine = data["engine"]
    return {"cim": {}} | data | {"postproc": post} | (
        {"engine": shape | engine} if isinstance(engine, dict) else {})


def fill_engine(engine: Any) -> Any:
    """An engine's data with ``weights.nnz``: its kind's default."""
    if not isinstance(engine, dict):
        return engine
    weights, kind = engine.get("weights", {}), engine.get("kind")
    if isinstance(weights, dict) and isinstance(kind, str) and kind in ALL_KINDS:
        return engine | {"weights": {"nnz": ALL_KINDS[kind].default_nnz} | weights}
    return engine


def fill_memory(memory: Any) -> Any:
    """A memory section's data with ``schedule``: a sixteenth of ``weights``, in whole KiB."""
    if not isinstance(memory, dict):
        return memory
    try:
        weights = parse_size(memory.get("weights", WEIGHTS))
    except ValueError:
        return memory
    if type(weights) is not int or weights < 0:
        return memory
    return {"schedule": max(-(-weights // (SCHEDULE_SHARE * KIB)), 1) * KIB} | memory


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
    return value
