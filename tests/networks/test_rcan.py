"""RCAN against the paper's figures in plain functions, and the mean shift that training may move."""

import pytest
import torch
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.edsr import EDSRNetwork
from srlab.networks.rcan import ChannelAttention, RCANNetwork, TrainedMeanShift
from srlab.weights.conversion import convert
from srlab.weights.files import read_file

SMALL = {"features": 8, "groups": 2, "blocks": 3, "reduction": 4}


def in_plain_functions(state, lr, scale, residual_scale):
    def convolution(x, path):
        weight = state[f"{path}.weight"]
        return F.conv2d(x, weight, state[f"{path}.bias"], padding=weight.shape[-1] // 2)

    def attention_block(x, path):
        y = convolution(convolution(x, f"{path}.body.0").clamp(min=0), f"{path}.body.2")
        pooled = F.adaptive_avg_pool2d(y, 1)
        hidden = convolution(pooled, f"{path}.attention.squeeze").clamp(min=0)
        return x + residual_scale * y / (1 + torch.exp(-convolution(hidden, f"{path}.attention.excite")))

    shallow = x = convolution(convolution(255 * lr, "mean_shift.subtraction"), "head")
    for i in range(SMALL["groups"]):
        y = x
        for j in range(SMALL["blocks"]):
            y = attention_block(y, f"body.{i}.body.{j}")
        x = x + convolution(y, f"body.{i}.body.{SMALL['blocks']}")
    x = shallow + convolution(x, f"body.{SMALL['groups']}")
    for i, step in enumerate({2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]):
        x = F.pixel_shuffle(convolution(x, f"tail.0.{2 * i}"), step)
    return convolution(convolution(x, "tail.1"), "mean_shift.addition") / 255


@pytest.mark.parametrize(("scale", "residual_scale"), [(2, 1.0), (3, 0.1), (4, 1.0), (8, 1.0)])
def test_equals_the_papers_figures_in_plain_functions(scale, residual_scale):
    torch.manual_seed(0)
    network = RCANNetwork(scale, **SMALL, residual_scale=residual_scale).double()
    for parameter in network.mean_shift.parameters():  # as if training had moved it
        parameter.data += 0.1 * torch.randn_like(parameter)
    lr = torch.rand(2, 3, 7, 9, dtype=torch.double)
    expected = in_plain_functions(network.state_dict(), lr, scale, residual_scale)
    torch.testing.assert_close(network(lr, scale), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_mean_shift_starts_as_that_of_edsr(channels):
    image = torch.rand(1, channels, 4, 5)
    ours, constant = TrainedMeanShift(channels), EDSRNetwork(2, channels, features=4, blocks=1).mean
    torch.testing.assert_close(ours.subtract(image), constant.subtract(image))
    torch.testing.assert_close(ours.add(255 * image - 127), constant.add(255 * image - 127))


def test_the_mean_shift_is_trained_and_keeps_its_precision_under_autocast():
    image = torch.rand(1, 3, 4, 5) * 255
    shift = TrainedMeanShift()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = shift.add(image)
    assert torch.equal(result, shift.add(image))
    result.sum().backward()
    assert shift.addition.weight.grad.abs().min() > 0 and shift.addition.bias.grad.abs().min() > 0


def test_the_attention_weighs_by_means_of_the_whole_image():
    torch.manual_seed(0)
    attention = ChannelAttention(8, 4)
    attention.squeeze.weight.data.abs_()  # so that no ReLU hides the means
    x = torch.rand(1, 8, 6, 6)
    moved = x.roll((2, 3), (2, 3))
    torch.testing.assert_close(attention(moved), attention(x).roll((2, 3), (2, 3)))
    x[..., 0, 0] += 100
    assert not torch.allclose(attention(x)[..., 3:, 3:], attention(moved).roll((-2, -3), (2, 3))[..., 3:, 3:])


def test_a_reduction_that_does_not_divide_the_features():
    with pytest.raises(SrlabError, match="reduction=16: expected a divisor of features=24"):
        RCANNetwork(2, features=24)


def drifted():
    """The state dict of a small network whose mean shift has moved."""
    torch.manual_seed(0)
    network = RCANNetwork(2, **SMALL)
    network.mean_shift.subtraction.weight.data += 0.01
    network.mean_shift.addition.bias.data += 1
    return network


def test_a_mean_shift_that_has_drifted_is_taken_as_it_is(tmp_path):
    network = drifted()
    torch.save(network.state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "edsr_pytorch")
    theirs = read_file(tmp_path / "theirs.pt")
    assert torch.equal(theirs["sub_mean.weight"], network.mean_shift.subtraction.weight)
    assert theirs["body.1.body.2.body.3.conv_du.2.weight"].shape == (8, 2, 1, 1)
    method = find_method("rcan")({"scale": 2, **SMALL})
    load_weights(method, tmp_path / "theirs.pt")
    lr = torch.rand(1, 3, 6, 5)
    assert torch.equal(method.eval()(lr, 2), network.eval()(lr, 2))


def test_basicsr_has_the_mean_shift_in_its_code(tmp_path):
    torch.save(drifted().state_dict(), tmp_path / "own.pt")
    with pytest.raises(SrlabError, match=r"mean_shift\.subtraction\.weight was trained"):
        convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "basicsr")
    torch.save(RCANNetwork(2, **SMALL).state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pt", "basicsr")
    theirs = read_file(tmp_path / "theirs.pt")["params"]
    assert "body.1.residual_group.2.rcab.3.attention.3.bias" in theirs
    assert not any("mean" in key for key in theirs)
    convert(tmp_path / "theirs.pt", tmp_path / "back.pt", "srlab")
    assert read_file(tmp_path / "back.pt").keys() == RCANNetwork(2, **SMALL).state_dict().keys()
