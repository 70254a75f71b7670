# SPDX-License-Identifier: Apache-2.0
"""Networks larger than the memories on chip: weights streamed through a ring, activations tiled in
stripes with halo and spilled to external memory, both hidden behind the layers that run."""
