# SPDX-License-Identifier: Apache-2.0
"""Importing a damaged model: in bounded time, a network or one sentence."""

import time
from pathlib import Path

from systolith.gen.importer import ImportFault, load
from systolith.golden.network import Network

LIMIT = 5.0


def survive(path: Path, content: bytes) -> str:
    """What importing ``content`` from ``path`` says, in time and in one sentence; "" if taken."""
    path.write_bytes(content)
    start = time.monotonic()
    try:
        assert isinstance(load(path), Network)
        outcome = ""
    except ImportFault as fault:
        outcome = str(fault)
        assert outcome.startswith(f"{path}: ") and "\n" not in outcome
        assert len(outcome) < 3000
    assert time.monotonic() - start < LIMIT
    return outcome
