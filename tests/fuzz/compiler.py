# SPDX-License-Identifier: Apache-2.0
"""The command line ``systolith compile`` on many files: each in a process of its own, forked from
one that has imported everything, within limits of memory and time."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["GIB", "SECONDS", "CompileServer", "Outcome", "faults"]

GIB = 1 << 30
SECONDS = 5.0
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exit ``code`` (negative: killed by that signal), text on stderr, ``peak`` resident bytes,
    and what is left beside the model afterwards."""

    code: int
    stderr: str
    seconds: float
    peak: int
    left: list[str]


def faults(outcome: Outcome, model: Path) -> list[str]:
    """What the outcome should not be: empty for a success in which files appear, and for one
    sentence and exit code 2 without any."""
    wrong = []
    if outcome.seconds >= SECONDS:
        wrong.append(f"took {outcome.seconds:.1f} s")
    if outcome.peak >= GIB:
        wrong.append(f"took {outcome.peak / GIB:.2f} GiB")
    if outcome.code == 0:
        if outcome.stderr or outcome.left != ["image", model.name]:
            wrong.append(f"left {outcome.left} and said {outcome.stderr!r}")
    elif outcome.code == 2:
        lines = outcome.stderr.splitlines()
        if len(lines) != 1 or not 20 < len(lines[0]) < 3000 or "Traceback" in lines[0]:
            wrong.append(f"said {outcome.stderr!r}")
        if outcome.left != [model.name]:
            wrong.append(f"left {outcome.left}")
    else:
        wrong.append(f"ended with {outcome.code}: {outcome.stderr[-2000:]!r}")
    return wrong


class CompileServer:
    """A warm process that forks one for each file; a context manager."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.compiler"], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

    def compile(self, spec: str, model: Path) -> Outcome:
        """``systolith compile spec model -o image``, where ``model`` is alone in its folder."""
        self.process.stdin.write(json.dumps([spec, str(model)]) + "\n")
        self.process.stdin.flush()
        return Outcome(**json.loads(self.process.stdout.readline()))


def _serve() -> None:
    """Imports what ``compile`` imports, then answers line by line."""
    from systolith.gen import compile, compiler, predict  # noqa: F401
    from systolith.gen.cli import main
    from systolith.gen.importer import tflite  # noqa: F401

    for line in sys.stdin:
        spec, model = json.loads(line)
        print(json.dumps(asdict(_run(main, spec, Path(model)))), flush=True)


def _run(main, spec: str, model: Path) -> Outcome:
    image = model.parent / "image"
    said = model.parent.parent / f"{model.parent.name}.stderr"
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _limit()
        with open(os.devnull, "w") as nothing, said.open("w") as errors:
            os.dup2(nothing.fileno(), 1)
            os.dup2(errors.fileno(), 2)
        sys.argv = ["systolith", "compile", spec, str(model), "-o", str(image)]
        code = 1
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    _, status, usage = os.wait4(child, 0)
    return Outcome(code=os.waitstatus_to_exitcode(status), stderr=said.read_text(),
                   seconds=time.monotonic() - start, peak=usage.ru_maxrss * 1024,
                   left=sorted(item.name for item in model.parent.iterdir()))


def _limit() -> None:
    """No more than a GiB beyond what the process has mapped already; a hang ends."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + GIB, mapped + GIB))
    signal.alarm(int(4 * SECONDS))


if __name__ == "__main__":
    _serve()
