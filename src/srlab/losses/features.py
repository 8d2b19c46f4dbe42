"""Features of classification networks (VGG19, VGG16, ResNet-50), which losses compare."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.weights.backbones import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Frozen,
    backbone_state,
    convolution_names,
    meta_backbone,
)

VGG_CONVOLUTIONS = {"vgg19": (2, 2, 4, 4, 4), "vgg16": (2, 2, 3, 3, 3)}  # before each pooling
LAYERS = {
    **{
        name: tuple(f"conv{i}_{j}" for i, count in enumerate(counts, 1) for j in range(1, count + 1))
        for name, counts in VGG_CONVOLUTIONS.items()
    },
    "resnet50": ("layer1", "layer2", "layer3", "layer4"),
}

Weights = Mapping[str, str | None]


def check_layers(term: str, network: str, layers: Sequence[str]) -> None:
    """Checks the options of a loss term.

    Args:
        term: its name in conf/loss.
        network: vgg19, vgg16 or resnet50.
        layers: names of layers, as LAYERS has them.

    Raises:
        SrlabError: an unknown network, or a layer that it does not have.
    """
    if network not in LAYERS:
        raise SrlabError(f"loss.{term}.network={network}: expected {', '.join(LAYERS)}.{nearest(network, LAYERS)}")
    known = LAYERS[network]
    for layer in layers:
        if layer not in known:
            raise SrlabError(
                f"loss.{term}: {network} has no layer {layer}. Expected one of {', '.join(known)}."
                f"{nearest(str(layer), known)}"
            )


def to_rgb(image: Tensor) -> Tensor:
    """Repeats the channel of grey images: (N, 1 or 3, H, W) -> (N, 3, H, W)."""
    return image if image.shape[1] == 3 else image.expand(-1, 3, -1, -1)


class Features(nn.Module):
    """The layers of a classification network up to the last wanted one; images are normalised as for ImageNet.

    Args:
        body: the layers in order.
        wanted: names of the layers whose outputs are returned.
        smallest: the shortest side of an image, in pixels, of which pooling leaves something.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Sequential, wanted: Sequence[str], smallest: int) -> None:
        super().__init__()
        self.body, self.wanted, self.smallest = body, tuple(wanted), smallest
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Returns the outputs of the wanted layers, from the first to the last.

        Args:
            image: (N, 1 or 3, H, W), in [0, 1].

        Raises:
            SrlabError: the image is smaller than `smallest`.
        """
        if min(image.shape[2:]) < self.smallest:
            raise SrlabError(
                f"the loss's network needs images of at least {self.smallest} pixels a side for its layer, not "
                f"{image.shape[3]}x{image.shape[2]}. Choose an earlier layer, or larger patches (data.patch_size)."
            )
        x, found = (to_rgb(image) - self.mean) / self.deviation, []
        for name, layer in self.body.named_children():
            x = layer(x)
            if name in self.wanted:
                found.append(x)
        return found


def vgg_features(network: str, layers: Sequence[str], after_relu: bool, weights: Weights | None) -> Frozen:
    """Builds VGG19 or VGG16 up to the last of some convolutions, frozen.

    Args:
        network: vgg19 or vgg16.
        layers: conv1_1 ... conv5_4, as LAYERS has them.
        after_relu: whether to return the outputs of their ReLUs instead of their own.
        weights: a backbone's name -> its source, as for `backbone_state`.

    Raises:
        SrlabError: the weights cannot be read or downloaded.
    """
    features = meta_backbone(network).get_submodule("features")
    numbers = convolution_names(features)
    wanted = [str(numbers[layer] + after_relu) for layer in layers]
    body = nn.Sequential(*list(features.children())[: max(map(int, wanted)) + 1])
    _load(body, network, "features.", weights)
    poolings = max(int(layer[4]) for layer in layers) - 1
    return Frozen(Features(body, wanted, smallest=2**poolings))


def resnet50_features(layer: str, weights: Weights | None) -> Frozen:
    """Builds ResNet-50 up to one of its stages (layer1 ... layer4), frozen; BatchNorm uses ImageNet's statistics.

    Raises:
        SrlabError: the weights cannot be read or downloaded.
    """
    children = dict(meta_backbone("resnet50").named_children())
    names = list(children)[: list(children).index(layer) + 1]
    body = nn.Sequential()
    for name in names:
        body.add_module(name, children[name])
    _load(body, "resnet50", "", weights)
    return Frozen(Features(body, [layer], smallest=1))


def _load(body: nn.Sequential, name: str, prefix: str, weights: Weights | None) -> None:
    """Loads pretrained weights into a network on the meta device; torchvision's keys are `prefix` + the body's."""
    # The number of batches is not used in eval mode, and old files lack it; PyTorch puts 0 in its place.
    keys = [key for key in body.state_dict() if not key.endswith("num_batches_tracked")]
    state = backbone_state(name, (weights or {}).get(name), [prefix + key for key in keys])
    body.load_state_dict({key: state[prefix + key] for key in keys}, assign=True)
