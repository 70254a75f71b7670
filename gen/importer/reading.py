# SPDX-License-Identifier: Apache-2.0
"""Bounded reading of a model file's bytes."""

from pathlib import Path

from .fault import ImportFault

__all__ = ["MAX_BYTES", "read_model"]

MAX_BYTES = 64 << 20


def read_model(path: Path) -> bytes:
    """The file's bytes; raises ImportFault for no file or too large a one, OSError if unread."""
    if path.exists() and not path.is_file():
        raise ImportFault(f"{path}: model must be a file")
    with path.open("rb") as stream:
        raw = stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ImportFault(f"{path}: model must be at most {MAX_BYTES >> 20} MiB")
    return raw
