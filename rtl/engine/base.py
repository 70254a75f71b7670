# SPDX-License-Identifier: Apache-2.0
"""The engines by kind. A new engine is one module here and one line in ``ENGINES``."""

from .sa import Sa
from .sta import Sta
from .sta_dbb import StaDbb
from .systolic import SystolicEngine
from .vdbb import Vdbb

__all__ = ["ENGINES"]

ENGINES: dict[str, type[SystolicEngine]] = {
    "sa": Sa,
    "sta": Sta,
    "sta-dbb": StaDbb,
    "vdbb": Vdbb,
}
