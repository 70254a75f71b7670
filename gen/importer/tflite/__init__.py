# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite int8 models."""

from .importer import ImportFault, load

__all__ = ["ImportFault", "load"]
