# SPDX-License-Identifier: Apache-2.0
"""Area, timing and energy of generated hardware on standard-cell libraries."""
