# SPDX-License-Identifier: Apache-2.0
"""Verilog of compute-in-memory macros that is not generated: the PCM model's, and the user's."""

from importlib.resources import files
from pathlib import Path

from ...spec import Spec, SpecFault

__all__ = ["macro_sources", "pcm_macro"]


def pcm_macro() -> str:
    """Verilog of module ``systolith_pcm_macro``."""
    return files(__package__).joinpath("systolith_pcm_macro.v").read_text()


def macro_sources(spec: Spec) -> dict[str, str]:
    """Verilog files that go with a spec's macro, by name; none where it is generated, or there is
    no macro. Raises SpecFault where one cannot be read."""
    if spec.cim is None or spec.cim.exact:
        return {}
    if spec.cim.macro == "pcm":
        return {"systolith_pcm_macro.v": pcm_macro()}
    found = {}
    for source in map(Path, spec.cim.sources):
        try:
            found[source.name] = source.read_text()
        except (OSError, UnicodeDecodeError) as fault:
            reason = getattr(fault, "strerror", None) or "it is not text"
            sentence = (f"{source}: cim.sources: file cannot be read: {reason}; correct its path, "
                        "which is from the spec's folder on")
            raise SpecFault([sentence]) from None
    return found
