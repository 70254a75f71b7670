# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest


def pytest_addoption(parser):
    group = parser.getgroup("systolith")
    group.addoption("--networks", type=Path, metavar="DIR",
                    help="folder of the MLPerf Tiny int8 models and their samples")
    group.addoption("--pdk", type=Path, metavar="DIR", help="folder of the standard-cell library")
    group.addoption("--require-shared", action="store_true",
                    help="fail, rather than skip, tests whose folder is not given")
    group.addoption("--slow", action="store_true",
                    help="the tests marked slow, and no others: those of the tests themselves, and "
                         "further cases of what others show")


def pytest_collection_modifyitems(config, items):
    """Slow tests or the others. Simulations first, which take longest: so that parallel workers end
    together."""
    slow = config.getoption("--slow")
    others = [item for item in items if bool(item.get_closest_marker("slow")) != slow]
    items[:] = [item for item in items if bool(item.get_closest_marker("slow")) == slow]
    config.hook.pytest_deselected(items=others)
    items.sort(key=lambda item: "verif" not in item.path.parts)


def shared(config, option: str) -> Path:
    folder = config.getoption(option)
    if folder is None:
        reason = f"needs {option} DIR"
        if config.getoption("--require-shared"):
            pytest.fail(reason)
        pytest.skip(reason)
    if not folder.is_dir():
        pytest.fail(f"{option} must be a folder, not {str(folder)!r}")
    return folder


@pytest.fixture(scope="session")
def networks(pytestconfig) -> Path:
    return shared(pytestconfig, "--networks")


@pytest.fixture(scope="session")
def pdk(pytestconfig) -> Path:
    return shared(pytestconfig, "--pdk")
