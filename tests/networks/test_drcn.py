"""DRCN: shared weights, the images that are supervised, its initialisation, and how alpha falls."""

import pytest
import torch
from helpers import build
from torch.nn import functional as F

from srlab.data.batch import Batch
from srlab.evaluation.complexity import multiply_adds
from srlab.imaging.resize import imresize
from srlab.methods.drcn import alpha_at
from srlab.networks.drcn import DRCNNetwork


def random_network() -> DRCNNetwork:
    torch.manual_seed(0)
    network = DRCNNetwork(features=6, recursions=4).double()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_every_recursion_has_the_same_weights():
    """Published as 1,774 K, the weights of convolutions; a recursion only adds its weight in the ensemble."""
    one, many = DRCNNetwork(recursions=1), DRCNNetwork(recursions=16)
    weights = [layer.weight.numel() for layer in many.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert sum(weights) == 1_774_080
    sizes = [sum(p.numel() for p in network.parameters()) for network in (one, many)]
    assert sizes == [1_775_121 - 15, 1_775_121]


def test_equals_the_papers_equations_in_plain_functions():
    network, lr = random_network(), torch.rand(2, 1, 6, 5, dtype=torch.double)
    state = network.state_dict()

    def convolution(x, name):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], padding=1)

    enlarged = imresize(lr, 3)
    hidden = convolution(convolution(enlarged, "embedding.0").relu(), "embedding.2").relu()
    images = []
    for _ in range(4):
        hidden = convolution(hidden, "recursion").relu()
        images.append(enlarged + convolution(convolution(hidden, "reconstruction.0").relu(), "reconstruction.2"))
    weights = state["ensemble"]
    images.append(sum(w * image for w, image in zip(weights, images, strict=True)) / weights.sum())
    outputs = network.outputs(lr, 3)
    assert [tuple(image.shape) for image in outputs] == [(2, 1, 18, 15)] * 5
    for ours, expected in zip(outputs, images, strict=True):
        torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(network(lr, 3), images[-1])


def test_the_scale_of_the_ensembles_weights_does_not_matter():
    network, lr = random_network(), torch.rand(1, 1, 6, 5, dtype=torch.double)
    before = network(lr, 2)
    network.ensemble.data *= 7
    torch.testing.assert_close(network(lr, 2), before)


def test_a_recursion_begins_as_the_identity():
    """Section 4: all weights of the recursive convolution are 0, except for self-connections."""
    network, state = DRCNNetwork(features=6), torch.rand(1, 6, 7, 5)
    assert torch.equal(network.recursion(state).relu(), state)
    images = network.outputs(torch.rand(1, 1, 7, 5), 2)
    for image in images:
        torch.testing.assert_close(image, images[0])


def test_other_convolutions_begin_as_he_says():
    torch.manual_seed(0)
    network = DRCNNetwork(features=64)
    for layer, inputs in ((network.embedding[2], 64), (network.reconstruction[0], 64), (network.reconstruction[2], 64)):
        assert layer.weight.std().item() == pytest.approx((2 / (9 * inputs)) ** 0.5, rel=0.1)
    assert not any(layer.bias.any() for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))


@pytest.mark.parametrize(
    ("step", "alpha"), [(0, 1.0), (125, 0.75), (250, 0.5), (499, 0.002), (500, 0.0), (501, 0.0), (1000, 0.0)]
)
def test_alpha_falls_to_nothing_in_the_first_half(step, alpha):
    assert alpha_at(step, 1000) == pytest.approx(alpha)


@pytest.mark.parametrize("alpha", [1.0, 0.25, 0.0])
def test_loss_weighs_recursions_and_the_final_image(alpha, monkeypatch):
    """Section 3: half the squared error of a sample, summed over its pixels."""
    method = build("drcn")
    steps = method.hparams["recipe"]["max_steps"] / 2 * (1 - alpha)
    monkeypatch.setattr(type(method), "global_step", int(steps))
    lr, hr = torch.rand(2, 3, 9, 9), torch.rand(2, 3, 10, 10)
    batch = method._in_its_channels(Batch(lr, hr, 2, margin=2))
    (part,) = method.prepared([batch])
    assert part.scale == 1 and part.lr.shape == (2, 1, 10, 10)
    *images, final = method.network.outputs(part.lr, 1)
    half_errors = [(image - part.hr).square().sum(dim=(1, 2, 3)).mean() / 2 for image in (*images, final)]
    expected = alpha * sum(half_errors[:-1]) / 3 + (1 - alpha) * half_errors[-1]
    loss, _ = method.objective(Batch(lr, hr, 2, margin=2))
    torch.testing.assert_close(loss, expected)


def test_the_first_step_supervises_every_recursion():
    method = build("drcn")
    weights = [weight for *_, weight in method.predictions(Batch(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8), 1))]
    assert weights == [pytest.approx(1 / 3)] * 3 + [0.0]


def test_its_recipe_does_not_diverge_in_the_first_steps():
    """Without the bound on the gradient's norm the loss is no longer a number within ten steps."""
    method = build("drcn")
    optimizer = method.configure_optimizers()["optimizer"]
    generator, losses = torch.Generator().manual_seed(0), []
    for _ in range(20):
        level = torch.rand(4, 1, 1, 1, generator=generator)
        lr = (level + 0.2 * torch.randn(4, 1, 25, 25, generator=generator)).clamp(0, 1)
        hr = lr[..., 2:-2, 2:-2].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        optimizer.zero_grad()
        loss, _ = method.objective(Batch(lr, hr, 2, margin=2))
        losses.append(loss.item())
        loss.backward()
        method.configure_gradient_clipping(optimizer, method.hparams["recipe"]["gradient_clip_val"], "norm")
        optimizer.step()
    assert all(torch.tensor(losses).isfinite()) and sum(losses[-5:]) < sum(losses[:5])


def test_multiply_adds_are_the_published_ones():
    """17,974.3 G for 1280 x 720 pixels, in CARN's table: the reconstruction is computed for every recursion."""
    assert multiply_adds(build("drcn", small=False), 2) / 1e9 == pytest.approx(17974.3, abs=0.05)
