"""SAN against the authors' formulation in plain functions, and its attention against NumPy."""

import numpy as np
import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.san import SANNetwork, SecondOrderAttention, covariance, square_root
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


def shaken(network):
    """Weights that start at 0 get other values, so that the modules before them count."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return network


def their_attention(state, path, x):
    """Second-order attention as the authors write it, with a matrix of all pairs of pixels."""
    n, c, h, w = x.shape
    m = h * w
    x_rows = x.reshape(n, c, m)
    centring = torch.eye(m, dtype=x.dtype) / m - torch.ones(m, m, dtype=x.dtype) / m**2
    matrix = x_rows @ centring @ x_rows.transpose(1, 2)
    norm = torch.stack([torch.trace(one) for one in matrix]).reshape(n, 1, 1)
    three = 3 * torch.eye(c, dtype=x.dtype)
    a = matrix / norm
    z = 0.5 * (three - a)
    y = a @ z
    for _ in range(3):
        step = 0.5 * (three - z @ y)
        y, z = y @ step, step @ z
    root = 0.5 * y @ (three - z @ y) * norm.sqrt()
    squeezed = F.conv2d(
        root.mean(1).reshape(n, c, 1, 1), state[f"{path}.squeeze.weight"], state[f"{path}.squeeze.bias"]
    )
    gate = F.conv2d(squeezed.clamp(min=0), state[f"{path}.excite.weight"], state[f"{path}.excite.bias"])
    return x / (1 + torch.exp(-gate))


def their_non_local(state, x):
    """The four quarters written one after the other, with the weights of all pairs of pixels."""

    def point(name, y):
        return F.conv2d(y, state[f"non_local.{name}.weight"], state[f"non_local.{name}.bias"])

    out = torch.empty_like(x)
    h, w = x.shape[2] // 2, x.shape[3] // 2
    for rows in (slice(None, h), slice(h, None)):
        for columns in (slice(None, w), slice(w, None)):
            part = x[:, :, rows, columns]
            query = point("theta", part).flatten(2)
            key, value = (F.max_pool2d(point(name, part), 2).flatten(2) for name in ("phi", "g"))
            weights = torch.softmax(torch.einsum("ncq,nck->nqk", query, key), dim=2)
            mean = torch.einsum("nqk,nck->ncq", weights, value)
            out[:, :, rows, columns] = part + point("out", mean.reshape(len(x), -1, *part.shape[2:]))
    return out


@pytest.mark.parametrize("size", [(8, 10), (9, 7)])
def test_equals_the_authors_formulation_in_plain_functions(size):
    torch.manual_seed(0)
    network = shaken(SANNetwork(2, features=16, groups=2, blocks=1, reduction=4)).double()
    state, lr = network.state_dict(), torch.rand(2, 3, *size, dtype=torch.double)

    def convolution(x, path):
        return F.conv2d(x, state[f"{path}.weight"], state[f"{path}.bias"], padding=1)

    mean = 255 * torch.tensor([0.4488, 0.4371, 0.4040], dtype=torch.double).reshape(1, 3, 1, 1)
    shallow = convolution(lr * 255 - mean, "head")
    source = features = their_non_local(state, shallow)
    for group in ("groups.0", "groups.1"):
        y = features + convolution(
            convolution(features, f"{group}.blocks.0.body.0").clamp(min=0), f"{group}.blocks.0.body.2"
        )
        y = convolution(their_attention(state, f"{group}.attention", y), f"{group}.conv")
        features = features + y + state["gamma"] * source
    y = F.pixel_shuffle(convolution(shallow + their_non_local(state, features), "tail.0.0"), 2)
    expected = (convolution(y, "tail.1") + mean) / 255
    torch.testing.assert_close(network(lr, 2), expected, atol=1e-6, rtol=1e-6)  # the mean is a float32 constant


def test_covariance_is_numpys():
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 7))
    ours = covariance(torch.from_numpy(x)).numpy()
    for own, image in zip(ours, x, strict=True):
        np.testing.assert_allclose(own, np.cov(image.reshape(5, -1), bias=True), atol=1e-12)


def test_the_square_root_converges():
    x = torch.rand(2, 4, 30, dtype=torch.double)
    matrices = x @ x.mT
    root = square_root(matrices, iterations=30)
    torch.testing.assert_close(root @ root, matrices)


def test_of_a_large_image_the_middle_counts():
    torch.manual_seed(0)
    attention = SecondOrderAttention(2, 1)
    x = torch.rand(1, 2, 3, 1206)
    gate = attention(x) / x
    middle = x[..., 103:1103]
    torch.testing.assert_close(gate[..., :1000], attention(middle) / middle)


@pytest.mark.parametrize("side", [(1, 1), (1, 7), (2, 3)])
def test_images_of_few_pixels(side):
    network = shaken(SANNetwork(3, **SANNetwork.tiny))
    lr = torch.rand(1, 3, *side, requires_grad=True)
    sr = network(lr, 3)
    sr.sum().backward()
    assert sr.isfinite().all() and lr.grad.isfinite().all()


def test_covariances_and_weights_are_of_float32_under_autocast():
    attention, seen = SecondOrderAttention(4, 2), []
    attention.squeeze.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    x = torch.rand(1, 4, 9, 9)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        own = attention(x)
    assert seen == [torch.float32]
    torch.testing.assert_close(own, attention(x), atol=0.02, rtol=0)


def test_a_group_adds_nothing_of_the_source_at_first():
    assert build("san").network.gamma.tolist() == [0]


def test_arguments_that_cannot_be():
    with pytest.raises(SrlabError, match="reduction=16: expected a divisor of features=8"):
        SANNetwork(2, features=8)


def test_what_the_authors_program_never_applies_is_zeros_in_its_files(tmp_path):
    small = {"scale": 2, "features": 8, "groups": 2, "blocks": 2, "reduction": 4}
    method = find_method("san")(small)
    torch.save(method.network.state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "san")
    theirs = read_file(tmp_path / "theirs.pt")
    unused = {
        "RG.0.gamma": (1,), "RG.1.gamma": (1,), "conv_last.weight": (8, 8, 3, 3), "conv_last.bias": (8,),
        "non_local.soca.conv_du.0.weight": (1, 8, 1, 1), "non_local.soca.conv_du.0.bias": (1,),
        "non_local.soca.conv_du.2.weight": (8, 1, 1, 1), "non_local.soca.conv_du.2.bias": (8,),
    }  # fmt: skip
    for key, shape in unused.items():
        assert theirs[key].shape == shape and not theirs[key].any()
        theirs[key] = torch.rand(shape)
    torch.save(theirs, tmp_path / "theirs.pt")
    load_weights(method, tmp_path / "theirs.pt")  # whatever they are
    again = find_method("san")(small)
    load_weights(again, tmp_path / "theirs.pt")
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(again(lr, 2), method(lr, 2))
    assert len(theirs) == len(method.network.state_dict()) + len(unused)
