"""DISTS, Deep Image Structure and Texture Similarity (Ding et al. 2020, arXiv:2004.07728).

torchmetrics has it too, and its weights are used; but its network can only be built with a download of VGG16.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srlab.weights.backbones import IMAGENET_DEVIATION, IMAGENET_MEAN, meta_backbone

# Of VGG16's `features`, up to the ReLU before each pooling; L2Pooling is in the place of the pooling between them.
STAGES = ((0, 4), (5, 9), (10, 16), (17, 23), (24, 30))
WIDTHS = (3, 64, 128, 256, 512, 512)  # of the image, which is compared too, and of the stages
C1 = C2 = 1e-6


class L2Pooling(nn.Module):
    """Halves the sides by the root of x^2 averaged under a Hann window; max pooling would alias."""

    window: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        hann = torch.hann_window(5, periodic=False)[1:-1]
        window = torch.outer(hann, hann)
        self.register_buffer("window", (window / window.sum()).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        return (F.conv2d(x * x, self.window, stride=2, padding=1, groups=len(self.window)) + 1e-12).sqrt()


class DISTS(nn.Module):
    """Two (N, 3, H, W) in [0, 1] -> (N,), 0 for equal images and at most about 1.

    Images are not resized; the authors' program shrinks larger ones to a side of 256 first.

    Args:
        weights_of: returns VGG16's weights for a list of torchvision's keys.
    """

    mean: Tensor
    deviation: Tensor
    alpha: Tensor
    beta: Tensor

    def __init__(self, weights_of: Callable[[Sequence[str]], Mapping[str, Tensor]]) -> None:
        super().__init__()
        features = meta_backbone("vgg16").get_submodule("features")
        assert isinstance(features, nn.Sequential)
        used = [f"features.{key}" for key in features.state_dict() if int(key.partition(".")[0]) < STAGES[-1][1]]
        state = {key.removeprefix("features."): value for key, value in weights_of(used).items()}
        features[: STAGES[-1][1]].load_state_dict(state, assign=True)
        stages = [features[first:last] for first, last in STAGES]
        pooled = [nn.Sequential(L2Pooling(n), *stage) for n, stage in zip(WIDTHS[1:], stages[1:], strict=False)]
        self.stages = nn.ModuleList([stages[0], *pooled])
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).view(1, 3, 1, 1))
        for name, value in _learned().items():
            self.register_buffer(name, value)

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        total = self.alpha.sum() + self.beta.sum()
        alphas, betas = (weight.flatten().split(WIDTHS) for weight in (self.alpha / total, self.beta / total))
        pairs = zip(self._seen(sr), self._seen(hr), alphas, betas, strict=True)
        similarity = torch.stack([self._similarity(*pair) for pair in pairs]).sum(dim=0)
        return (1 - similarity).clamp(min=0)  # rounding can make it slightly negative

    def _seen(self, image: Tensor) -> list[Tensor]:
        """The image and the features of every stage."""
        x, seen = (image - self.mean) / self.deviation, [image]
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        return seen

    @staticmethod
    def _similarity(x: Tensor, y: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
        """Of texture (means) and structure (covariances), weighted and summed over channels."""
        mean_x, mean_y = x.mean((2, 3)), y.mean((2, 3))
        variance_x, variance_y = x.var((2, 3), correction=0), y.var((2, 3), correction=0)
        covariance = (x * y).mean((2, 3)) - mean_x * mean_y
        texture = (2 * mean_x * mean_y + C1) / (mean_x**2 + mean_y**2 + C1)
        structure = (2 * covariance + C2) / (variance_x + variance_y + C2)
        return texture @ alpha + structure @ beta


def _learned() -> dict[str, Tensor]:
    """Returns alpha and beta as the authors learned them; torchmetrics comes with their file."""
    from torchmetrics.functional.image import dists  # noqa: PLC0415 - imports torchvision

    weights = torch.load(Path(dists.__file__).parent / "dists_models" / "weights.pt", weights_only=True)
    return {name: weights[name].detach() for name in ("alpha", "beta")}
