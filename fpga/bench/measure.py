# SPDX-License-Identifier: Apache-2.0
"""A spec on its board: what it takes, and how fast it is."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ...gen.build import arithmetic, parameters
from ...gen.cli.common import stage
from ...gen.emit.platform import EmittingPlatform
from ...gen.spec import Spec
from ...rtl.kinds import ALL_KINDS
from ..boards.constraints import constraints
from ..boards.flow import Design, design_of
from ..boards.implement import Unfit, check_tools, place_and_route, synthesise_only
from ..fabric.devices import FAMILIES, Usage
from ..fabric.harness import PART, routed
from .choices import Choice
from .networks import Inference, inference_of
from .parts import parts_of
from .store import Store

__all__ = ["HIGHEST_MHZ", "Row", "measure", "part_clocks"]

HIGHEST_MHZ = 150.0
"""Of what is synthesised only, whatever its parts reach."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """``usage`` by resource, and ``capacity``; ``fmax`` of each seed in MHz, where the design was
    routed; ``parts``: Fmax of every seed of the parts in registered harnesses on ECP5-85, speed
    grade 6, where it was not; ``unfit``: why there are no figures."""

    spec: str
    board: str
    device: str
    family: str
    declared_mhz: float
    usage: Usage = field(default_factory=dict)
    capacity: dict[str, float] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    products_in_luts: int = 0
    fmax: tuple[float, ...] = ()
    parts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    inferences: tuple[Inference, ...] = ()
    unfit: str | None = None

    @property
    def clock(self) -> float | None:
        """MHz that times are of: the routed median, or the slowest part's, at most 150."""
        if self.fmax:
            return median(self.fmax)
        if self.parts:
            return min(HIGHEST_MHZ, *map(median, self.parts.values()))
        return None


def measure(choice: Choice, models: Sequence[Path], seeds: Sequence[int], store: Store, *,
            quiet: bool = False) -> Row:
    """Everything of one row. Raises ToolMissing, ToolFault, InputFault, ImportFault."""
    spec, board = choice.spec, choice.board
    about = {"spec": spec.name, "board": board.name, "device": board.device.name,
             "family": board.family.name, "declared_mhz": float(spec.target.clock_mhz),
             "capacity": dict(board.device.capacity), "names": dict(board.family.names),
             "inferences": _inferences(spec, models, quiet)}
    if board.routable:
        check_tools(board.device)
    try:
        usage, soft, fmax = _Board(choice, store, quiet).measure(seeds)
    except Unfit as fault:
        return Row(**about, unfit=str(fault))
    parts = {} if fmax else part_clocks(spec, seeds, store, quiet=quiet)
    return Row(**about, usage=usage, products_in_luts=soft, fmax=fmax, parts=parts)


def _inferences(spec: Spec, models: Sequence[Path], quiet: bool) -> tuple[Inference, ...]:
    found = []
    for model in models:
        with stage(f"predict {model.name} on {spec.name}", quiet=quiet):
            found.append(inference_of(spec, model))
    return tuple(found)


class _Board:
    """The design of a choice, synthesised only if something of it is not in the store."""

    def __init__(self, choice: Choice, store: Store, quiet: bool):
        self.choice, self.store, self.quiet = choice, store, quiet
        self.design: Design = design_of(choice.board, choice.spec, quiet=quiet)
        self.key = (choice.board, choice.board.device, choice.board.family.synthesis,
                    sorted(self.design.sources.items()))
        self.folder: Path | None = None

    def measure(self, seeds: Sequence[int]) -> tuple[Usage, int, tuple[float, ...]]:
        """What it takes, products in LUTs, and Fmax of each seed. Raises Unfit, ToolFault."""
        with tempfile.TemporaryDirectory(prefix="systolith-bench-") as name:
            work = Path(name)
            made = self.store.get((*self.key, "synthesis"), lambda: self._synthesise(work))
            usage = made["usage"]
            routes = []
            for seed in seeds if self.choice.board.routable else ():
                routes.append(self.store.get((*self.key, "route", seed),
                                             lambda seed=seed: self._route(work, seed)))
                usage |= routes[-1]["used"]
        return usage, made["soft"], tuple(each["fmax"] for each in routes)

    def _synthesise(self, work: Path) -> dict:
        for name, text in self.design.sources.items():
            (work / name).write_text(text)
        made = synthesise_only(self.choice.board.device, self.choice.spec,
                               list(self.design.sources), self.design.top, work,
                               quiet=self.quiet)
        self.folder = work
        return {"usage": made.usage, "soft": made.synthesis.soft_products}

    def _route(self, work: Path, seed: int) -> dict:
        if self.folder is None:
            self._synthesise(work)
        board, spec = self.choice.board, self.choice.spec
        name, text = constraints(board)
        (work / name).write_text(text)
        found, = place_and_route(
            board, spec, work, name, seeds=[seed], quiet=self.quiet,
            clock_mhz=max(self.design.clock_mhz, float(spec.target.clock_mhz)))
        return {"fmax": found.fmax, "used": {
            board.family.bels[bel]: used for bel, (used, _) in found.used.items()
            if bel in board.family.bels}}


def part_clocks(spec: Spec, seeds: Sequence[int], store: Store, *,
                quiet: bool = False) -> dict[str, tuple[float, ...]]:
    """Fmax in MHz of every seed of each part of ``spec``, in a registered harness on the slowest
    ECP5-85; none of a core without a mesh. Raises ToolMissing, ToolFault."""
    if not ALL_KINDS[parameters(spec).engine.kind].mesh:
        return {}
    found = {}
    for name, make in parts_of(spec).items():
        text, _ = EmittingPlatform(PART, arithmetic(spec)).convert(make(), PART)

        def route(make=make, name=name) -> list[float]:
            with stage(f"place and route the {name} of {spec.name}", total=1 + len(seeds),
                       quiet=quiet) as advance:
                return list(routed(make, seeds=seeds, done=advance, platform=lambda:
                                   EmittingPlatform(PART, arithmetic(spec))).fmax)

        made_from = ("part", FAMILIES["ecp5"].synthesis, text, tuple(seeds))
        found[name] = tuple(store.get(made_from, route))
    return found
