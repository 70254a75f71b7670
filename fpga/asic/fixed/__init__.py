# SPDX-License-Identifier: Apache-2.0
"""Energy of a fixed-weight front end on silicon, against programmable engines."""
