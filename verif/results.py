# SPDX-License-Identifier: Apache-2.0
"""What the tests of a bench came to."""

from pathlib import Path
from xml.etree import ElementTree

__all__ = ["read_results"]


def read_results(bench: str, path: Path, detail: str) -> list[tuple[str, bool, str]]:
    """(name, passed, detail) of each test of ``bench``, from the report at ``path``; one failure,
    with ``detail``, where the simulator died."""
    words = bench.replace("_", " ")
    if not path.exists():
        return [(words, False, detail)]
    results = []
    for case in ElementTree.parse(path).iter("testcase"):
        faults = [fault for tag in ("failure", "error") for fault in case.iter(tag)]
        text = "\n".join(f"{fault.get('message', '')}\n{fault.text or ''}" for fault in faults)
        results.append((f"{words}: {case.get('name').replace('_', ' ')}", not faults,
                        text.strip()))
    if detail and all(passed for _, passed, _ in results):
        results.append((words, False, detail))
    return results
