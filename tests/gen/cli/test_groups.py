# SPDX-License-Identifier: Apache-2.0
import typer
from systolith.gen.cli.groups import BENCH, group


def test_a_group_is_made_once():
    app = typer.Typer()
    assert group(app, BENCH) is group(app, BENCH)
    assert [found.name for found in app.registered_groups] == [BENCH]
