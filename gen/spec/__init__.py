# SPDX-License-Identifier: Apache-2.0
"""The spec: one strict YAML file that says which accelerator to build."""

from .dump import json_schema, to_yaml
from .fault import SpecFault
from .loading import load, names
from .model import Spec

__all__ = ["Spec", "SpecFault", "json_schema", "load", "names", "to_yaml"]
