"""The kinds of attention in EDSR's residual blocks: what they compute, cost, see and show in their files."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint, load_weights
from srlab.networks.attention import AttentionBlock, attention_of
from srlab.networks.edsr import EDSRNetwork
from srlab.weights.conversion import convert
from srlab.weights.recognition import recognise

KINDS = ["channel", "spatial", "pixel", "channel_spatial", "second_order"]
LOCAL = {"spatial": 5, "pixel": 2}  # pixels that a block sees


def sigmoid(x):
    return 1 / (1 + torch.exp(-x))


def narrowed(state, path, numbers):
    """Two 1x1 convolutions with a ReLU between them, as products of matrices: (N, C) -> (N, C, 1, 1)."""
    for layer, last in (("squeeze", False), ("excite", True)):
        numbers = numbers @ state[f"{path}{layer}.weight"][:, :, 0, 0].T + state[f"{path}{layer}.bias"]
        numbers = numbers if last else numbers.clamp(min=0)
    return sigmoid(numbers)[..., None, None]


def spatial(state, path, x):
    maps = torch.stack([x.sum(dim=1) / x.shape[1], x.max(dim=1).values], dim=1)
    return x * sigmoid(F.conv2d(maps, state[f"{path}conv.weight"], state[f"{path}conv.bias"], padding=3))


def covariance_root(x):
    """The means of the rows of five Newton-Schulz iterations' root, image by image, from torch.cov."""
    rows = []
    for image in x.flatten(2):
        a = torch.cov(image, correction=0)
        y, z = a / a.trace(), torch.eye(len(a), dtype=a.dtype)
        for _ in range(5):
            t = 1.5 * torch.eye(len(a), dtype=a.dtype) - 0.5 * z @ y
            y, z = y @ t, t @ z
        rows.append((y * a.trace().sqrt()).mean(0))
    return torch.stack(rows)


def by_hand(kind, state, x):
    if kind == "channel":
        return x * narrowed(state, "channel.", x.mean((2, 3)))
    if kind == "spatial":
        return spatial(state, "spatial.", x)
    if kind == "pixel":
        weight = state["pixel.conv.weight"][:, :, 0, 0]
        return x * sigmoid(torch.einsum("oi,nihw->nohw", weight, x) + state["pixel.conv.bias"][:, None, None])
    if kind == "channel_spatial":
        scaled = x * narrowed(state, "channel_spatial.0.", x.mean((2, 3)))
        return spatial(state, "channel_spatial.1.", scaled)
    return x * narrowed(state, "second_order.", covariance_root(x))


@pytest.mark.parametrize("kind", KINDS)
def test_attention_by_hand(kind):
    torch.manual_seed(0)
    attention, x = attention_of(kind, 32).double(), torch.randn(2, 32, 9, 11, dtype=torch.double)
    expected = by_hand(kind, attention.state_dict(), x)
    torch.testing.assert_close(attention(x), expected, atol=1e-12, rtol=0)
    assert (expected.abs() < x.abs()).all() and (expected * x > 0).all()  # the factors are in (0, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_block_scales_its_residual_before_the_sum(kind, norm):
    torch.manual_seed(0)
    block, x = AttentionBlock(16, kind, norm, residual_scale=0.3).double().eval(), torch.randn(2, 16, 8, 7).double()
    first, second = (layer for layer in block.body if isinstance(layer, torch.nn.Conv2d))
    y = x
    for convolution, after in ((first, torch.relu), (second, torch.clone)):
        y = F.conv2d(y, convolution.weight, convolution.bias, padding=1)
        y = after(y / (1 + 1e-5) ** 0.5 if norm == "batch" else y)  # a BatchNorm that has seen nothing
    expected = x + 0.3 * by_hand(kind, block.attention.state_dict(), y)
    torch.testing.assert_close(block(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("none", 0),
        ("channel", 64 * 4 + 4 + 4 * 64 + 64),
        ("spatial", 2 * 7 * 7 + 1),
        ("pixel", 64 * 64 + 64),
        ("channel_spatial", 580 + 99),
        ("second_order", 580),
    ],
)
def test_sizes(kind, more):
    with torch.device("meta"):
        network = EDSRNetwork(2, attention=kind)
    assert sum(p.numel() for p in network.parameters()) == 1_369_859 + 16 * more


@pytest.mark.parametrize(
    ("features", "inside"), [(256, 16), (64, 4), (48, 4), (32, 4), (24, 4), (8, 4), (80, 5), (72, 9), (5, 5), (2, 2)]
)
def test_what_narrows_the_features_works_for_any_number_of_them(features, inside):
    for kind in ("channel", "second_order"):
        attention, x = attention_of(kind, features), torch.rand(1, features, 5, 4)
        assert attention.state_dict()[f"{kind}.squeeze.weight"].shape == (inside, features, 1, 1)
        assert attention(x).shape == x.shape


