# SPDX-License-Identifier: Apache-2.0
"""The mapper: packs the rectangles of a network's layers into the array.

A layer's weights are a matrix of ``kernel height x width x input channels`` rows and as many
columns as output channels. It is cut into row tiles, whose sums are added digitally, and into
phases, one after the other through the same ADCs. The plane that is packed has the ADCs of phase
after phase side by side; a tile is a rectangle in each of its phases, at the same rows and ADCs.
OR-tools' CP-SAT looks for the fewest conversions of a run and, of equals, the fewest rows in use
(rectangles without overlap; AnalogNets and AON-CiM, section 2, pack by hand).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ....golden.cim.mapping import ArrayShape, TilePlace
from ....rtl.cim.fields import MOST_TILES
from ..fault import CompileFault

__all__ = ["Demand", "Placement", "place"]

EFFORT = 2.0
"""Of the solver, in its own deterministic seconds."""
MORE_TILES = 3
"""Row tiles that a layer may take beyond the fewest."""


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a layer asks of the array: ``pixels`` times a conversion of each tile and phase;
    ``cuts``: rows, ascending from 0 to all of them, where a tile may begin or end; ``channels``.
    ``name`` and ``kind`` say which layer."""

    name: str
    kind: str
    pixels: int
    cuts: tuple[int, ...]
    channels: int

    @property
    def rows(self) -> int:
        """Of the layer's matrix."""
        return self.cuts[-1]


@dataclass(frozen=True)
class Placement:
    """Where a layer lies: its row tiles, the ADCs that a phase uses, its phases."""

    tiles: tuple[TilePlace, ...]
    adcs: int
    phases: int


@dataclass(frozen=True)
class _Form:
    """A way to cut a layer: row tiles, and phases of ``width`` groups of lanes, the last one of
    ``last_width``."""

    tiles: int
    phases: int
    width: int
    last_width: int


