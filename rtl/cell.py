# SPDX-License-Identifier: Apache-2.0
"""Components that are emitted once and instantiated many times."""

from abc import abstractmethod

from amaranth import Module
from amaranth.lib import wiring

__all__ = ["Cell"]


class Cell(wiring.Component):
    """A component that becomes one Verilog module however often it is used.

    A platform with ``get_cell`` (the emitter) may return an instance of the module; anywhere
    else, such as in Amaranth's simulator, ``body`` is elaborated in place.
    """

    @property
    @abstractmethod
    def module_name(self) -> str:
        """Name of the module: equal exactly when the bodies are equal."""

    @abstractmethod
    def body(self, platform) -> Module:
        """The component's logic."""

    def elaborate(self, platform):
        get_cell = getattr(platform, "get_cell", None)
        return self.body(platform) if get_cell is None else get_cell(self)
