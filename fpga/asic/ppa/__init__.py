# SPDX-License-Identifier: Apache-2.0
"""Power, performance and area of engines side by side: ``systolith bench ppa``."""
