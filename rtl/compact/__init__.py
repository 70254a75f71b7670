# SPDX-License-Identifier: Apache-2.0
"""The compact core: one memory, eight lanes, for the smallest FPGAs. It stands behind the same
registers and window as the core in ``rtl/core.py``, whose lowering, golden model and host it
shares."""
