# SPDX-License-Identifier: Apache-2.0
"""Input files of a network: ``.npz`` with ``input`` and, optionally, ``labels``."""

import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...golden.network import Network

__all__ = ["InputFault", "Inputs", "check_picture", "load_inputs"]


class InputFault(ValueError):
    """One sentence on what is wrong with an input file."""


def check_picture(path: Path | None, option: str) -> None:
    """Raises InputFault where ``path``, which was given with ``option``, can be no picture's."""
    if path is not None and path.suffix not in (".svg", ".png"):
        raise InputFault(f"{path}: {option} must be a file .svg or .png")


class Inputs(NamedTuple):
    """``values``: int8 [N, …input shape without batch]; ``labels``: int64 [N] or None."""

    values: np.ndarray
    labels: np.ndarray | None

    def first(self, count: int) -> "Inputs":
        """The first ``count`` inputs, or all if they are fewer."""
        return Inputs(*(None if array is None else array[:count] for array in self))


def load_inputs(path: str | Path, network: Network) -> Inputs:
    """Read the inputs of ``network`` from an ``.npz`` file.

    ``input`` is [N, …], N at least 1, as the model has its only input: shaped like that without
    its batch (an ONNX image channels first), int8 or uint8. ``labels``, if there, are N integers.
    Other arrays are not looked at. Raises InputFault, and OSError where the file cannot be read.
    """
    if len(network.inputs) != 1:
        raise InputFault(f"{network.name}: network must have one input, "
                         f"not {len(network.inputs)}")
    source = network.tensors[network.inputs[0]]
    shape = source.model_shape[1:]
    not_an_archive = f"{path}: file must be an .npz archive with the array 'input'"
    try:
        archive = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise InputFault(not_an_archive) from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise InputFault(f"{not_an_archive}, not a bare array")
    with archive:
        if "input" not in archive.files:
            held = ", ".join(sorted(archive.files)) or "nothing"
            raise InputFault(f"{path}: archive must hold the array 'input', not only {held}")
        values = _read(archive, "input", path)
        labels = _read(archive, "labels", path) if "labels" in archive.files else None
    if values.dtype != source.dtype:
        point = source.zero_point + 128 * (source.dtype == "uint8")
        raise InputFault(f"{path}: input must be {source.dtype}, not {values.dtype}; quantise it "
                         f"with the model's input scale {source.scale:.9g} and zero point {point}")
    if values.shape[1:] != shape or not values.ndim or not len(values):
        raise InputFault(f"{path}: input must have the shape [N, {', '.join(map(str, shape))}] "
                         f"with N at least 1, not {list(values.shape)}")
    if labels is not None:
        if labels.dtype.kind not in "iu":
            raise InputFault(f"{path}: labels must be integers, not {labels.dtype}")
        if labels.shape != (len(values),):
            raise InputFault(f"{path}: labels must have the shape [{len(values)}], one for each "
                             f"input, not {list(labels.shape)}")
        labels = labels.astype(np.int64)
    return Inputs(source.from_model(values), labels)


def _read(archive: np.lib.npyio.NpzFile, name: str, path: str | Path) -> np.ndarray:
    try:
        return np.asarray(archive[name])
    except (ValueError, EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError,
            zipfile.BadZipFile, zlib.error) as fault:
        reason = "it holds Python objects" if "pickle" in str(fault) else "the file is damaged"
        raise InputFault(f"{path}: array '{name}' cannot be read: {reason}") from None
