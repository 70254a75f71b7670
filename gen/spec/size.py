# SPDX-License-Identifier: Apache-2.0
"""Memory sizes as people write them: ``64 KiB``."""

import re

__all__ = ["KIB", "MIB", "format_size", "parse_size"]

KIB = 1024
MIB = 1024 * KIB
_UNITS = {"B": 1, "KiB": KIB, "MiB": MIB}
_SIZE = re.compile(r"([0-9]{1,12}) ?(B|KiB|MiB)")


def parse_size(value: object) -> object:
    """Bytes of ``"64 KiB"``, ``"1 MiB"`` or ``"512 B"``; anything but a string as it is.

    Raises ValueError for a string that is no size.
    """
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if not match:
        raise ValueError(f"Size must be a number of B, KiB or MiB, not {value!r}")
    return int(match[1]) * _UNITS[match[2]]


def format_size(size: int) -> str:
    """The shortest exact text of ``size`` bytes."""
    for unit in ("MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]} {unit}"
    return f"{size} B"
