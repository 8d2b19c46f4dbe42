"""Adversarial losses: what generator and discriminator play for."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.losses.term import Term


def taken_for_real(logits: Tensor) -> Tensor:
    """-log(sigmoid(logits)), averaged: how far they are from certain of real images."""
    return F.softplus(-logits).mean()


def taken_for_fake(logits: Tensor) -> Tensor:
    """-log(1 - sigmoid(logits)), averaged."""
    return F.softplus(logits).mean()


@dataclass(frozen=True)
class GANLoss:
    """Both sides' losses from logits (real, fake). needs_real: whether the generator's looks at the real ones."""

    generator: Callable[[Tensor, Tensor], Tensor]
    discriminator: Callable[[Tensor, Tensor], Tensor]
    needs_real: bool = False


GAN_LOSSES: dict[str, GANLoss] = {
    # Goodfellow et al. 2014 in the form that does not saturate: SRGAN, equations 2 and 6.
    "vanilla": GANLoss(
        generator=lambda real, fake: taken_for_real(fake),
        discriminator=lambda real, fake: taken_for_real(real) + taken_for_fake(fake),
    ),
    # Mao et al. 2017, equation 9 (arXiv:1611.04076): fake is 0, real is 1.
    "lsgan": GANLoss(
        generator=lambda real, fake: (fake - 1).square().mean() / 2,
        discriminator=lambda real, fake: ((real - 1).square().mean() + fake.square().mean()) / 2,
    ),
    # Lim and Ye 2017 (arXiv:1705.02894).
    "hinge": GANLoss(
        generator=lambda real, fake: -fake.mean(),
        discriminator=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
    ),
    # Gulrajani et al. 2017, equation 3 (arXiv:1704.00028), without its penalty.
    "wgan_gp": GANLoss(
        generator=lambda real, fake: -fake.mean(),
        discriminator=lambda real, fake: fake.mean() - real.mean(),
    ),
    # Jolicoeur-Martineau 2018 (arXiv:1807.00734): ESRGAN, section 3.2, equations 1 and 2.
    "relativistic": GANLoss(
        generator=lambda real, fake: taken_for_fake(real - fake.mean()) + taken_for_real(fake - real.mean()),
        discriminator=lambda real, fake: taken_for_real(real - fake.mean()) + taken_for_fake(fake - real.mean()),
        needs_real=True,
    ),
}


class Adversarial(Term):
    """The losses of both sides. A method with a discriminator calls them; WeightedLoss only holds the weight.

    kind: vanilla, lsgan, hinge, wgan_gp or relativistic. gradient_penalty: the weight of wgan_gp's penalty.
    Logits are (N, 1), without a sigmoid; losses are scalars, averaged over the batch. The averages of `relativistic`
    are over the local batch: processes that share a batch compare each its own images.
    Raises SrlabError for another kind, and a weight below 0.
    """

    def __init__(self, kind: str = "vanilla", gradient_penalty: float = 10.0) -> None:
        super().__init__()
        if kind not in GAN_LOSSES:
            raise SrlabError(
                f"loss.adversarial.kind={kind}: expected {', '.join(GAN_LOSSES)}.{nearest(str(kind), GAN_LOSSES)}"
            )
        if not isinstance(gradient_penalty, (int, float)) or not gradient_penalty >= 0:
            raise SrlabError(f"loss.adversarial.gradient_penalty={gradient_penalty}: expected a number of at least 0.")
        self.gan_loss = GAN_LOSSES[kind]
        self.gradient_penalty = gradient_penalty if kind == "wgan_gp" else 0.0

    @property
    def needs_real(self) -> bool:
        """Whether the generator's loss looks at `real`."""
        return self.gan_loss.needs_real

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Logits of HR and SR -> the generator's loss. `real` may be anything where needs_real is False."""
        return self.gan_loss.generator(real, fake)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Logits of HR and SR -> the discriminator's loss, without its penalty."""
        return self.gan_loss.discriminator(real, fake)

    def penalty(
        self,
        critic: Callable[[Tensor], Tensor],
        real: Tensor,
        fake: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor | None:
        """What is added to the discriminator's loss, weighted; None where the kind has no penalty.

        real, fake: images, (N, C, H, W). wgan_gp: how far the critic's gradient is from norm 1 at random points
        between real and fake images, each by itself, so the critic must have no BatchNorm (Gulrajani et al. 2017,
        section 4). The points are drawn from `generator`, else torch's own. In float32 under any precision.
        """
        if not self.gradient_penalty:
            return None
        with torch.autocast(real.device.type, enabled=False), torch.enable_grad():
            real, fake = real.detach().float(), fake.detach().float()
            share = torch.rand(len(real), 1, 1, 1, device=real.device, generator=generator)
            points = torch.lerp(fake, real, share).requires_grad_()
            [gradient] = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
            return self.gradient_penalty * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
