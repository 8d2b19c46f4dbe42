"""LapSRN and MS-LapSRN: the authors' own networks, and the papers' figures by plain functions."""

import pytest
import torch
from helpers import SHARED, needs_shared
from torch.nn import functional as F

from srlab.commands.evaluation import evaluate_config
from srlab.config.compose import compose
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.lapsrn import LapSRNNetwork
from srlab.networks.ms_lapsrn import MSLapSRNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


def random_weights(network):
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.double()


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"scale": 2}, 407441),
        ({"scale": 4}, 814242),
        ({"scale": 8}, 1221043),
        ({"scale": 8, "depth": 5}, 667123),
        ({"scale": 4, "kernel": 4}, 870112 + 1474),  # twtygqyy's, and the biases that it does not have
    ],
)
def test_parameters_of_lapsrn(arguments, parameters):
    assert sum(p.numel() for p in LapSRNNetwork(**arguments).parameters()) == parameters


def test_parameters_of_ms_lapsrn():
    assert sum(p.numel() for p in MSLapSRNNetwork().parameters()) == 222801


def enlarged(x, weight, bias, first):
    """A transposed convolution of stride 2, stamp by stamp: that of pixel k starts at 2k + first."""
    kernel, (height, width) = weight.shape[-1], x.shape[2:]
    canvas = x.new_zeros(len(x), weight.shape[1], 2 * height + 8, 2 * width + 8)
    for i in range(height):
        for j in range(width):
            stamp = torch.einsum("nc,cdhw->ndhw", x[:, :, i, j], weight)
            top, left = 2 * i + first + 4, 2 * j + first + 4
            canvas[..., top : top + kernel, left : left + kernel] += stamp
    result = canvas[..., 4 : 4 + 2 * height, 4 : 4 + 2 * width]
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def lrelu(x):
    return torch.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize("kernel", [3, 4])
