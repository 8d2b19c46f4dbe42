"""SRFBN against the paper's equations in plain functions, its loss on every step, and the authors' golden outputs."""

import numpy as np
import pytest
import torch
from helpers import SHARED, build, needs_shared, random_batch
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.errors import SrlabError
from srlab.imaging.color import luma
from srlab.methods import find_method
from srlab.methods.loading import load_weights
from srlab.networks.srfbn import SRFBNNetwork
from srlab.weights.conversion import convert
from srlab.weights.files import read_file


def prelu_layer(state, path, x, function=F.conv2d, **options):
    y = function(x, state[f"{path}.0.weight"], state[f"{path}.0.bias"], **options)
    return torch.where(y > 0, y, state[f"{path}.1.weight"] * y)


def feedback_block(state, x, feedback, scale):
    """Section 3.3, spelled out for three groups; the oldest features come first."""
    options = {"stride": scale, "padding": 2}

    def up(number, features):
        return prelu_layer(state, f"block.ups.{number - 1}", features, F.conv_transpose2d, **options)

    def down(number, features):
        return prelu_layer(state, f"block.downs.{number - 1}", features, F.conv2d, **options)

    def merged(name, *features):
        return prelu_layer(state, f"block.{name}", torch.cat(features, 1))

    l0 = merged("merge", x, feedback)
    h1 = up(1, l0)
    l1 = down(1, h1)
    h2 = up(2, merged("up_merges.0", l0, l1))
    l2 = down(2, merged("down_merges.0", h1, h2))
    h3 = up(3, merged("up_merges.1", l0, l1, l2))
    l3 = down(3, merged("down_merges.1", h1, h2, h3))
    return merged("out", l1, l2, l3)


def bilinear(image, scale):
    """Along rows, then columns: pixel p of the result lies at (p + 1/2) / scale - 1/2, within the image."""
    for dim in (-2, -1):
        side = image.shape[dim]
        place = ((torch.arange(side * scale, dtype=image.dtype) + 0.5) / scale - 0.5).clamp(0, side - 1)
        below = place.long()
        above = (below + 1).clamp(max=side - 1)
        share = (place - below).reshape((-1, 1) if dim == -2 else (-1,))
        image = image.index_select(dim, below) * (1 - share) + image.index_select(dim, above) * share
    return image


def images_of_steps(state, lr, scale, steps):
    """Section 3.2: shallow features that every step sees, and the block's own output of the step before."""
    centred = 255 * lr - state["mean.mean"].reshape(1, 3, 1, 1)
    shallow = prelu_layer(state, "head.1", prelu_layer(state, "head.0", centred, padding=1))
    images, feedback = [], shallow
    for _ in range(steps):
        feedback = feedback_block(state, shallow, feedback, scale)
        high = prelu_layer(state, "upsample", feedback, F.conv_transpose2d, stride=scale, padding=2)
        residual = F.conv2d(high, state["tail.weight"], state["tail.bias"], padding=1)
        images.append((bilinear(centred, scale) + residual + state["mean.mean"].reshape(1, 3, 1, 1)) / 255)
    return images


def small(scale, steps=3, groups=3):
    """Weights at working scale, with another slope and bias in every layer."""
    torch.manual_seed(0)
    network = SRFBNNetwork(scale, features=4, groups=groups, steps=steps)
    for p in network.parameters():
        if p.ndim == 1:
            torch.nn.init.uniform_(p, -0.1, 0.5)
        else:
            torch.nn.init.normal_(p, std=(3 / p[0].numel()) ** 0.5)
    return network


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_every_step_equals_the_papers_equations_in_plain_functions(scale):
    network = small(scale).double()
    lr = torch.rand(1, 3, 5, 4, dtype=torch.double)
    expected = images_of_steps(network.state_dict(), lr, scale, 3)
    images = network.outputs(lr, scale)
    assert len(images) == 3
    for image, other in zip(images, expected, strict=True):
        torch.testing.assert_close(image, other)
    assert torch.equal(network(lr, scale), images[-1])


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_sees_exactly_as_far_as_it_says(scale):
    network = small(scale, steps=2, groups=2).double()
    reach = network.traits.receptive_field
    lr = torch.rand(1, 3, 3, 2 * reach + 3, dtype=torch.double, requires_grad=True)
    middle = (reach + 1) * scale
    network(lr, scale)[..., middle : middle + scale].sum().backward()
    seen = lr.grad.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (1, 2 * reach + 1)


def test_the_loss_is_the_sum_over_the_steps():
    method = build("srfbn")
    batch = random_batch(method, 2)
    total, terms = method.objective(batch)
    images = method.network.outputs(batch.lr, 2)
    assert len(images) == 2
    expected = sum((batch.crop_margin(image) - batch.hr).abs().mean() for image in images)
    assert float(total) == pytest.approx(float(expected), rel=1e-5)
    assert terms.keys() == {"l1"}


