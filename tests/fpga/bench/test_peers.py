# SPDX-License-Identifier: Apache-2.0
from systolith.fpga.bench.peers import NETWORKS, PEERS, label_of


def test_peers_are_of_known_networks_and_have_sources():
    assert {peer.network for peer in PEERS} <= set(NETWORKS.values())
    assert all(peer.source and peer.milliseconds > 0 for peer in PEERS)
    assert len({(peer.name, peer.device, peer.network) for peer in PEERS}) == len(PEERS)


def test_networks_have_the_names_of_their_field():
    assert label_of("pretrainedResnet_quant") == "ResNet8"
    assert label_of("mine") == "mine"