def place(demands: Sequence[Demand], shape: ArrayShape, lanes: int, *, fragment: int = 1,
          reloaded: bool = False) -> list[Placement]:
    """A place for every layer; ``lanes``: codes that are read at once, of whose groups tiles take
    whole ones; ``fragment``: rows of which a tile takes whole groups, a divisor of the array's;
    ``reloaded``: other layers have the array after these. The same result for the same demands.

    Raises CompileFault where a layer is too large by itself, or they do not fit together, with how
    much is missing.
    """
    fewest = [_forms(demand, shape, lanes) for demand in demands]
    advice = "make cim.rows or cim.columns larger" + (
        "" if reloaded else ", or set cim.residency to reloaded")
    _check_cells(demands, shape, advice)
    found = None
    if sum(demand.rows * -(-demand.channels // lanes) for demand in demands) * lanes <= (
            shape.rows * shape.columns):
        found = _solve(demands, [forms[:1] for forms in fewest], shape, lanes, fragment)
        if found is None and any(len(forms) > 1 for forms in fewest):
            found = _solve(demands, fewest, shape, lanes, fragment)
    if found is None:
        cells = sum(demand.rows * demand.channels for demand in demands)
        raise CompileFault(
            f"the layers' weights, {100 * cells / (shape.rows * shape.columns):.0f} % of the "
            f"array, do not fit side by side as rectangles; {advice}")
    return found


def _forms(demand: Demand, shape: ArrayShape, lanes: int) -> list[_Form]:
    """Ways to cut a layer, those with the fewest conversions first."""
    where = f"layer {demand.name} ({demand.kind})"
    if demand.channels > shape.columns:
        raise CompileFault(f"{where}: output channels must be at most cim.columns, "
                           f"{shape.columns}, not {demand.channels}; make cim.columns larger")
    least = _least_tiles(demand.cuts, shape.rows)
    if least is None or least > MOST_TILES:
        raise CompileFault(
            f"{where}: rows (kernel height x width x input channels) must be at most "
            f"{MOST_TILES} x cim.rows, {MOST_TILES * shape.rows}, not {demand.rows}; make cim.rows "
            "larger")
    channels, forms = demand.channels, []
    for split in range(1, shape.mux + 1):
        width = -(-channels // (split * lanes))
        phases = -(-channels // (width * lanes))
        last = channels - (phases - 1) * width * lanes
        if width * lanes <= shape.adcs and all(form.width != width for form in forms):
            forms.append(_Form(least, phases, width, -(-last // lanes)))
    if shape.adjacent:  # neighbours share ADCs
        return forms[-1:]
    forms = [_Form(tiles, form.phases, form.width, form.last_width) for form in forms
             for tiles in range(least, min(least + MORE_TILES, MOST_TILES, len(demand.cuts) - 1)
                                + 1)]
    return sorted(forms, key=lambda form: (form.tiles * form.phases, form.tiles))


def _least_tiles(cuts: tuple[int, ...], rows: int) -> int | None:
    """Tiles of at most ``rows`` that begin and end at ``cuts``; None where there is no way."""
    tiles, start = 1, 0
    for before, end in pairwise(cuts):
        if end - start > rows:
            tiles, start = tiles + 1, before
            if end - start > rows:
                return None
    return tiles


def _check_cells(demands: Sequence[Demand], shape: ArrayShape, advice: str) -> None:
    need = sum(demand.rows * demand.channels for demand in demands)
    have = shape.rows * shape.columns
    if need > have:
        whose = (f"layer {demands[0].name} ({demands[0].kind})" if len(demands) == 1
                 else "this network")
        raise CompileFault(f"the array must have at least {need} cells for the weights of {whose}, "
                           f"not {have}, {need - have} fewer; {advice}")


def _solve(demands: Sequence[Demand], forms: Sequence[Sequence[_Form]], shape: ArrayShape,
           lanes: int, fragment: int) -> list[Placement] | None:
    """The best packing in which each layer has one of its ``forms``, or None; heights are counted
    in fragments."""
    from ortools.sat.python import cp_model  # which takes a second to load

    model = cp_model.CpModel()
    groups = shape.adcs // lanes
    most = shape.rows // fragment
    top = model.new_int_var(0, most, "top")
    across, down, conversions, choices = [], [], [], []
    for layer, (demand, ways) in enumerate(zip(demands, forms, strict=True)):
        taken = [model.new_bool_var(f"layer {layer} as {form}") for form in ways]
        model.add_exactly_one(taken)
        options = []
        for form, chosen in zip(ways, taken, strict=True):
            cuts = [0, *(model.new_int_var_from_domain(
                cp_model.Domain.from_values(demand.cuts[1:-1]), f"cut {layer} {form} {index}")
                for index in range(1, form.tiles)), demand.rows]
            starts = cp_model.Domain.from_values([
                phase * groups + group for phase in range(shape.mux - form.phases + 1)
                for group in range(groups - form.width + 1)])
            tiles = []
            for index, (first, end) in enumerate(pairwise(cuts)):
                name = f"tile {layer} {form} {index}"
                x = model.new_int_var_from_domain(starts, f"x {name}")
                y = model.new_int_var(0, most - 1, f"y {name}")
                bottom = model.new_int_var(1, most, f"end {name}")
                height = model.new_int_var(1, most, f"height {name}")
                model.add_linear_constraint(fragment * height - (end - first), 0,
                                            fragment - 1).only_enforce_if(chosen)
                interval = model.new_optional_interval_var(y, height, bottom, chosen, name)
                model.add(bottom <= top).only_enforce_if(chosen)
                for phase in range(form.phases):
                    width = form.last_width if phase == form.phases - 1 else form.width
                    left = x + phase * groups
                    across.append(model.new_optional_interval_var(
                        left, width, left + width, chosen, f"{name} {phase}"))
                    down.append(interval)
                tiles.append((x, y, first, end))
            conversions.append(chosen * (demand.pixels * form.tiles * form.phases))
            options.append((chosen, form, tiles))
        choices.append(options)
    model.add_no_overlap_2d(across, down)
    model.minimize(sum(conversions) * (most + 1) + top)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = EFFORT
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    placements = []
    for demand, options in zip(demands, choices, strict=True):
        form, tiles = next((form, tiles) for chosen, form, tiles in options
                           if solver.value(chosen))
        placed = []
        for x, y, first, end in tiles:
            phase, group = divmod(solver.value(x), groups)
            placed.append(TilePlace(
                solver.value(y) * fragment, solver.value(end) - solver.value(first),
                group * lanes, phase))
        placements.append(Placement(
            tuple(placed), demand.channels if form.phases == 1 else form.width * lanes,
            form.phases))
    return placements
