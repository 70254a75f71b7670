# SPDX-License-Identifier: Apache-2.0
"""``python -m systolith.gen.cli``."""

from . import main

main()
