"""Adversarial losses against PyTorch's cross entropy and formulas in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from srlab.losses.adversarial import GAN_LOSSES, Adversarial

REAL, FAKE = torch.tensor([[1.5], [-0.5], [0.25]]), torch.tensor([[-2.0], [0.75], [0.1]])
ONE, ZERO = torch.ones(3, 1), torch.zeros(3, 1)
r, f = REAL.numpy(), FAKE.numpy()


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target)


# kind: (generator, discriminator)
EXPECTED = {
    "vanilla": (bce(FAKE, ONE), bce(REAL, ONE) + bce(FAKE, ZERO)),
    "lsgan": (0.5 * np.mean((f - 1) ** 2), 0.5 * np.mean((r - 1) ** 2) + 0.5 * np.mean(f**2)),
    "hinge": (-f.mean(), np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean()),
    "wgan_gp": (-f.mean(), f.mean() - r.mean()),
    "relativistic": (
        bce(REAL - FAKE.mean(), ZERO) + bce(FAKE - REAL.mean(), ONE),
        bce(REAL - FAKE.mean(), ONE) + bce(FAKE - REAL.mean(), ZERO),
    ),
}


@pytest.mark.parametrize("kind", GAN_LOSSES)
def test_both_sides(kind):
    loss = Adversarial(kind)
    generator, discriminator = EXPECTED[kind]
    assert float(loss.generator(REAL, FAKE)) == pytest.approx(float(generator))
    assert float(loss.discriminator(REAL, FAKE)) == pytest.approx(float(discriminator))


@pytest.mark.parametrize("kind", GAN_LOSSES)
def test_the_generator_learns_from_what_it_says(kind):
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    loss = Adversarial(kind)
    loss.generator(real, fake).backward()
    assert (fake.grad < 0).any() and (real.grad is not None) == loss.needs_real


def test_logits_of_any_size_have_finite_losses():
    loss = Adversarial("vanilla")
    assert loss.generator(REAL, torch.tensor([[-1e4]])) == 1e4 and loss.discriminator(REAL, torch.tensor([[1e4]])) > 9e3


class LinearCritic(nn.Module):
    """Its gradient is the same everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.rand(12))

    def forward(self, image):
        return image.flatten(1) @ self.direction[:, None]


def test_penalty_of_a_linear_critic():
    critic = LinearCritic()
    images = torch.rand(2, 3, 3, 2, 2)
    penalty = Adversarial("wgan_gp", gradient_penalty=7.0).penalty(critic, *images)
    assert penalty.item() == pytest.approx(7 * (critic.direction.norm().item() - 1) ** 2, rel=1e-5)
    penalty.backward()
    assert critic.direction.grad.abs().sum() > 0


def test_penalty_is_taken_between_the_images():
    """The gradient of |x|^2 / 2 is x: its norm tells the points, one for each sample."""
    seen = []

    def critic(image):
        seen.append(image.detach())
        return image.square().sum((1, 2, 3))[:, None] / 2

    real, fake = torch.ones(4, 1, 1, 1), torch.zeros(4, 1, 1, 1)
    torch.manual_seed(3)
    penalty = Adversarial("wgan_gp").penalty(critic, real, fake)
    torch.manual_seed(3)
    again = Adversarial("wgan_gp").penalty(critic, real, fake)
    [points, same] = [points.flatten() for points in seen]
    assert points.equal(same) and penalty == again and len(set(points.tolist())) == 4
    assert ((points > 0) & (points < 1)).all()
    assert penalty.item() == pytest.approx(10 * float((points - 1).square().mean()), rel=1e-5)


def test_penalty_is_in_float32_under_mixed_precision():
    critic = LinearCritic()
    images = torch.rand(2, 3, 3, 2, 2).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        penalty = Adversarial("wgan_gp").penalty(critic, *images)
    assert penalty.dtype == torch.float32
    assert penalty.item() == pytest.approx(10 * (critic.direction.norm().item() - 1) ** 2, rel=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in GAN_LOSSES if kind != "wgan_gp"])
def test_other_kinds_have_no_penalty(kind):
    assert Adversarial(kind).penalty(LinearCritic(), REAL, FAKE) is None
