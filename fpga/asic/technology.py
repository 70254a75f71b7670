# SPDX-License-Identifier: Apache-2.0
"""Technologies: which cells of a library play which part."""

import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .library import Cell, Library

__all__ = ["TECHNOLOGIES", "Buffer", "ClockGating", "FullAdder", "Gate", "HalfAdder", "Register",
           "Selector", "Technology", "TechnologyFault", "detect", "load_technology"]

TECHNOLOGIES = ("asap7", "gates", "osu018", "sg13g2")
"""Names of the technologies that are shipped."""

MAX_BYTES = 1 << 20
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][\w$\[\]]*$", max_length=200)]


class TechnologyFault(ValueError):
    """What is wrong with a technology, or between it and a library: one sentence."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FullAdder(_Part):
    """A full-adder cell: three equal ``inputs``; both outputs ``inverted`` or neither."""

    cell: Name
    inputs: tuple[Name, Name, Name]
    carry: Name
    sum: Name
    inverted: bool


class HalfAdder(_Part):
    """A half-adder cell: two equal ``inputs``; both outputs ``inverted`` or neither."""

    cell: Name
    inputs: tuple[Name, Name]
    carry: Name
    sum: Name
    inverted: bool


class Selector(_Part):
    """The and-or-invert cell of three pairs, ``inputs`` pair by pair."""

    cell: Name
    inputs: tuple[Name, Name, Name, Name, Name, Name]
    output: Name


class ClockGating(_Part):
    """An integrated clock gate with its pins; those of ``tie_low`` are tests'. Registers of at
    least ``bits`` bits that share clock and enable are gated."""

    cell: Name
    clock: Name
    enable: Name
    output: Name
    tie_low: tuple[Name, ...] = ()
    bits: Annotated[int, Field(ge=1, le=4096)] = 4


class Register(_Part):
    """The flip-flop that registers are mapped to."""

    cell: Name


class Buffer(_Part):
    """The buffer that stands for a ``fanout_buffer`` of the RTL."""

    cell: Name
    input: Name
    output: Name


class Tie(_Part):
    """(cell, pin) of the constants."""

    high: tuple[Name, Name]
    low: tuple[Name, Name]


class Gate(_Part):
    """A gate of a technology without a library: area in gate equivalents, logical effort and
    parasitic delay in tau."""

    area: Annotated[float, Field(gt=0)]
    function: Annotated[str, Field(max_length=200)]
    effort: Annotated[float, Field(gt=0)]
    parasitic: Annotated[float, Field(ge=0)]


class Technology(_Part):
    """Parts that cells play. A part that a library has no cell for is None.

    ``dont_use``: patterns of cells that neither mapping nor sizing may pick. ``gates``: cells of
    its own, where the technology needs no library. ``max_slew``: ps that sizing allows, where that
    is less than the library does: operands that arrive late cost glitches. ``clocks``: periods in
    ps, a short and a relaxed one, at which engines are compared.
    """

    name: Name
    full_adder: FullAdder | None = None
    half_adder: HalfAdder | None = None
    selector: Selector | None = None
    clock_gate: ClockGating | None = None
    flip_flop: Register
    buffer: Buffer
    tie: Tie | None = None
    dont_use: tuple[str, ...] = ()
    gates: Mapping[Name, Gate] = {}
    max_slew: Annotated[float, Field(gt=0)] | None = None
    clocks: tuple[Annotated[float, Field(gt=0)], ...] = ()

    def usable(self, cell: Cell) -> bool:
        """Whether mapping and sizing may pick ``cell``."""
        return not cell.dont_use and not any(fnmatch.fnmatchcase(cell.name, pattern)
                                             for pattern in self.dont_use)

    def check(self, library: Library) -> None:
        """Raise TechnologyFault unless ``library`` has every cell and pin that is named here."""
        parts: list[tuple[str, Sequence[str]]] = [
            (self.flip_flop.cell, ()),
            (self.buffer.cell, (self.buffer.input, self.buffer.output))]
        for adder in (self.full_adder, self.half_adder):
            if adder is not None:
                parts.append((adder.cell, (*adder.inputs, adder.carry, adder.sum)))
        if (selector := self.selector) is not None:
            parts.append((selector.cell, (*selector.inputs, selector.output)))
        if (gate := self.clock_gate) is not None:
            parts.append((gate.cell, (gate.clock, gate.enable, gate.output, *gate.tie_low)))
        if self.tie is not None:
            parts += [(cell, (pin,)) for cell, pin in (self.tie.high, self.tie.low)]
        for name, pins in parts:
            cell = library.cells.get(name)
            if cell is None:
                raise TechnologyFault(f"library {library.name} must have cell {name} of "
                                      f"technology {self.name}; one of its files may be missing")
            if missing := [pin for pin in pins if pin not in cell.pins]:
                raise TechnologyFault(f"cell {name} must have pin {missing[0]} of technology "
                                      f"{self.name}, not only {', '.join(cell.pins)}")
        if library.cells[self.flip_flop.cell].flip_flop is None:
            raise TechnologyFault(f"cell {self.flip_flop.cell} must be a flip-flop")


def load_technology(name: str | Path) -> Technology:
    """A shipped technology by its name, or one from a TOML file.

    Raises TechnologyFault, a ValueError of one sentence, for one that is neither, OSError for a
    file that cannot be read.
    """
    if str(name) in TECHNOLOGIES:
        text = (resources.files(__package__) / "technologies" / f"{name}.toml").read_text("utf-8")
    else:
        path = Path(name)
        if path.suffix != ".toml":
            raise TechnologyFault(f"technology must be {', '.join(TECHNOLOGIES)} or a .toml file, "
                                  f"not {str(name)!r}")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TechnologyFault(f"{name}: must be at most {MAX_BYTES} bytes, not larger")
        text = raw.decode("utf-8", "replace")
    try:
        return Technology.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as fault:
        raise TechnologyFault(f"{name}: must be TOML: {fault}") from None
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise TechnologyFault(f"{name}: {where}: {first['msg']}") from None
    except RecursionError:
        raise TechnologyFault(f"{name}: must nest less deeply") from None


def detect(library: Library) -> Technology:
    """The shipped technology whose cells ``library`` has."""
    for name in TECHNOLOGIES:
        technology = load_technology(name)
        try:
            technology.check(library)
        except TechnologyFault:
            continue
        return technology
    raise TechnologyFault(f"library {library.name} must be one of {', '.join(TECHNOLOGIES)}, or "
                          "come with a technology file")
