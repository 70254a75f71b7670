# SPDX-License-Identifier: Apache-2.0
"""Output folders that appear whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MARKER", "DirectoryFault", "atomic_directory"]

MARKER = ".systolith.json"


class DirectoryFault(ValueError):
    """One sentence on why a folder cannot be written."""


@contextmanager
def atomic_directory(path: str | Path, command: str, *, force: bool = False) -> Iterator[Path]:
    """Yield an empty folder that becomes ``path`` when the block ends, and vanishes if it raises.

    A folder that exists is replaced as a whole if it is empty or holds exactly what an earlier
    run of ``command`` wrote (files listed in ``.systolith.json``), or with ``force``. Raises
    DirectoryFault for any other, and where nothing can be written.
    """
    target = Path(path).resolve()
    _check(target, path, command, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as fault:
        raise DirectoryFault(f"{path}: folder cannot be written: {fault.strerror}") from None
    try:
        yield fresh
        (fresh / MARKER).write_text(json.dumps(
            {"command": command, "files": sorted(_files(fresh))}, indent=2) + "\n")
        fresh.chmod(0o777 & ~_umask())
        try:
            _replace(target, fresh)
        except OSError as fault:
            raise DirectoryFault(f"{path}: folder cannot be written: {fault.strerror}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _check(target: Path, path: str | Path, command: str, force: bool) -> None:
    current = Path.cwd()
    if target == Path.home() or target == current or target in current.parents:
        raise DirectoryFault(f"{path}: output must be a folder of its own, not the current or "
                             "home folder or one around them")
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise DirectoryFault(f"{path}: output must be a folder, not a file")
        files = _files(target)
        if force or not any(target.iterdir()):
            return
        maker, made = _read_marker(target)
    except OSError as fault:
        raise DirectoryFault(f"{path}: folder cannot be read: {fault.strerror}") from None
    if maker is None:
        what = "files that systolith did not write"
    elif maker != command:
        what = f"what 'systolith {maker}' wrote"
    elif other := sorted(files - made - {MARKER}):
        what = f"files that systolith did not write, such as {other[0]}"
    else:
        return
    raise DirectoryFault(f"{path}: folder must be new or empty, but it holds {what}; choose "
                         "another, or give --force to replace all of it")


def _read_marker(target: Path) -> tuple[str | None, set[str]]:
    try:
        marker = json.loads((target / MARKER).read_text())
        return str(marker["command"]), {str(name) for name in marker["files"]}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None, set()


def _files(folder: Path) -> set[str]:
    """Files below ``folder``, and folders that are empty."""
    return {item.relative_to(folder).as_posix() for item in folder.rglob("*")
            if item.is_symlink() or not item.is_dir() or not any(item.iterdir())}


def _replace(target: Path, fresh: Path) -> None:
    if not target.exists():
        fresh.rename(target)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
