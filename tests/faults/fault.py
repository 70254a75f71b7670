# SPDX-License-Identifier: Apache-2.0
"""A fault to plant."""

from dataclasses import dataclass

__all__ = ["Fault"]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """In file ``path`` the snippet ``old``, which occurs once, becomes ``new``.

    ``killer``: the pytest node that must fail with the fault, and pass without it.
    """

    name: str
    path: str
    old: str
    new: str
    killer: str
