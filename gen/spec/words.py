# SPDX-License-Identifier: Apache-2.0
"""What a field must be, in words, where its type does not say it."""

from dataclasses import dataclass

__all__ = ["Words"]


@dataclass(frozen=True)
class Words:
    """Marks a field of the spec: ``text`` follows "must be"."""

    text: str
