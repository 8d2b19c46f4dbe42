"""Pretrained networks whose features losses and metrics compare: torchvision's weights, downloaded or from a file."""

import functools
import http.client
import sys
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from torch import Tensor, nn

from srlab.errors import SrlabError, nearest
from srlab.weights.files import network_state, read_file

RANDOM = "random"  # as a source: no trained weights at all
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB in [0, 1], which the classifiers' inputs are shifted and scaled by
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """Where torchvision's weights of one network are (IMAGENET1K_V1).

    Attributes:
        url: of the file, whose name ends in the first eight digits of its sha256.
    """

    url: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """The first eight digits of the file's hash."""
        return Path(self.file_name).stem.rpartition("-")[2]


# Written out, since importing torchvision's own list takes seconds that most runs have no use for.
BACKBONES: dict[str, Backbone] = {
    "vgg19": Backbone("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"),
    "resnet50": Backbone("https://download.pytorch.org/models/resnet50-0676ba61.pth"),
    "vgg16": Backbone("https://download.pytorch.org/models/vgg16-397923af.pth"),
    "alexnet": Backbone("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"),
    "squeezenet1_1": Backbone("https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth"),
}


class Frozen(nn.Module):
    """A network that is used and never trained: in eval mode, without gradients for its weights.

    It moves with its owner to another device, data type or memory format. It is not part of the owner's
    parameters(), children() or state_dict(): optimizers do not see it, and checkpoints do not hold it.

    Args:
        network: changed in place: put in eval mode, and its weights do not require gradients.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._held = (network.eval().requires_grad_(False),)  # nn.Module does not look for submodules in a tuple

    @property
    def network(self) -> nn.Module:
        return self._held[0]

    def forward(self, *args: Any) -> Any:
        return self.network(*args)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Frozen":
        # Not part of PyTorch's documented interface, but the only method that an owner's to(), cuda(), float() and
        # so on call of a submodule; PyTorch's own RNNs override it too. test_backbones.py watches that they still do.
        super()._apply(fn, recurse)
        self.network._apply(fn, recurse)
        return self


def meta_backbone(name: str) -> nn.Module:
    """Returns torchvision's network without values (on the meta device), to take layers from or to look up shapes."""
    # Imported here because it takes seconds, and most runs need no backbone.
    from torchvision import models  # type: ignore[import-untyped]  # noqa: PLC0415

    with torch.device("meta"):
        return models.get_model(name, weights=None)


def convolution_names(features: nn.Module) -> dict[str, int]:
    """Names VGG's convolutions as papers do: convI_J is the J-th convolution before the I-th pooling.

    Args:
        features: torchvision's `features` of a VGG.

    Returns:
        convI_J -> the index of the layer in `features`.
    """
    names, stage, number = {}, 1, 0
    for index, layer in enumerate(features.children()):
        if isinstance(layer, nn.Conv2d):
            number += 1
            names[f"conv{stage}_{number}"] = index
        elif isinstance(layer, nn.MaxPool2d):
            stage, number = stage + 1, 0
    return names


def backbone_state(name: str, source: str | None, needed: Sequence[str]) -> dict[str, Tensor]:
    """Reads the weights of a backbone.

    Args:
        name: one of BACKBONES.
        source: None for torchvision's file in torch hub's folder (TORCH_HOME), which is downloaded if it is not there;
            "random" for untrained values, the same in every call (to try out a run, never for a result); else the
            path of a file with a state dict, which may hold only some layers.
        needed: torchvision's keys of the wanted weights.

    Returns:
        The values by key, floating-point ones in float32, on the CPU.

    Raises:
        SrlabError: an unknown name or key, a file without one of `needed` or with other shapes, a file with a wrong
            hash, or a download that failed.
    """
    if name not in BACKBONES:
        raise SrlabError(f"weights.{name}: expected one of {', '.join(BACKBONES)}.{nearest(name, BACKBONES)}")
    network = meta_backbone(name)
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    for key in needed:
        if key not in shapes:
            raise SrlabError(f"{name}.{key}: torchvision's network has no such weight.{nearest(key, shapes)}")
    if source == RANDOM:
        _warn_of_random(name)
        return {key: _random(f"{name}.{key}", shapes[key]) for key in needed}
    path = Path(source).expanduser() if source is not None else _official_file(name)
    state = network_state(read_file(path), path)
    _check_layers(name, path, state, needed, network)
    for key in needed:
        if state[key].shape != shapes[key]:
            found, expected = list(state[key].shape), list(shapes[key])
            raise SrlabError(f"weights.{name}={path}: {key} is {found}, but {name} has {expected}. Give {name}'s file.")
    return {key: state[key].float() if state[key].is_floating_point() else state[key] for key in needed}


