# SPDX-License-Identifier: Apache-2.0
"""What others have published for the same networks on FPGAs."""

from dataclasses import dataclass

__all__ = ["CFU_TILE", "NETWORKS", "PEERS", "Peer", "label_of"]

NETWORKS = {"kws_ref_model": "KWS", "vww_96_int8": "VWW", "pretrainedResnet_quant": "ResNet8",
            "ad01_int8": "AD"}
"""Names of MLPerf Tiny's int8 reference networks, by the model's file without its ending."""


@dataclass(frozen=True)
class Peer:
    """``milliseconds`` of an inference of ``network`` on ``device``; ``source``: where it says
    so."""

    name: str
    device: str
    network: str
    milliseconds: float
    source: str


_MLPERF = "MLPerf Tiny v1.1, closed division"
_CFU = "CFU-Playground community: 9.8 M cycles, as of 100 MHz"

PEERS = (
    Peer("fpgaConvNet", "XC7Z020", "ResNet8", 0.411, _MLPERF),
    Peer("fpgaConvNet", "XC7Z020", "KWS", 0.324, _MLPERF),
    Peer("fpgaConvNet", "XC7Z020", "VWW", 9.49, _MLPERF),
    Peer("fpgaConvNet", "XC7Z010", "ResNet8", 3.15, _MLPERF),
    Peer("fpgaConvNet", "XC7Z010", "KWS", 2.15, _MLPERF),
    Peer("fpgaConvNet", "XC7Z007S", "KWS", 4.21, _MLPERF),
    Peer("CFU-Playground", "XC7A35T", "KWS", 98.0, _CFU),
)

CFU_TILE = {"lut": 17.3, "ff": 18.4, "dsp": 1.0, "lut_without_dsp": 179.0}
"""What a multiply-accumulate takes in CFU-Playground's hps_accel, by yosys ahead of routing."""


def label_of(stem: str) -> str:
    """The network's name in the tables, of its file's."""
    return NETWORKS.get(stem, stem)
