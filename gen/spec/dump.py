# SPDX-License-Identifier: Apache-2.0
"""A spec as YAML, and the schema of that YAML."""

from typing import Any

import yaml

from .model import Spec
from .size import format_size

__all__ = ["json_schema", "to_yaml"]


def to_yaml(spec: Spec) -> str:
    """YAML text with every field; loading it gives an equal spec."""
    data = spec.model_dump(mode="json")
    data["memory"] = {name: format_size(value) if isinstance(value, int) else value
                      for name, value in data["memory"].items()}
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=100)


def json_schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of a spec file, for editors. Rules between fields are not in it."""
    schema = Spec.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {
        "title": "Systolith spec"}