@pytest.mark.parametrize("convolution", ["plain", "dilated"])
@pytest.mark.parametrize("kind", KINDS)
def test_how_far_a_network_sees(kind, convolution):
    torch.manual_seed(0)
    network = EDSRNetwork(2, features=16, blocks=1, attention=kind, convolution=convolution).eval()
    reach = network.traits.receptive_field
    seen = LOCAL[kind] + (2 if convolution == "dilated" else 0) + 4 if kind in LOCAL else None
    assert reach == seen
    side = 2 * (reach or 12) + 9
    lr = torch.rand(1, 3, side, side, requires_grad=True)
    network(lr, 2)[..., side - 1 : side + 1, side - 1 : side + 1].sum().backward()
    rows = lr.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    if reach is None:
        assert len(rows) == side
    else:
        assert side // 2 - reach <= rows.min() and rows.max() <= side // 2 + reach
        assert len(rows) >= 2 * reach - 1  # it does see as far, but for what the upsampler's two pixels leave open


@pytest.mark.parametrize("kind", LOCAL)
def test_tiles_equal_the_whole_where_the_attention_is_local(kind):
    method = find_method("edsr")({"scale": 2, "features": 8, "blocks": 2, "attention": kind}).eval()
    lr = torch.rand(1, 3, 41, 37)
    torch.testing.assert_close(method.upscale(lr, 2, tile=8), method.upscale(lr, 2), atol=2e-5, rtol=0)


@pytest.mark.parametrize("kind", ["none", *KINDS])
def test_weights_show_the_attention(kind, tmp_path):
    arguments = {"scale": 3, "features": 16, "blocks": 2, "attention": kind, "convolution": "grouped"}
    method = find_method("edsr")(arguments).eval()
    found = recognise(method.network.state_dict())
    assert found.network == "edsr" and found.layout is None
    assert {**arguments, "norm": "none", "connections": "residual"}.items() <= found.arguments.items()
    torch.save(method.network.state_dict(), tmp_path / "weights.pt")
    other = find_method("edsr")(arguments).eval()
    load_weights(other, tmp_path / "weights.pt")
    lr = torch.rand(1, 3, 7, 6)
    assert torch.equal(other.upscale(lr, 3), method.upscale(lr, 3))


def test_weights_of_another_attention_are_refused(tmp_path):
    """Those of channel and second_order have the same shapes."""
    given = find_method("edsr")({"scale": 2, "features": 8, "blocks": 1, "attention": "second_order"})
    torch.save(given.network.state_dict(), tmp_path / "weights.pt")
    method = find_method("edsr")({"scale": 2, "features": 8, "blocks": 1, "attention": "channel"})
    with pytest.raises(SrlabError, match=r"They look like edsr: .*attention=second_order"):
        load_weights(method, tmp_path / "weights.pt")


@pytest.mark.parametrize("kind", KINDS)
def test_checkpoints_keep_it_and_training_moves_it(kind, tmp_path):
    plain = build("edsr_baseline")
    method = find_method("edsr")({**plain.hparams["network"], "attention": kind}, dict(plain.hparams["recipe"]))
    method.prepare_training()
    before = {key: value.clone() for key, value in method.network.state_dict().items() if "attention" in key}
    optimizer = method.configure_optimizers()["optimizer"]
    (method.network(torch.rand(2, 3, 8, 8), 2) - torch.rand(2, 3, 16, 16)).abs().mean().backward()
    optimizer.step()
    now = method.network.state_dict()
    assert before and all(not torch.equal(now[key], value) for key, value in before.items() if "weight" in key)
    checkpoint = {"state_dict": method.state_dict(), "hyper_parameters": dict(method.hparams)}
    method.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    lr = torch.rand(1, 3, 9, 5)
    assert torch.equal(load_checkpoint(tmp_path / "a.ckpt").upscale(lr, 2), method.eval().upscale(lr, 2))
    for layout in ("basicsr", "edsr_pytorch"):
        with pytest.raises(SrlabError, match=f"has no {kind} attention"):
            convert(tmp_path / "a.ckpt", tmp_path / "b.pt", layout)


@pytest.mark.parametrize("kind", KINDS)
def test_under_autocast(kind):
    """Values of EDSR's range, of which bfloat16 has 8 bits; also a constant image, whose covariances are 0."""
    torch.manual_seed(0)
    attention = attention_of(kind, 16)
    for x in (100 * torch.randn(1, 16, 12, 10), torch.full((1, 16, 12, 10), 3e4)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            result = attention(x.bfloat16())
        exact = attention(x.bfloat16().float())
        assert result.dtype == torch.bfloat16 and torch.isfinite(result).all()
        assert ((result - exact).abs().max() / x.abs().max()).item() < 0.05


def test_second_order_keeps_its_precision_under_autocast(monkeypatch):
    seen = []
    matmul = torch.Tensor.__matmul__
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda a, b: seen.append(matmul(a, b)) or seen[-1])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        attention_of("second_order", 16)(torch.randn(1, 16, 6, 5).bfloat16())
    assert len(seen) == 1 + 3 * 5 and {product.dtype for product in seen} == {torch.float32}


def test_refusals():
    with pytest.raises(SrlabError, match=r"attention=channels: expected none, channel, .*Did you mean 'channel'"):
        attention_of("channels", 8)
    with pytest.raises(SrlabError, match=r"model\.network\.attention=spacial: .*Did you mean 'spatial'"):
        find_method("edsr")({"scale": 2, "attention": "spacial"})
