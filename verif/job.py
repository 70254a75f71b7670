# SPDX-License-Identifier: Apache-2.0
"""What the simulation process is asked to do, and what it answers, as files."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

__all__ = ["Answer", "Job"]

ARRAYS = ("image", "inputs", "external", "frames")


@dataclass(kw_only=True)
class Job:
    """One session with a core: load an image, run every input, read every output.

    ``image_runs`` and ``image``: stretches of words that load the image; ``input_runs`` and
    ``output_runs``: (byte address, first word, words) of one input or output in the order of the
    packed arrays; ``inputs``: uint64 [N, words]; ``banks`` of an activation bank group;
    ``conditions``: flags with which runs start; ``registers``: others that are written first, by
    name; ``array``: there is a macro, whose counters are read too. ``external``: words of the
    memory behind the DMA (none where there is no such memory), which then also holds the input if
    ``input_outside``.
    ``frames``: inputs that are streamed in instead, int8 [N, pixels, channels], into slots whose
    words ``slot_runs`` has as ``output_runs`` has those of outputs, through ``fixed_layers``.
    ``stalls``: seed of random AXI stalls, or None. ``places``: fields of ``Places``, to load
    without the window, or None. ``trace``: watch the units in the first run. ``following``: path of
    a saved job that the same session does next, or none.
    """

    folder: Path
    image_runs: list[tuple[int, int, int]]
    image: np.ndarray
    input_runs: list[tuple[int, int, int]]
    inputs: np.ndarray
    output_runs: list[tuple[int, int, int]]
    layers: int
    external: np.ndarray = field(default_factory=lambda: np.zeros(0, "<u8"))
    frames: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.int8))
    slot_runs: list[list[tuple[int, int, int]]] = field(default_factory=list)
    fixed_layers: int = 0
    input_outside: bool = False
    latency: int = 0
    conditions: int = 0
    registers: dict[str, int] = field(default_factory=dict)
    array: bool = False
    banks: int = 0
    monitor: bool = False
    trace: bool = False
    stalls: int | None = None
    places: dict | None = None
    watchdog: int = 0
    following: str = ""
    settings: dict = field(default_factory=dict)

    def save(self) -> Path:
        """Write the job into its folder; returns its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "job.json"
        fields = asdict(self) | {"folder": str(self.folder)}
        np.savez(self.folder / "job.npz", **{name: fields.pop(name) for name in ARRAYS})
        path.write_text(json.dumps(fields))
        return path

    @classmethod
    def load(cls, path: Path) -> "Job":
        """Read what ``save`` wrote."""
        fields = json.loads(path.read_text())
        fields["folder"] = Path(fields["folder"])
        with np.load(path.parent / "job.npz") as arrays:
            return cls(**fields, **{name: arrays[name] for name in ARRAYS})


@dataclass(kw_only=True)
class Answer:
    """``outputs`` uint64 [N, words]; ``cycles`` [N], of them ``waits`` [N] for transfers;
    ``layer_cycles`` [N, layers]; ``counters``
    of the last run by name; ``post`` and ``vector``: monitored result beats, int8 [beats, lanes];
    ``units``: as ``UnitMonitor``, of the first run. Of frames that were streamed: ``handoff``,
    pixels handed off, int8 [pixels, channels]; ``slots`` uint64 [frames, words], both of the first
    ones; ``stream_words`` [N] written during each run; ``fixed``: of each fixed layer its pixels,
    int8 [pixels, channels].
    """

    outputs: np.ndarray
    cycles: np.ndarray
    waits: np.ndarray
    layer_cycles: np.ndarray
    counters: dict[str, int]
    post: np.ndarray
    vector: np.ndarray
    units: np.ndarray
    handoff: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int8))
    slots: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), "<u8"))
    stream_words: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    fixed: list[np.ndarray] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write the answer into ``folder``."""
        np.savez(folder / "answer.npz", outputs=self.outputs, cycles=self.cycles,
                 waits=self.waits, layer_cycles=self.layer_cycles, post=self.post,
                 vector=self.vector, units=self.units, handoff=self.handoff, slots=self.slots,
                 stream_words=self.stream_words,
                 **{f"fixed_{index}": pixels for index, pixels in enumerate(self.fixed)})
        (folder / "counters.json").write_text(json.dumps(self.counters))

    @classmethod
    def load(cls, folder: Path) -> "Answer":
        """Read what ``save`` wrote."""
        with np.load(folder / "answer.npz") as arrays:
            known = dict(arrays)
            fixed = [known.pop(f"fixed_{index}")
                     for index in range(sum(name.startswith("fixed_") for name in arrays))]
            return cls(**known, fixed=fixed,
                       counters=json.loads((folder / "counters.json").read_text()))