@pytest.mark.parametrize(("steps", "early"), [(1, 0), (2, 1), (3, 1), (4, 2)])
def test_the_first_half_of_the_steps_has_the_easier_target(steps, early):
    method = build("srfbn")
    method.network.steps = steps  # which share their weights
    batch = random_batch(method, 2)
    batch = batch._replace(easier=torch.rand_like(batch.hr))
    images = [image.detach().numpy() for image in method.network.outputs(batch.lr, 2)]
    easier, hr = batch.easier.numpy(), batch.hr.numpy()
    targets = [easier] * early + [hr] * (steps - early)
    expected = sum(np.abs(image - target).mean() for image, target in zip(images, targets, strict=True))
    assert float(method.objective(batch)[0]) == pytest.approx(float(expected), rel=1e-5)


def test_a_luma_network_has_easier_targets_of_luma():
    method = find_method("srfbn")({"scale": 2, "channels": 1, "features": 4, "groups": 1, "steps": 2})
    lr, hr, easier = (torch.rand(2, 3, side, side) for side in (6, 12, 12))
    (image, first, _), (_, second, _) = method.predictions(method._in_its_channels(Batch(lr, hr, 2, easier=easier)))
    assert torch.equal(first, luma(easier)) and torch.equal(second, luma(hr)) and image.shape == first.shape


def test_steps_share_their_weights():
    """More steps need no weights, so a network runs with another number of steps than it was trained with."""
    network, longer = small(2, steps=2), SRFBNNetwork(2, features=4, groups=3, steps=4)
    longer.load_state_dict(network.state_dict())
    lr = torch.rand(1, 3, 5, 4)
    for image, other in zip(network.outputs(lr, 2), longer.outputs(lr, 2), strict=False):
        assert torch.equal(image, other)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_number_with_the_authors_mean_shifts_is_the_published_one(scale):
    """Their program counts two convolutions of 3 x 3 weights and 3 biases, which it does not train."""
    with torch.device("meta"):
        sizes = [SRFBNNetwork(scale), SRFBNNetwork(scale, features=32, groups=3)]
    counts = {2: [2140534, 282442], 3: [2832758, 375626], 4: [3631478, 483146], 8: [7891318, 1056586]}
    assert [sum(p.numel() for p in network.parameters()) + 24 for network in sizes] == counts[scale]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 5}, "scale=5: SRFBN has 2, 3, 4 and 8, one at a time"),
        ({"scale": 2, "groups": 0}, r"model\.network\.groups=0: expected 1 or more"),
        ({"scale": 2, "steps": 0}, r"model\.network\.steps=0: expected 1 or more"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(SrlabError, match=message):
        SRFBNNetwork(**arguments)


def test_a_file_of_the_authors_program_is_read(tmp_path):
    """Their files hold the state dict beside other things, and the mean in convolutions."""
    network = small(3)
    torch.save(network.state_dict(), tmp_path / "own.pt")
    convert(tmp_path / "own.pt", tmp_path / "theirs.pth", "srfbn")
    written = torch.load(tmp_path / "theirs.pth", weights_only=True)
    theirs = written["state_dict"]
    assert {"sub_mean.bias", "block.uptranBlocks.1.0.weight", "out.1.weight", "conv_out.0.bias"} < theirs.keys()
    assert read_file(tmp_path / "theirs.pth")["state_dict"].keys() == theirs.keys()
    torch.save({"state_dict": theirs, "epoch": 7, "best_pred": 38.1}, tmp_path / "released.pth")
    method = find_method("srfbn")({"scale": 3, "features": 4, "groups": 3, "steps": 3})
    load_weights(method, tmp_path / "released.pth")
    lr = torch.rand(1, 3, 5, 6)
    assert torch.equal(method.eval()(lr, 3), network.eval()(lr, 3))


@needs_shared
@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_all_steps_are_those_of_the_authors_program(scale, tmp_path):
    content = torch.load(SHARED / "golden" / f"srfbn_x{scale}.pt", weights_only=True)
    torch.save(content["state_dict"], tmp_path / "a.pt")
    method = find_method("srfbn")({name: content["config"][name] for name in ("scale", "features", "groups", "steps")})
    load_weights(method, tmp_path / "a.pt")
    with torch.no_grad():
        images = method.network.outputs(content["input"] / 255, scale)
    for image, expected in zip(images, content["outputs"], strict=True):
        assert (255 * image - expected).abs().max() < 1e-5 * expected.abs().max()
