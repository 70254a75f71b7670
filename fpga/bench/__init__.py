# SPDX-License-Identifier: Apache-2.0
"""Side by side: what specs take of FPGAs, how fast they are there, and the published peers."""