def test_lapsrn_equals_the_papers_figure_in_plain_functions(kernel):
    """The residual reads the activated features; a 3 x 3 stamp starts at 2k, a 4 x 4 one at 2k - 1."""
    network = random_weights(LapSRNNetwork(8, features=3, depth=2, kernel=kernel))
    lr, state = torch.rand(2, 1, 5, 4, dtype=torch.double), network.state_dict()
    x = lrelu(F.conv2d(lr, state["head.weight"], state["head.bias"], padding=1))
    image, expected = lr, []
    for level in ("levels.0", "levels.1", "levels.2"):
        for i in (0, 1):
            name = f"{level}.convolutions.{i}"
            x = lrelu(F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1))
        x = lrelu(enlarged(x, state[f"{level}.upsampler.weight"], state[f"{level}.upsampler.bias"], 3 - kernel))
        residual = F.conv2d(x, state[f"{level}.residual.weight"], state[f"{level}.residual.bias"], padding=1)
        image = enlarged(image, state[f"{level}.image_upsampler.weight"], None, -1) + residual
        expected.append(image)
    found = network.outputs(lr, 8)
    assert [image.shape for image in found] == [(2, 1, 10, 8), (2, 1, 20, 16), (2, 1, 40, 32)]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_ms_lapsrn_equals_the_papers_figure_in_plain_functions():
    """Activations stand before convolutions; a level's input is added after every run; one set of weights."""
    network = random_weights(MSLapSRNNetwork(features=3, depth=2, recursions=3))
    lr, state = torch.rand(2, 1, 5, 4, dtype=torch.double), network.state_dict()
    source, image, expected = F.conv2d(lr, state["head.weight"], state["head.bias"], padding=1), lr, []
    for _ in range(3):
        x = source
        for _ in range(3):
            inside = x
            for name in ("convolutions.0", "convolutions.1"):
                inside = F.conv2d(lrelu(inside), state[f"{name}.weight"], state[f"{name}.bias"], padding=1)
            x = inside + source
        source = enlarged(lrelu(x), state["upsampler.weight"], state["upsampler.bias"], 0)
        residual = F.conv2d(source, state["residual.weight"], state["residual.bias"], padding=1)
        image = enlarged(image, state["image_upsampler.weight"], None, -1) + residual
        expected.append(image)
    for ours, theirs in zip(network.outputs(lr, 8), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


NETWORKS = {
    "lapsrn": lambda: LapSRNNetwork(8, features=3, depth=2),
    "ms_lapsrn": lambda: MSLapSRNNetwork(features=3, depth=1, recursions=2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_smaller_scales_and_x3(name):
    network = random_weights(NETWORKS[name]())
    assert network.traits.scales == (2, 3, 4, 8)
    lr = torch.rand(1, 1, 7, 6, dtype=torch.double)
    x2, x4, x8 = network.outputs(lr, 8)
    assert torch.equal(network(lr, 2), x2) and torch.equal(network(lr, 4), x4) and torch.equal(network(lr, 8), x8)
    (x3,) = network.outputs(lr, 3)
    assert x3.shape == (1, 1, 21, 18) and torch.equal(network(lr, 3), x3)
    torch.testing.assert_close(x3, imresize(x4, 0.75))


@pytest.mark.parametrize("scale", [2, 4])
def test_smaller_networks_have_fewer_scales(scale):
    assert LapSRNNetwork(scale, features=2, depth=1).traits.scales == {2: (2,), 4: (2, 3, 4)}[scale]


@pytest.mark.parametrize(
    ("network", "scale"),
    [
        (LapSRNNetwork(2, features=2, depth=3), 2),
        (LapSRNNetwork(2, features=2, depth=3, kernel=4), 2),
        (LapSRNNetwork(8, features=2, depth=2), 8),
        (LapSRNNetwork(8, features=2, depth=2, kernel=4), 8),
        (MSLapSRNNetwork(features=2, depth=2, recursions=2), 8),
        (LapSRNNetwork(4, features=2, depth=3), 3),
    ],
)
def test_its_receptive_field_is_exact(network, scale):
    """The furthest row that pixels under one LR pixel depend on, where all weights are positive."""
    for parameter in network.double().parameters():
        torch.nn.init.ones_(parameter)
    reach = network.traits.receptive_field
    side = 2 * reach + 9
    lr = torch.rand(1, 1, side, side, dtype=torch.double, requires_grad=True)
    centre = side // 2 * scale
    network(lr, scale)[..., centre : centre + scale, centre].sum().backward()
    rows = lr.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert max(side // 2 - int(rows.min()), int(rows.max()) - side // 2) == reach


@pytest.mark.parametrize("network", [LapSRNNetwork(4), MSLapSRNNetwork()], ids=["lapsrn", "ms_lapsrn"])
def test_initialised_as_in_the_authors_program(network):
    """0.001 for the first convolution, sqrt(2 / (9 * 64)) for the others, bilinear interpolation of images."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif "image" not in name:
            expected = 1e-3 if name.startswith("head") else (2 / (9 * 64)) ** 0.5
            assert parameter.std().item() == pytest.approx(expected, rel=0.15)
    level = network.levels[0] if isinstance(network, LapSRNNetwork) else network
    image = torch.rand(1, 1, 6, 5)
    bilinear = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    inside = (..., slice(1, -1), slice(1, -1))  # at the border, what lies outside is 0
    torch.testing.assert_close(level.image_upsampler(image)[inside], bilinear[inside])


def test_images_of_three_channels_are_enlarged_channel_by_channel():
    network = LapSRNNetwork(2, channels=3, features=2, depth=1)
    torch.nn.init.zeros_(network.levels[0].residual.weight)
    image = torch.rand(1, 3, 6, 5)
    expected = F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(image, 2)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 3}, r"scale=3: LapSRN has 2, 4 and 8, .* makes x3 from its x4: model\.network\.scale=4"),
        ({"scale": 6}, "scale=6: LapSRN has 2, 4 and 8, one at a time.$"),
        ({"scale": 2, "kernel": 5}, r"model\.network\.kernel=5: expected 3 or 4"),
    ],
)
def test_arguments_that_are_refused(arguments, message):
    with pytest.raises(SrlabError, match=message):
        LapSRNNetwork(**arguments)


AUTHORS = [
    ("authors_lapsrn_x2", "lapsrn", {"scale": 2}, 2),
    ("authors_lapsrn_x4", "lapsrn", {"scale": 4}, 4),
    ("authors_mslapsrn_d5r8", "ms_lapsrn", {}, 4),
]


@needs_shared
@pytest.mark.parametrize(("file", "method", "arguments", "scale"), AUTHORS)
def test_the_authors_weights_give_their_output(file, method, arguments, scale, tmp_path):
    path = SHARED / "weights" / f"{file}.pt"
    content = torch.load(path, weights_only=True)
    network = find_method(method)(arguments)
    load_weights(network, path)
    with torch.no_grad():
        assert (network(content["input"], scale) - content["output"]).abs().max() < 1e-5
    convert(path, tmp_path / "own.pt", "srlab")
    convert(tmp_path / "own.pt", tmp_path / "back.pt", "authors")
    back = read_file(tmp_path / "back.pt")
    assert back.keys() == content["state_dict"].keys()
    assert all(torch.equal(back[key], value) for key, value in content["state_dict"].items())


@needs_shared
def test_every_level_of_the_golden_file():
    content = torch.load(SHARED / "golden" / "lapsrn_x4.pt", weights_only=True)
    network = find_method("lapsrn")({"scale": 4, "kernel": 4})
    load_weights(network, SHARED / "golden" / "lapsrn_x4.pt")
    with torch.no_grad():
        found = network.network.outputs(content["input"], 4)
    for ours, theirs in zip(found, content["outputs"], strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


@pytest.mark.slow
@needs_shared
def test_the_authors_weights_give_the_published_numbers(tmp_path):
    """By the authors' own protocol, of which published.yaml has the numbers."""
    for largest, expected in ((2, {2: (37.517, 0.9591)}), (4, {3: (33.813, 0.9227), 4: (31.539, 0.8855)})):
        words = [f"weights={SHARED / 'weights' / f'authors_lapsrn_x{largest}.pt'}", f"data.root={SHARED / 'data'}"]
        options = ["model=lapsrn", f"model.network.scale={largest}", f"scale={list(expected)}", "protocol=lapsrn"]
        rows = evaluate_config(compose("evaluate", [*options, *words, "sets=[set5]", f"out={tmp_path}"]))
        for row, (psnr, ssim) in zip(rows, expected.values(), strict=True):
            assert row.psnr == pytest.approx(psnr, abs=0.002)
            assert row.published is not None and abs(row.psnr - row.published["psnr"]) < 0.01
            assert row.ssim == pytest.approx(ssim, abs=0.002)
