# SPDX-License-Identifier: Apache-2.0
"""Macro maps: which SRAM macros a technology has, how they are connected and what they cost."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..spec.document import dotted
from ..spec.fault import show
from . import maps

__all__ = ["MAX_BYTES", "Macro", "MacroFault", "MacroMap", "Ports", "Registers", "Ties",
           "load_map", "map_names"]

MAX_BYTES = 256 * 1024
_FOLDER = resources.files(maps)

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_$]{0,127}$")]
"""A name in Verilog."""
Amount = Annotated[float, Field(ge=0, lt=1e12, allow_inf_nan=False)]
Bit = Annotated[int, Field(ge=0, le=1)]
ROLES = ("clock", "enable", "write", "read", "address", "write_data", "read_data", "mask")


class MacroFault(ValueError):
    """One sentence on what is wrong with a macro map."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Macro(_Section):
    """One single-port SRAM macro: ``words`` of ``bits``.

    ``area_um2``; ``read_pj`` and ``write_pj``: energy of an access; ``leakage_nw``. What is not
    known is None.
    """

    cell: Name
    words: Annotated[int, Field(ge=2, le=1 << 20)]
    bits: Annotated[int, Field(ge=1, le=1024)]
    area_um2: Annotated[Amount, Field(gt=0)]
    read_pj: Amount | None = None
    write_pj: Amount | None = None
    leakage_nw: Amount | None = None


class Ports(_Section):
    """Names of the macros' ports; without ``enable`` the macro is active when it writes or reads,
    without ``read`` it reads where it is enabled and does not write.

    ``active_low``: roles whose pins are inverted; of ``mask``, every bit. ``mask_bits``: bits of
    data that a bit of the mask writes: 1 or 8. ``holds``: the output stays until the next read.
    """

    clock: Name
    enable: Name | None = None
    write: Name
    read: Name | None = None
    address: Name
    write_data: Name
    read_data: Name
    mask: Name | None = None
    mask_bits: Literal[1, 8] = 1
    active_low: list[Literal["enable", "write", "read", "mask"]] = []
    holds: bool

    @model_validator(mode="after")
    def _check(self) -> "Ports":
        named = [name for role in ROLES if (name := getattr(self, role)) is not None]
        if len(set(named)) != len(named):
            raise ValueError("ports must have different names")
        if self.enable is None and self.read is None:
            raise ValueError("ports must have an enable or a read pin, or both")
        return self


class Ties(_Section):
    """Inputs that are of no use, and the value of all their bits: single pins, and buses as wide as
    the address, or as a word."""

    single: dict[Name, Bit] = {}
    address: dict[Name, Bit] = {}
    data: dict[Name, Bit] = {}


class Registers(_Section):
    """What a bit costs in a flip-flop, with its share of the read multiplexer; an access is to all
    bits of a word. Units as ``Macro``."""

    area_um2: Annotated[Amount, Field(gt=0)]
    read_pj: Amount | None = None
    write_pj: Amount | None = None
    leakage_nw: Amount | None = None


class MacroMap(_Section):
    """What a technology offers.

    ``source`` says where its numbers come from. ``row_um2``: what the multiplexer and the decoder
    of a bank of stacked macros take for every further row of them. ``registers``: what small
    banks are made of instead, where that takes less. Without ``ports`` the macros exist as numbers
    only, and no Verilog can be built of them.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    source: Annotated[str, Field(min_length=1, max_length=4000)]
    row_um2: Amount = 0.0
    registers: Registers | None = None
    ports: Ports | None = None
    ties: Ties = Ties()
    macro: Annotated[list[Macro], Field(min_length=1, max_length=256)]

    @model_validator(mode="after")
    def _check(self) -> "MacroMap":
        cells = [macro.cell for macro in self.macro]
        if len(set(cells)) != len(cells):
            raise ValueError("cells must be listed once")
        if self.ports is not None:
            named = [name for role in ROLES if (name := getattr(self.ports, role)) is not None]
            tied = [*self.ties.single, *self.ties.address, *self.ties.data]
            if len({*named, *tied}) != len(named) + len(tied):
                raise ValueError("ties must be pins of their own")
        return self


def map_names() -> list[str]:
    """Names of the maps that ship with the package."""
    return sorted(item.name.removesuffix(".toml") for item in _FOLDER.iterdir()
                  if item.name.endswith(".toml"))


def load_map(source: str | Path) -> MacroMap:
    """The macro map ``source``: the name of a shipped one, or the path of a TOML file.

    Raises MacroFault with its first fault, and OSError where the file cannot be read.
    """
    if isinstance(source, str) and source in map_names():
        raw = (_FOLDER / f"{source}.toml").read_bytes()
    else:
        try:
            with Path(source).open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            raise MacroFault(f"{source}: no such macro map; named ones are "
                             f"{', '.join(map_names())}, or give the path of a file") from None
    if len(raw) > MAX_BYTES:
        raise MacroFault(f"{source}: macro map must be at most {MAX_BYTES} bytes")
    try:
        return MacroMap.model_validate(tomllib.loads(raw.decode("utf-8")))
    except UnicodeDecodeError:
        raise MacroFault(f"{source}: macro map must be UTF-8 text") from None
    except tomllib.TOMLDecodeError as fault:
        raise MacroFault(f"{source}: this is not valid TOML: {fault}") from None
    except RecursionError:
        raise MacroFault(f"{source}: macro map must be nested less deep") from None
    except ValidationError as faults:
        raise MacroFault(f"{source}: {_sentence(faults.errors()[0])}") from None


def _sentence(fault: dict) -> str:
    """A fault of pydantic's in the words of the house."""
    path = dotted(tuple(fault["loc"]))
    kind, message = fault["type"], fault["msg"]
    if kind == "missing":
        what = "must be given"
    elif kind == "extra_forbidden":
        what = "must not be there: no such key"
    elif kind == "string_pattern_mismatch":
        what = f"must be a name in Verilog, not {show(fault['input'])}"
    elif kind == "value_error":
        what = message.removeprefix("Value error, ")
    else:
        what = f"{message.replace('Input should', 'must')}, not {show(fault['input'])}"
    return f"{path}: {what}" if path else what
