# SPDX-License-Identifier: Apache-2.0
"""How many cycles networks take on a spec, by the predictor."""

from dataclasses import dataclass
from pathlib import Path

from ...gen.compile import CompileFault
from ...gen.compiler import compile_network
from ...gen.importer import load as load_model
from ...gen.predict import predict
from ...gen.spec import Spec
from .peers import label_of

__all__ = ["Inference", "inference_of", "shortened"]

LONGEST = 90


@dataclass(frozen=True, kw_only=True)
class Inference:
    """``cycles`` of an inference of the unmodified ``network``, or why there is none:
    ``refused``."""

    network: str
    cycles: int | None = None
    refused: str | None = None

    def milliseconds(self, megahertz: float | None) -> float | None:
        """At a clock."""
        return None if self.cycles is None or not megahertz else self.cycles / megahertz / 1e3


def inference_of(spec: Spec, model: Path) -> Inference:
    """Of the ``model``. Raises ImportFault, OSError."""
    label = label_of(model.stem)
    try:
        program = compile_network(spec, load_model(model))
    except CompileFault as fault:
        return Inference(network=label, refused=shortened(str(fault)))
    return Inference(network=label, cycles=int(predict(program).cycles))


def shortened(reason: str) -> str:
    """The first clause of a fault, in one line that fits a table."""
    text = " ".join(reason.split()).partition(";")[0]
    return text if len(text) <= LONGEST else text[:LONGEST - 1].rstrip() + "…"
