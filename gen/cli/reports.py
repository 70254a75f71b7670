# SPDX-License-Identifier: Apache-2.0
"""A report of a run, for people."""

from typing import TYPE_CHECKING

import typer

from .common import print_left_out
from .layers import print_layers

if TYPE_CHECKING:
    from ..report import Report

__all__ = ["print_report"]


def print_report(report: "Report", spec: str, model: str, *, hardware: str = "RTL") -> None:
    """Print layers, accuracy, cycles and what the comparison of ``hardware`` with golden gave."""
    if report.layers:
        title = f"{model} on {spec}: cycles measured, waits by layer predicted"
        print_layers(title, report.layers, {
            "macs": sum(layer["macs"] for layer in report.layers), "cycles": report.cycles,
            "predicted_cycles": round(report.predicted_cycles_per_inference * report.batch),
            "utilisation": report.utilisation, "transfer_wait": report.waits,
            "moved_bytes": report.moved_bytes} | report.activity)
    print_left_out(report.left_out)
    typer.echo(f"inferences {report.inferences}")
    if report.accuracy is not None:
        before = report.accuracy_unpruned
        typer.echo(f"accuracy {100 * report.accuracy:.2f} %" + (
            "" if before is None else f", {100 * before:.2f} % without pruning activations"))
    if report.bit_exact is None:
        return
    if report.batch > 1:
        typer.echo(f"cycles per run of {report.batch} inputs {report.cycles:,}")
    typer.echo(f"cycles per inference {report.cycles_per_inference:,} measured, "
               f"{report.predicted_cycles_per_inference:,} predicted; " + (
                   f"{report.waits:,} of waiting for transfers; " if report.waits else "") +
               f"utilisation {100 * report.utilisation:.1f} %")
    if report.stream_words:
        during = sum(words > 0 for words in report.stream_words)
        typer.echo(f"frames handed off during runs of others: {during}, of at most "
                   f"{max(report.stream_words):,} words")
    typer.echo(f"{hardware} = golden over {report.inferences} inputs" if report.bit_exact
               else f"MISMATCH: {report.mismatch}")
