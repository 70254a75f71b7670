# SPDX-License-Identifier: Apache-2.0
"""Models of other frameworks into golden networks."""

from pathlib import Path

from ...golden.network import Network
from .fault import ImportFault

__all__ = ["ImportFault", "load"]


def load(path: str | Path) -> Network:
    """Read a quantised model by its suffix, ``.tflite`` or ``.onnx``.

    Raises ImportFault where the file is neither, damaged, or holds something unsupported, OSError
    where it cannot be read.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".tflite":
            from . import tflite as reader
        case ".onnx":
            from . import onnx as reader
        case _:
            raise ImportFault(f"{path}: model must be a .tflite or an .onnx file")
    return reader.load(path)
