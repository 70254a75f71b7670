# SPDX-License-Identifier: Apache-2.0
"""Area and energy of the digital compute-in-memory macro on silicon, beside a TPE's."""
