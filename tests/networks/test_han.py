"""HAN against the authors' formulation in plain functions, and its start from RCAN."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights, transfer
from srlab.networks.han import ChannelSpatialAttention, HANNetwork, LayerAttention
from srlab.networks.rcan import RCANNetwork


def with_shares(module):
    """Both kinds of attention begin at a share of 0; here they count."""
    for name, parameter in module.named_parameters():
        if name.endswith("gamma"):
            torch.nn.init.constant_(parameter, 0.7)
    return module


def test_layers_attend_to_those_that_are_least_like_them():
    torch.manual_seed(0)
    attention, layers = with_shares(LayerAttention()), torch.rand(2, 4, 3, 5, 6) / 4
    expected = layers.clone()
    for n in range(2):
        for i in range(4):
            products = [(layers[n, i] * layers[n, j]).sum() for j in range(4)]
            weights = [torch.exp(max(products) - product) for product in products]
            for j in range(4):
                expected[n, i] += 0.7 * weights[j] / sum(weights) * layers[n, j]
    torch.testing.assert_close(attention(layers), expected)


def test_channel_spatial_attention_sees_neighbouring_features_and_pixels():
    torch.manual_seed(0)
    attention, x = with_shares(ChannelSpatialAttention()).double(), torch.rand(1, 4, 5, 6, dtype=torch.double)
    padded, kernel = F.pad(x, (1, 1, 1, 1, 1, 1)), attention.conv.weight[0, 0]
    for c, i, j in ((0, 0, 0), (2, 3, 4), (3, 4, 5)):
        response = (padded[0, c : c + 3, i : i + 3, j : j + 3] * kernel).sum() + attention.conv.bias[0]
        expected = x[0, c, i, j] * (1 + 0.7 * torch.sigmoid(response))
        torch.testing.assert_close(attention(x)[0, c, i, j], expected)


def test_the_newest_layer_comes_first():
    network = build("han").network
    seen = []
    network.layer_attention.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network.body[2].register_forward_hook(lambda *values: seen.append(values[2]))
    network.body[0].register_forward_hook(lambda *values: seen.append(values[2]))
    network(torch.rand(1, 3, 6, 5), 2)
    first, last, stacked = seen
    assert stacked.shape[1] == 3
    assert torch.equal(stacked[:, 0], last) and torch.equal(stacked[:, 2], first)


def test_attention_begins_as_the_identity():
    x = torch.rand(1, 4, 5, 6)
    assert torch.equal(ChannelSpatialAttention()(x), x)
    assert torch.equal(LayerAttention()(x[:, None]), x[:, None])


def test_the_softmax_is_of_float32_under_autocast():
    """Products over a whole image are large: in half precision they would differ by whole units."""
    torch.manual_seed(0)
    attention, layers = with_shares(LayerAttention()), torch.rand(1, 3, 8, 20, 20)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(attention(layers), attention.to(torch.float32)(layers))


def test_training_starts_from_an_rcan(tmp_path):
    rcan, han = build("rcan"), find_method("han")({"scale": 2, **RCANNetwork.tiny})
    torch.nn.init.constant_(rcan.network.mean_shift.addition.bias, 110.0)  # as a trained one has drifted
    checkpoint = {"state_dict": rcan.state_dict(), "hyper_parameters": dict(rcan.hparams)}
    rcan.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "rcan.ckpt")
    taken, left = transfer(han, tmp_path / "rcan.ckpt")
    assert set(taken) == rcan.network.state_dict().keys()
    new = ("layer_attention.", "channel_spatial_attention.", "merge_layers.", "merge.")
    assert left and all(key.startswith(new) for key in left)
    assert han.network.mean_shift.addition.bias.tolist() == [110.0] * 3
    with pytest.raises(SrlabError, match="missing"):
        load_weights(build("han"), _weights(rcan, tmp_path))


def _weights(method, folder):
    torch.save(method.network.state_dict(), folder / "rcan.pt")
    return folder / "rcan.pt"


def test_the_mean_shift_is_not_trained():
    network = build("han").network
    assert not any(p.requires_grad for p in network.mean_shift.parameters())


def test_arguments_that_cannot_be():
    with pytest.raises(SrlabError, match="reduction=16: expected a divisor of features=8"):
        HANNetwork(2, features=8)
