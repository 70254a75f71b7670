# SPDX-License-Identifier: Apache-2.0
"""A proof in court: it holds, is not vacuous, and its twins with a fault are refuted."""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from amaranth.lib import wiring
from systolith.verif.formal.runner import Goal, Mode, check

from ...faults.catalogue import FAULTS
from ...faults.second import SECOND

__all__ = ["catalogued", "judge", "planted"]

Make = Callable[[], wiring.Component]


def planted(path: str, old: str, new: str) -> ModuleType:
    """The module in file ``path`` with ``new`` in place of ``old``, which occurs once."""
    name = "systolith." + path.removesuffix(".py").replace("/", ".")
    source = Path(importlib.util.find_spec(name).origin)
    text = source.read_text()
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}, not once"
    module = ModuleType(name)
    module.__package__ = name.rpartition(".")[0]
    exec(compile(text.replace(old, new), source, "exec"), module.__dict__)
    return module


def catalogued(name: str) -> ModuleType:
    """The module with the fault of that name in the catalogue."""
    fault, = (fault for fault in FAULTS + SECOND if fault.name == name)
    return planted(fault.path, fault.old, fault.new)


def judge(work: Path, make: Make, twins: Mapping[str, tuple[Make, str]], *, depth: int,
          mode: Mode = Mode.BOUNDED, reach: int | None = None, unknown: bool = False) -> None:
    """``make``'s top must hold and reach its covers, and each twin must fail.

    A twin's text starts the message of an assertion that fails; with "" it may be any, where a
    fault shows in several ways.

    ``reach``: depth of covers and twins where it is not that of the proof. ``unknown``: as in
    ``Goal``.
    """
    reach = reach or depth
    goals = {"proof": Goal(top=make(), mode=mode, depth=depth, unknown=unknown),
             "cover": Goal(top=make(), mode=Mode.COVER, depth=reach, unknown=unknown)}
    goals |= {f"twin{index}": Goal(top=twin(), mode=Mode.BOUNDED, depth=reach, unknown=unknown)
              for index, (twin, _) in enumerate(twins.values())}
    proof, cover, *refuted = check(goals, work).values()
    assert proof.holds, proof.named
    assert cover.holds, f"reached only {sorted(cover.named)}"
    assert twins
    for (name, (_, expected)), verdict in zip(twins.items(), refuted, strict=True):
        assert not verdict.holds, f"{name}: not refuted"
        assert any(message.startswith(expected) for message in verdict.named), (
            name, verdict.named)
