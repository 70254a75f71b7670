# SPDX-License-Identifier: Apache-2.0
"""What the importer says when a model cannot be taken in."""

__all__ = ["ImportFault"]


class ImportFault(ValueError):
    """One sentence: the file, the layer or tensor, what is wrong and what would be needed."""
