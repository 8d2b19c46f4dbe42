"""Cycle consistency loss: a learned degradation of SR must give the LR image."""

from torch import Tensor, nn
from torch.nn import functional as F

from srlab.errors import SrlabError
from srlab.losses.features import to_rgb
from srlab.losses.term import LossTerm


class CycleConsistency(LossTerm):
    """L1 between D(SR) and LR, plus L1 between D(HR) and LR, for a small network D that learns to degrade.

    The first part is the dual regression loss of DRN (Guo et al. 2020, section 3.1, arXiv:2003.07018), which is the
    cycle of CycleGAN (Zhu et al. 2017, equation 2, arXiv:1703.10593) from LR to SR and back. By itself it does not
    force SR to be an image: the method could hide LR in SR in any code that D learns to read. The second part trains
    D on HR and LR alone, so D learns the true degradation.
    D's weights are parameters of this term, and the method's optimizer trains them too. D works in RGB; one channel
    is repeated.

    Args:
        features: channels inside D.
        scale: the method's scale.

    Raises:
        SrlabError: the method has several scales.
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
    """Returns D, (N, 3, scale*h, scale*w) -> (N, 3, h, w).

    It has a strided convolution for each prime factor of the scale, and one more convolution. A kernel of side
    2*stride - 1 reaches the neighbouring positions, and its output has ceil(side / stride) pixels.
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
