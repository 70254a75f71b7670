# SPDX-License-Identifier: Apache-2.0
"""Boolean functions of cells, as Liberty writes them."""

import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["truth_table", "unateness", "variables"]

MAX_INPUTS = 16
MAX_LENGTH = 20_000
MAX_DEPTH = 64
_TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\].]*|[01]|[!~'*&+|^()])")


def _tokens(function: str) -> list[str]:
    if len(function) > MAX_LENGTH:
        raise ValueError(f"function must have at most {MAX_LENGTH} characters, "
                         f"not {len(function)}")
    text, found, at = function.rstrip(), [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"function must be a Boolean expression, not {function[:60]!r}")
        found.append(match[1])
        at = match.end()
    return found


def variables(function: str) -> tuple[str, ...]:
    """Names that a function reads, each once, in the order of their appearance."""
    return tuple(dict.fromkeys(token for token in _tokens(function)
                               if token[0].isalpha() or token[0] == "_"))


class _Reader:
    """Recursive descent; binding from tightest: inversion, XOR, AND, OR, as in Liberty."""

    def __init__(self, function: str, values: dict[str, int], ones: int):
        self.function, self.values, self.ones = function, values, ones
        self.tokens, self.at, self.depth = _tokens(function), 0, 0

    def refuse(self) -> ValueError:
        return ValueError(f"function must be a Boolean expression of "
                          f"{', '.join(self.values) or 'constants'}, not {self.function[:60]!r}")

    @property
    def token(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def whole(self) -> int:
        value = self.any_of()
        if self.token:
            raise self.refuse()
        return value

    def any_of(self) -> int:
        value = self.all_of()
        while self.token in ("+", "|"):
            self.at += 1
            value |= self.all_of()
        return value

    def all_of(self) -> int:
        value = self.odd_of()
        while self.token and self.token not in "+|)":
            if self.token in "*&":
                self.at += 1
            value &= self.odd_of()
        return value

    def odd_of(self) -> int:
        value = self.one()
        while self.token == "^":
            self.at += 1
            value ^= self.one()
        return value

    def one(self) -> int:
        inverted = False
        while self.token in ("!", "~"):
            inverted = not inverted
            self.at += 1
        token = self.token
        self.at += 1
        if token == "(":
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ValueError(f"function must nest at most {MAX_DEPTH} deep, "
                                 f"not {self.function[:60]!r}")
            value = self.any_of()
            self.depth -= 1
            if self.token != ")":
                raise self.refuse()
            self.at += 1
        elif token in ("0", "1"):
            value = self.ones if token == "1" else 0
        elif token in self.values:
            value = self.values[token]
        else:
            raise self.refuse()
        while self.token == "'":
            inverted = not inverted
            self.at += 1
        return value ^ self.ones if inverted else value


@lru_cache(maxsize=4096)
def _table(function: str, inputs: tuple[str, ...]) -> int:
    if len(inputs) > MAX_INPUTS:
        raise ValueError(f"function must have at most {MAX_INPUTS} inputs, not {len(inputs)}")
    rows = 1 << len(inputs)
    ones = (1 << rows) - 1
    values = {}
    for k, name in enumerate(inputs):
        run = 1 << k
        values[name] = ones // ((1 << 2 * run) - 1) * (((1 << run) - 1) << run)
    return _Reader(function, values, ones).whole()


def truth_table(function: str, inputs: Sequence[str]) -> int:
    """Truth table of ``function``: bit i is its value where input k has bit k of i.

    Understands ``' ! ~ * & + | ^``, juxtaposition as AND, parentheses, 0 and 1; inversion binds
    tightest, then XOR, AND, OR. Raises ValueError for a name that is not among ``inputs``.
    """
    return _table(function, tuple(inputs))


def unateness(function: str, inputs: Sequence[str], name: str) -> str:
    """How ``function`` follows its input ``name``: ``positive``, ``negative`` or ``either``."""
    table, bit = truth_table(function, inputs), 1 << list(inputs).index(name)
    rises = falls = False
    for row in range(1 << len(inputs)):
        if not row & bit:
            low, high = table >> row & 1, table >> (row | bit) & 1
            rises, falls = rises or low < high, falls or low > high
    return "positive" if rises and not falls else "negative" if falls and not rises else "either"
