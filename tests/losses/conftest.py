"""Images, and VGG19 as torchvision builds it with weights that a file holds too."""

import pytest
import torch
from torch import Tensor, nn


@pytest.fixture
def images() -> tuple[Tensor, Tensor, Tensor]:
    """SR, HR and LR at scale 2, two RGB images in float64."""
    generator = torch.Generator().manual_seed(1)
    sr, hr = torch.rand(2, 2, 3, 32, 32, generator=generator, dtype=torch.float64)
    return sr, hr, torch.rand(2, 3, 16, 16, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="session")
def vgg(tmp_path_factory) -> tuple[nn.Sequential, dict[str, str]]:
    """VGG19's convolutions with random weights, in float64, and the option `weights` with their file."""
    from torchvision.models.vgg import cfgs, make_layers

    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        features = make_layers(cfgs["E"])
    for layer in features:  # PyTorch's own initialisation fades with depth: conv5_4 would see next to nothing
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, generator=torch.Generator().manual_seed(0))
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, path)
    return features.double().eval().requires_grad_(False), {"vgg19": str(path)}
