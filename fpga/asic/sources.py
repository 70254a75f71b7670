# SPDX-License-Identifier: Apache-2.0
"""Where cells and memories come from: Liberty files or gate equivalents, a technology, macros."""

from dataclasses import dataclass
from pathlib import Path

from ...gen.memory import MacroMap, load_map, map_names
from .gates import gate_library
from .liberty import read_libraries
from .library import Library
from .technology import Technology, TechnologyFault, detect, load_technology

__all__ = ["Sources", "macros_of"]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Liberty files, none for gate equivalents, and the name or file of a technology, None to find
    out by the cells."""

    liberty: tuple[Path, ...] = ()
    technology: str | None = None

    def load(self) -> tuple[Library, Technology]:
        """The cells and the parts they play; raises ValueError of one sentence, or OSError."""
        if not self.liberty:
            technology = load_technology(self.technology or "gates")
            if not technology.gates:
                raise TechnologyFault(f"technology {technology.name} must come with --liberty "
                                      "FILE: only gates needs none")
            return gate_library(technology), technology
        library = read_libraries(self.liberty)
        technology = detect(library) if self.technology is None else load_technology(
            self.technology)
        if technology.gates:
            raise TechnologyFault(f"technology {technology.name} must come without --liberty: its "
                                  "gates are built in")
        technology.check(library)
        return library, technology


def macros_of(technology: Technology) -> MacroMap | None:
    """The shipped macros of the same technology, if there are any."""
    return load_map(technology.name) if technology.name in map_names() else None
