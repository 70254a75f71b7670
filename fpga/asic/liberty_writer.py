# SPDX-License-Identifier: Apache-2.0
"""Liberty text of a library's cells, for tools that map onto them."""

from collections.abc import Iterable, Iterator

from .library import Arc, Cell, Table

__all__ = ["mappable", "write_liberty"]

_SENSES = {"positive": "positive_unate", "negative": "negative_unate", "either": "non_unate"}


def mappable(cell: Cell) -> bool:
    """Whether a mapper of logic can use ``cell``: one output, a function of its inputs."""
    return (cell.flip_flop is None and cell.clock_gate is None and len(cell.outputs) == 1
            and bool(cell.inputs) and bool(cell.pins[cell.outputs[0]].function)
            and {arc.source for arc in cell.arcs} == set(cell.inputs))


def write_liberty(name: str, cells: Iterable[Cell]) -> str:
    """Liberty of ``cells`` in ps and fF with one delay arc per pair of pins.

    Of arcs under conditions the slowest one on average stands for all. A whole library of tens of
    megabytes becomes one that mappers read in a fraction of a second.
    """
    return "\n".join(_library(name, cells)) + "\n"


def _library(name: str, cells: Iterable[Cell]) -> Iterator[str]:
    yield f"library ({name}) {{"
    yield '  delay_model : table_lookup; time_unit : "1ps"; capacitive_load_unit (1, ff);'
    yield '  voltage_unit : "1V"; current_unit : "1mA"; leakage_power_unit : "1nW";'
    yield '  pulling_resistance_unit : "1kohm";'
    bodies = []
    shapes: set[tuple[int, int]] = set()
    for cell in cells:
        bodies += _cell(cell, shapes)
    for rows, columns in sorted(shapes):
        yield f"  lu_table_template (t{rows}x{columns}) {{"
        yield "    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;"
        yield f'    index_1 ("{", ".join(map(str, range(rows)))}");'
        yield f'    index_2 ("{", ".join(map(str, range(columns)))}"); }}'
    yield from bodies
    yield "}"


def _cell(cell: Cell, shapes: set[tuple[int, int]]) -> Iterator[str]:
    yield f"  cell ({cell.name}) {{ area : {cell.area:g};"
    if (flop := cell.flip_flop) is not None:
        clocked = f"{flop.clock}'" if flop.clock_inverted else flop.clock
        yield f'    ff (IQ, IQN) {{ next_state : "{flop.next_state}"; clocked_on : "{clocked}";'
        for kind in ("clear", "preset"):
            if condition := getattr(flop, kind):
                yield f'      {kind} : "{condition}";'
        yield "    }"
    for pin in cell.pins.values():
        yield f"    pin ({pin.name}) {{ direction : {'output' if pin.output else 'input'};"
        if not pin.output:
            clock = " clock : true;" if pin.clock else ""
            yield f"      capacitance : {pin.capacitance:g};{clock} }}"
            continue
        yield f'      function : "{_function(cell, pin.name)}";'
        if pin.max_capacitance:
            yield f"      max_capacitance : {pin.max_capacitance:g};"
        if cell.flip_flop is None:
            for arc in _slowest(cell, pin.name):
                yield from _arc(arc, shapes)
        yield "    }"
    yield "  }"


def _function(cell: Cell, pin: str) -> str:
    flop = cell.flip_flop
    if flop is None:
        return cell.pins[pin].function or ""
    return "IQN" if (pin == flop.complement) != flop.output_inverted else "IQ"


def _slowest(cell: Cell, target: str) -> list[Arc]:
    def mean(arc: Arc) -> tuple[bool, float]:
        tables = [t for t in (arc.delay_rise, arc.delay_fall) if t is not None]
        return arc.when is None, sum(float(t.values.mean()) for t in tables) / max(len(tables), 1)

    best: dict[str, Arc] = {}
    for arc in cell.arcs:
        if arc.target == target and arc.kind == "combinational" and \
                None not in (arc.delay_rise, arc.delay_fall) and \
                (arc.source not in best or mean(arc) > mean(best[arc.source])):
            best[arc.source] = arc
    return list(best.values())


def _arc(arc: Arc, shapes: set[tuple[int, int]]) -> Iterator[str]:
    yield f'      timing () {{ related_pin : "{arc.source}";'
    yield f"        timing_sense : {_SENSES[arc.sense]};"
    for name, table in (("cell_rise", arc.delay_rise), ("cell_fall", arc.delay_fall),
                        ("rise_transition", arc.slew_rise), ("fall_transition", arc.slew_fall)):
        if table is not None:
            yield _table(name, table, shapes)
    yield "      }"


def _table(name: str, table: Table, shapes: set[tuple[int, int]]) -> str:
    shapes.add(table.values.shape)
    rows, columns = table.values.shape

    def row(values) -> str:
        return '"' + ", ".join(f"{value:.6g}" for value in values) + '"'

    return (f"        {name} (t{rows}x{columns}) {{ index_1 ({row(table.slews)}); "
            f"index_2 ({row(table.loads)});\n          values ("
            + ", \\\n            ".join(row(values) for values in table.values) + "); }")
