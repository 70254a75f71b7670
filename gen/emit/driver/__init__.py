# SPDX-License-Identifier: Apache-2.0
"""The C driver, and compiled models in a form for it."""

from .files import DRIVER, write_driver
from .model import symbol_of, write_model

__all__ = ["DRIVER", "symbol_of", "write_driver", "write_model"]
