# SPDX-License-Identifier: Apache-2.0
"""The board shell: a serial line in front of an accelerator."""
