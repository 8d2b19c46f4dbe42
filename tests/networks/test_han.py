"""HAN against the authors' formulation in plain functions, and its start from RCAN."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, load_weights, transfer
from srlab.networks.han import ChannelSpatialAttention, HANNetwork, LayerAttention
from srlab.networks.rcan import RCANNetwork
from srlab.training.run import train_config
from srlab.weights.conversion import convert


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


def drifted_rcan():
    """As trained ones are: the authors' program trains the mean shift too, but BasicSR's does not."""
    rcan = build("rcan")
    torch.nn.init.constant_(rcan.network.mean_shift.addition.bias, 110.0)
    return rcan


def saved_in(layout, folder, rcan):
    """An RCAN as srlab's checkpoint, as the authors' bare state dict, or under BasicSR's names."""
    own, path = folder / "rcan.ckpt", folder / f"{layout}.pt"
    checkpoint = {"state_dict": rcan.state_dict(), "hyper_parameters": dict(rcan.hparams)}
    rcan.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, own)
    if layout == "checkpoint":
        return own
    convert(own, path, layout)
    return path


@pytest.mark.parametrize("layout", ["checkpoint", "srlab", "edsr_pytorch", "basicsr"])
def test_training_starts_from_an_rcan(layout, tmp_path):
    rcan = build("rcan") if layout == "basicsr" else drifted_rcan()
    han = find_method("han")({"scale": 2, **RCANNetwork.tiny})
    fresh = {key: value.clone() for key, value in han.network.state_dict().items()}
    taken, left = transfer(han, saved_in(layout, tmp_path, rcan))
    given, now = rcan.network.state_dict(), han.network.state_dict()
    assert set(taken) == given.keys() and all(torch.equal(now[key], given[key]) for key in given)
    assert {key.split(".")[0] for key in left} == {
        "layer_attention", "channel_spatial_attention", "merge_layers", "merge"
    }  # fmt: skip
    assert all(torch.equal(now[key], fresh[key]) for key in left)


def test_what_comes_from_an_rcan_computes_the_same(tmp_path):
    """With both shares at 0, figure 2 is RCAN as soon as the last merge lets only the deepest features through."""
    rcan, han = drifted_rcan(), find_method("han")({"scale": 2, **RCANNetwork.tiny})
    transfer(han, saved_in("edsr_pytorch", tmp_path, rcan))
    features = len(han.network.merge.weight)
    with torch.no_grad():
        han.network.merge.weight.zero_()
        han.network.merge.bias.zero_()
        han.network.merge.weight[:, :features, 1, 1] = torch.eye(features)
        lr = torch.rand(1, 3, 6, 5)
        torch.testing.assert_close(han.network(lr, 2), rcan.network(lr, 2))


def test_train_py_says_what_it_took_from_an_rcan(tmp_path, photos_folder, capsys):
    rcan = build("rcan")
    start = saved_in("basicsr", tmp_path, rcan)
    sizes = [f"model.network.{name}={value}" for name, value in RCANNetwork.tiny.items()]
    words = ["model=han", "name=han", "data=folder", f"data.train=[{photos_folder}]", f"sets=[{photos_folder}]",
             "data.patch_size=8", "data.batch_size=2", "trainer.max_steps=1", "optimizer.learning_rate=1e-30",
             f"runs={tmp_path}/runs", f"init_from={start}"]  # fmt: skip
    train_config(compose("train", [*words, *sizes]))
    took = f"init_from={start}: took {len(rcan.network.state_dict())} tensors, left 8 as initialised (layer_attention."
    assert took in capsys.readouterr().out
    trained = load_checkpoint(tmp_path / "runs" / "han" / "checkpoints" / "best.ckpt").network
    assert torch.equal(trained.head.weight, rcan.network.head.weight)


def test_an_rcan_of_another_scale_lacks_the_upsampler(tmp_path):
    han = find_method("han")({"scale": 4, **RCANNetwork.tiny})
    _, left = transfer(han, saved_in("edsr_pytorch", tmp_path, build("rcan")))
    assert {key for key in left if key.startswith("tail.")} == {"tail.0.2.weight", "tail.0.2.bias"}


def test_an_rcan_is_no_han(tmp_path):
    """A start may lack some weights; what is evaluated may not."""
    with pytest.raises(SrlabError, match=r"missing \(layer_attention\.gamma.*They look like rcan by yulunzhang/RCAN"):
        load_weights(build("han"), saved_in("edsr_pytorch", tmp_path, build("rcan")))
    with pytest.raises(SrlabError, match="a checkpoint of rcan, not of han"):
        load_weights(build("han"), saved_in("checkpoint", tmp_path, build("rcan")))


def test_the_mean_shift_is_not_trained():
    network = build("han").network
    assert not any(p.requires_grad for p in network.mean_shift.parameters())


def test_arguments_that_cannot_be():
    with pytest.raises(SrlabError, match="reduction=16: expected a divisor of features=8"):
        HANNetwork(2, features=8)
