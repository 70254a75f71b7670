# SPDX-License-Identifier: Apache-2.0
"""Which specs are compared, and the board that each is for."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...gen.cli.common import InputFault
from ...gen.spec import Spec, load
from ..boards.board import BOARDS, Board

__all__ = ["BOARD_OF", "Choice", "choose"]

BOARD_OF = {"demo-icebreaker": "icebreaker", "demo-tang-nano-20k": "tang-nano-20k",
            "demo-ulx3s": "ulx3s", "kws-ulx3s": "ulx3s", "kws-a7-35t": "arty-a7",
            "tinyml-z7020": "pynq-z2"}


@dataclass(frozen=True)
class Choice:
    """A spec on a board."""

    spec: Spec
    board: Board


def choose(names: Sequence[str]) -> list[Choice]:
    """Of each ``SPEC[@BOARD]``: a shipped spec's name alone has its own board; all of
    ``BOARD_OF`` if none are given. Raises InputFault, SpecFault."""
    return [_choice(name) for name in names or BOARD_OF]


def _choice(name: str) -> Choice:
    spec, _, board = name.partition("@")
    board = board or BOARD_OF.get(spec, "")
    if not board:
        raise InputFault(f"--spec {name} must name a board: {name}@BOARD, of "
                         f"{', '.join(BOARDS)}")
    if board not in BOARDS:
        raise InputFault(f"--spec {name} must have a board of {', '.join(BOARDS)}, not {board!r}")
    return Choice(load(spec), BOARDS[board])
