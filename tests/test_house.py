# SPDX-License-Identifier: Apache-2.0
"""The house: packages, import directions, licence lines, README."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from .further import further

ROOT = Path(__file__).parent.parent
PACKAGES = ("golden", "rtl", "gen", "verif", "fpga")
ALLOWED = {"golden": set(), "rtl": set(), "gen": {"golden", "rtl"},
           "verif": {"golden", "rtl", "gen"}, "fpga": {"golden", "rtl", "gen"}}
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def test_every_package_on_disk_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["tool"]["setuptools"]["packages"]
    on_disk = {"systolith." + ".".join(path.parent.relative_to(ROOT).parts)
               for path in SOURCES if path.name == "__init__.py"}
    assert sorted(declared) == sorted(on_disk)


def _imported_packages(path: Path) -> set[str]:
    """Top-level folders that a file imports from, by relative or absolute name."""
    here = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = (*here[:len(here) - node.level + 1], *(node.module or "").split("."))
            found.add(parts[0])
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("systolith."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names
                      if name.name.startswith("systolith.")}
    return found


@cache
def _names_bound(path: Path) -> set[str]:
    """Names that a module binds at its top level, by assignment, definition or import."""
    bound = set()
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(statement.name)
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Import | ast.ImportFrom):
                bound |= {(name.asname or name.name).split(".")[0] for name in node.names}
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                bound.add(node.id)
    return bound


def _imports_of_the_project(path: Path):
    """Folder or file (from the root, without .py) and name of everything that ``path`` imports
    from this tree, also inside functions."""
    here = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.startswith("systolith."):
                    *module, last = name.name.split(".")[1:]
                    yield ROOT.joinpath(*module), last
        if not isinstance(node, ast.ImportFrom):
            continue
        named = tuple((node.module or "").split(".")) if node.module else ()
        if node.level:
            module = here[:len(here) - node.level + 1] + named
        elif named[0] in ("systolith", "tests"):
            module = named[named[0] == "systolith":]
        else:
            continue
        for name in node.names:
            yield ROOT.joinpath(*module), name.name


@pytest.mark.parametrize("path", [*SOURCES, *TESTS],
                         ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_imported_exists(path):
    for module, name in _imports_of_the_project(path):
        source = module.with_suffix(".py") if module.with_suffix(".py").exists() \
            else module / "__init__.py"
        assert (source.exists() and name in _names_bound(source)
                or (module / f"{name}.py").exists() or (module / name / "__init__.py").exists()), \
            f"{module.relative_to(ROOT)} has no {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    assert _imported_packages(path) <= ALLOWED[package] | {package}


def test_rtl_knows_nothing_but_amaranth():
    for path in (ROOT / "rtl").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                top = name.split(".")[0]
                assert top == "amaranth" or top in sys.stdlib_module_names, f"{path}: {name}"


def test_every_source_has_its_licence_line():
    for path in [*SOURCES, *TESTS]:
        head = path.read_text().splitlines()[:2]
        assert "# SPDX-License-Identifier: Apache-2.0" in head, path


def test_files_stay_small():
    for path in SOURCES:
        assert len(path.read_text().splitlines()) <= 400, path


LONG = ("systolith verify", "systolith synth")


def _readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return [line for block in blocks for line in block.splitlines()
            if line.startswith("systolith ")]


def test_readme_names_commands():
    assert len(_readme_commands()) >= 8


@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("command", [
    *(each for each in _readme_commands() if not each.startswith(LONG)),
    *further(each for each in _readme_commands() if each.startswith(LONG))])
def test_readme_command_runs(command, tmp_path):
    (tmp_path / "gen").symlink_to(ROOT / "gen")
    subprocess.run([sys.executable, "-m", "systolith.gen.cli", *shlex.split(command)[1:]],
                   cwd=tmp_path, check=True, capture_output=True, env=dict(os.environ))


def test_readme_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.M), target
