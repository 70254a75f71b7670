# SPDX-License-Identifier: Apache-2.0
"""The C driver on this machine, in front of a simulated core."""

from .check import check_driver
from .library import DriverError, DriverLibrary, build_driver

__all__ = ["DriverError", "DriverLibrary", "build_driver", "check_driver"]
