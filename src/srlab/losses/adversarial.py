"""Adversarial (GAN) losses of the generator and the discriminator."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from srlab.errors import SrlabError, nearest
from srlab.losses.term import Term


def taken_for_real(logits: Tensor) -> Tensor:
    """Returns the mean of -log(sigmoid(logits)), the cross-entropy with the label "real"."""
    return F.softplus(-logits).mean()


def taken_for_fake(logits: Tensor) -> Tensor:
    """Returns the mean of -log(1 - sigmoid(logits)), the cross-entropy with the label "generated"."""
    return F.softplus(logits).mean()


@dataclass(frozen=True)
class GANLoss:
    """The losses of both networks, from the discriminator's logits of real and of generated images.

    Attributes:
        generator: (real, fake) -> the generator's loss.
        discriminator: (real, fake) -> the discriminator's loss, without a penalty.
        needs_real: whether the generator's loss depends on `real`.
    """

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
    """The losses of generator and discriminator, which a method with a discriminator calls by itself.

    Logits are (N, 1), without a sigmoid; losses are scalars, averaged over the batch. `relativistic` compares images
    with the mean logit of the local batch: under DDP, each rank uses its own images only.

    Args:
        kind: vanilla, lsgan, hinge, wgan_gp or relativistic.
        gradient_penalty: the weight of wgan_gp's penalty.

    Raises:
        SrlabError: another kind, or a weight below 0.
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
        """Whether the generator's loss depends on the logits of real images."""
        return self.gan_loss.needs_real

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns the generator's loss, from the logits of HR and of SR; `real` is ignored unless needs_real."""
        return self.gan_loss.generator(real, fake)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns the discriminator's loss, from the logits of HR and of SR, without its penalty."""
        return self.gan_loss.discriminator(real, fake)

    def penalty(
        self,
        critic: Callable[[Tensor], Tensor],
        real: Tensor,
        fake: Tensor,
        generator: torch.Generator | None = None,
    ) -> Tensor | None:
        """Computes the gradient penalty of wgan_gp (Gulrajani et al. 2017, section 4), in float32 under any precision.

        It is the squared difference between 1 and the norm of the critic's gradient, at a random point between each
        real image and its generated one. The critic must not have BatchNorm, which would mix the images of a batch.

        Args:
            critic: the discriminator.
            real: HR images, (N, C, H, W).
            fake: SR images, (N, C, H, W).
            generator: what the random points are drawn from; None for torch's own.

        Returns:
            The weighted penalty, to be added to the discriminator's loss; None for a kind without a penalty.
        """
        if not self.gradient_penalty:
            return None
        with torch.autocast(real.device.type, enabled=False), torch.enable_grad():
            real, fake = real.detach().float(), fake.detach().float()
            share = torch.rand(len(real), 1, 1, 1, device=real.device, generator=generator)
            points = torch.lerp(fake, real, share).requires_grad_()
            [gradient] = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
            return self.gradient_penalty * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
