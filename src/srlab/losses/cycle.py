"""Cycle consistency: what was super-resolved must lead back to the low-resolution image."""

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.losses.features import to_rgb
from srlab.losses.term import LossTerm


class CycleConsistency(LossTerm):
    """L1 between D(SR) and LR, plus L1 between D(HR) and LR, for a small network D that learns to degrade.

    The first is the dual regression loss of DRN (Guo et al. 2020, section 3.1, arXiv:2003.07018), whose D is like
    this one and learns with the method; it is the cycle of CycleGAN (Zhu et al. 2017, equation 2, arXiv:1703.10593)
    from LR to SR and back. Alone, it is small as well where method and D agree on some code for LR which is not an
    image; the second ties D to the true degradation, and sees nothing of the method.
    D's weights are this term's parameters: the method's optimiser trains them too. D works in RGB; one channel is
    repeated.

    features: channels inside D. scale: the method's. Raises SrlabError for a method of several scales.
    """

    def __init__(self, features: int = 32, *, scale: int | None) -> None:
        super().__init__()
        self.check(features)
        if scale is None:
            raise SrlabError("loss.cycle: needs a method of one scale, such as scale=4. Or set loss.cycle.weight=0.")
        self.scale = scale
        self.degradation = _degradation(features, scale)

    @classmethod
    def check(cls, features: int) -> None:
        if type(features) is not int or features < 1:
            raise SrlabError(f"loss.cycle.features={features}: expected an integer of at least 1.")

    def forward(self, sr: Tensor, target: Tensor, lr: Tensor) -> Tensor:
        height, width = lr.shape[2:]
        if sr.shape[2:] != (self.scale * height, self.scale * width):
            raise SrlabError(
                f"loss.cycle: SR is {sr.shape[3]}x{sr.shape[2]} and LR {width}x{height} at scale {self.scale}. The "
                f"term takes results at the full scale only; set loss.cycle.weight=0 for this method."
            )
        wanted = to_rgb(lr)
        return sum((F.l1_loss(self.degradation(to_rgb(image)), wanted) for image in (sr, target)), lr.new_zeros(()))


def _degradation(features: int, scale: int) -> nn.Sequential:
    """(N, 3, scale*h, scale*w) -> (N, 3, h, w): a strided convolution for each prime factor of the scale, and one more.

    A kernel of 2*stride - 1 sees a neighbour on each side, and gives ceil(side / stride) pixels.
    """
    layers: list[nn.Module] = []
    channels = 3
    for stride in _prime_factors(scale) or [1]:
        layers += [nn.Conv2d(channels, features, max(3, 2 * stride - 1), stride, max(1, stride - 1)), nn.LeakyReLU(0.2)]
        channels = features
    return nn.Sequential(*layers, nn.Conv2d(channels, 3, 3, padding=1))


def _prime_factors(number: int) -> list[int]:
    for factor in range(2, number + 1):
        if number % factor == 0:
            return [factor, *_prime_factors(number // factor)]
    return []