def fingerprint(name: str, source: str | None) -> str:
    """Returns the first eight digits of the SHA-256 of a backbone's file, wherever that lies.

    Args:
        name: one of BACKBONES.
        source: of its weights, as for `backbone_state`, but not "random".
    """
    if source is None:
        return BACKBONES[name].sha256
    return _sha256(Path(source).expanduser())[:8]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _check_layers(
    name: str, path: Path, state: Mapping[str, Tensor], needed: Sequence[str], network: nn.Module
) -> None:
    """Raises SrlabError where the file lacks some of `needed`; the message has the papers' names of VGG's layers."""
    missing = dict.fromkeys(key.rpartition(".")[0] for key in needed if key not in state)
    if not missing:
        return
    published: dict[str, str] = {}
    if name.startswith("vgg"):
        numbers = convolution_names(network.get_submodule("features"))
        published = {f"features.{index}": conv for conv, index in numbers.items()}
    layers = ", ".join(f"{published[layer]} ({layer})" if layer in published else layer for layer in missing)
    raise SrlabError(
        f"weights.{name}={path}: lacks {layers}. Give a file that has them, or weights.{name}=null for torchvision's."
    )


@functools.cache
def _warn_of_random(name: str) -> None:
    """Warns once in a process."""
    warnings.warn(f"weights.{name}=random: untrained features; what depends on them means nothing.", stacklevel=3)


def _random(key: str, shape: torch.Size) -> Tensor:
    """Returns values as torchvision initialises VGG and ResNet (He et al. 2015); they depend on the key alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    if len(shape) > 1:
        return nn.init.kaiming_normal_(torch.empty(shape), mode="fan_out", nonlinearity="relu", generator=generator)
    # Of BatchNorm: weight and running_var are 1; every bias, running_mean and number of batches is 0.
    return torch.ones(shape) if key.endswith(("weight", "running_var")) else torch.zeros(shape)


def official_path(name: str) -> Path:
    """Returns where torchvision's file of a backbone is, or would be: in torch hub's folder (TORCH_HOME)."""
    return Path(torch.hub.get_dir()) / "checkpoints" / BACKBONES[name].file_name


def _official_file(name: str) -> Path:
    """Returns torchvision's file in torch hub's folder. Raises SrlabError if it cannot be downloaded or is damaged."""
    backbone, path = BACKBONES[name], official_path(name)
    if not path.is_file():
        _download(name, backbone, path)
    found = _sha256(path)
    if not found.startswith(backbone.sha256):
        raise SrlabError(
            f"{path}: damaged, or another file: its sha256 begins with {found[:8]}, torchvision's with "
            f"{backbone.sha256}. Remove it to have it downloaded again."
        )
    return path


def _download(name: str, backbone: Backbone, path: Path) -> None:
    """Downloads a file and checks its hash. Of several processes one downloads, and the others wait for it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if path.is_file():  # another process was first
                return
            print(f"{backbone.url} -> {path}", file=sys.stderr, flush=True)
            torch.hub.download_url_to_file(backbone.url, str(path), backbone.sha256, progress=sys.stderr.isatty())
    except (OSError, http.client.HTTPException, RuntimeError) as error:  # RuntimeError: torch hub on a wrong hash
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise SrlabError(
            f"{backbone.file_name}: not in {path.parent}, and its download failed ({reason}). Get {backbone.url} "
            f"(sha256 {backbone.sha256}...) and put it there, or give another file with weights.{name}=FILE."
        ) from None
