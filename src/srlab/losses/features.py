"""What classification networks see in an image: VGG19's and ResNet-50's features, for losses."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.weights.backbones import Frozen, backbone_state, convolution_names, meta_backbone

VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)  # before each pooling
VGG19_LAYERS = tuple(f"conv{i}_{j}" for i, count in enumerate(VGG19_CONVOLUTIONS, 1) for j in range(1, count + 1))
LAYERS = {"vgg19": VGG19_LAYERS, "resnet50": ("layer1", "layer2", "layer3", "layer4")}
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)

Weights = Mapping[str, str | None]


def check_layers(term: str, network: str, layers: Sequence[str]) -> None:
    """Raises SrlabError for a network, or a layer of it, that there is not. term: its name in conf/loss."""
    if network not in LAYERS:
        raise SrlabError(f"loss.{term}.network={network}: expected {' or '.join(LAYERS)}.{nearest(network, LAYERS)}")
    known = LAYERS[network]
    for layer in layers:
        if layer not in known:
            raise SrlabError(
                f"loss.{term}: {network} has no layer {layer}. Expected one of {', '.join(known)}."
                f"{nearest(str(layer), known)}"
            )


def to_rgb(image: Tensor) -> Tensor:
    """(N, 1 or 3, H, W) -> (N, 3, H, W); one channel is repeated."""
    return image if image.shape[1] == 3 else image.expand(-1, 3, -1, -1)


class Features(nn.Module):
    """A network up to its last wanted layer, on images as ImageNet classifiers take them. What follows is not built.

    body: its layers in order. wanted: the names of those whose outputs are returned. smallest: pixels a side below
    which nothing is left of an image.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Sequential, wanted: Sequence[str], smallest: int) -> None:
        super().__init__()
        self.body, self.wanted, self.smallest = body, tuple(wanted), smallest
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).reshape(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(IMAGENET_DEVIATION).reshape(1, 3, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 1 or 3, H, W) in [0, 1] -> the layers' outputs, from the first layer to the last.

        Raises SrlabError for an image of which pooling would leave nothing.
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


def vgg19_features(layers: Sequence[str], after_relu: bool, weights: Weights | None) -> Frozen:
    """VGG19's convolutions (conv1_1 ... conv5_4), frozen. after_relu: the outputs after their ReLU.

    weights: vgg19 -> a source, as for backbone_state. Raises SrlabError where the weights cannot be had.
    """
    features = meta_backbone("vgg19").get_submodule("features")
    numbers = convolution_names(features)
    wanted = [str(numbers[layer] + after_relu) for layer in layers]
    body = nn.Sequential(*list(features.children())[: max(map(int, wanted)) + 1])
    _load(body, "vgg19", "features.", weights)
    poolings = max(int(layer[4]) for layer in layers) - 1
    return Frozen(Features(body, wanted, smallest=2**poolings))


def resnet50_features(layer: str, weights: Weights | None) -> Frozen:
    """ResNet-50 up to one of its stages (layer1 ... layer4), frozen. BatchNorm uses ImageNet's statistics."""
    children = dict(meta_backbone("resnet50").named_children())
    names = list(children)[: list(children).index(layer) + 1]
    body = nn.Sequential()
    for name in names:
        body.add_module(name, children[name])
    _load(body, "resnet50", "", weights)
    return Frozen(Features(body, [layer], smallest=1))


def _load(body: nn.Sequential, name: str, prefix: str, weights: Weights | None) -> None:
    """Gives a network without values those of its weights. prefix: what torchvision's keys have before the body's."""
    # The count of batches means nothing in eval mode, and old files lack it; PyTorch puts 0 in its place.
    keys = [key for key in body.state_dict() if not key.endswith("num_batches_tracked")]
    state = backbone_state(name, (weights or {}).get(name), [prefix + key for key in keys])
    body.load_state_dict({key: state[prefix + key] for key in keys}, assign=True)
