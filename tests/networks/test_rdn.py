"""RDN against the paper's figures in plain functions; its mean."""

import pytest
import torch
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.rdn import RDNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file

SMALL = {"features": 8, "blocks": 3, "layers": 2, "growth": 5}


def in_plain_functions(state, lr, scale, mean):
    """Sections 3.1 to 3.3."""

    def convolution(x, path):
        weight = state[f"{path}.weight"]
        return F.conv2d(x, weight, state[f"{path}.bias"], padding=weight.shape[-1] // 2)

    def dense_block(x, path):
        first = convolution(x, f"{path}.convolutions.0").clamp(min=0)
        second = convolution(torch.cat([x, first], 1), f"{path}.convolutions.1").clamp(min=0)
        return x + convolution(torch.cat([x, first, second], 1), f"{path}.fusion")

    mean = 255 * torch.tensor(mean, dtype=lr.dtype).reshape(1, 3, 1, 1)
    shallow = convolution(255 * lr - mean, "shallow.0")
    first = dense_block(convolution(shallow, "shallow.1"), "blocks.0")
    second = dense_block(first, "blocks.1")
    third = dense_block(second, "blocks.2")
    x = shallow + convolution(convolution(torch.cat([first, second, third], 1), "fusion.0"), "fusion.1")
    steps = {2: [2], 3: [3], 4: [2, 2]}[scale]
    for i, step in enumerate(steps):
        x = F.pixel_shuffle(convolution(x, f"tail.{2 * i}"), step)
    return (convolution(x, f"tail.{2 * len(steps)}") + mean) / 255


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("subtract_mean", "mean"), [(True, (0.4488, 0.4371, 0.4040)), (False, (0.0, 0.0, 0.0))])
def test_equals_the_papers_figures_in_plain_functions(scale, subtract_mean, mean):
    torch.manual_seed(0)
    network = RDNNetwork(scale, **SMALL, subtract_mean=subtract_mean).double()
    lr = torch.rand(2, 3, 7, 9, dtype=torch.double)
    expected = in_plain_functions(network.state_dict(), lr, scale, mean)
    # The mean is a float32 constant.
    torch.testing.assert_close(network(lr, scale), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_sizes_are_seen_in_the_weights(scale):
    arguments = {"scale": scale, "channels": 1, **SMALL}
    assert RDNNetwork.arguments_of(RDNNetwork(**arguments).state_dict()) == arguments


def test_a_scale_that_it_cannot_have():
    with pytest.raises(SrlabError, match="scale=5: RDN has 2, 3, 4 and 8"):
        RDNNetwork(5)


@pytest.mark.parametrize("scale", [2, 4])
def test_weights_bring_their_own_mean(scale, tmp_path):
    torch.manual_seed(0)
    network = RDNNetwork(scale, **SMALL, subtract_mean=False)
    torch.save(network.state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "edsr_pytorch")
    theirs = read_file(tmp_path / "theirs.pt")
    assert {"SFENet2.bias", "RDBs.2.convs.1.conv.0.weight", "RDBs.2.LFF.weight", "GFF.1.weight"} <= theirs.keys()
    assert f"UPNet.{scale}.weight" in theirs and not any("mean" in key for key in theirs)
    method = find_method("rdn")({"scale": scale, **SMALL, "subtract_mean": True})
    load_weights(method, tmp_path / "theirs.pt")
    lr = torch.rand(1, 3, 6, 5)
    assert torch.equal(method.eval()(lr, scale), network.eval()(lr, scale))


def test_edsr_pytorch_has_no_mean(tmp_path):
    torch.save(RDNNetwork(2, **SMALL).state_dict(), tmp_path / "own.pt")
    with pytest.raises(SrlabError, match=r"mean\.mean is .* has \[0\.0, 0\.0, 0\.0\] fixed"):
        convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "edsr_pytorch")
