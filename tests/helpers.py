"""What several test files share: the real images and weights, small images of our own, small networks."""

import copy
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from PIL import Image

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.batch import Batch
from srlab.evaluation.published import published_parameters
from srlab.methods import find_method
from srlab.methods.recipe import recipe_of_model
from srlab.methods.super_resolver import SuperResolver
from srlab.networks.network import Traits

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
SHARED = Path(os.environ.get("SRLAB_SHARED", ROOT.parent / "shared"))

NO_METHODS = ("base", "images", "spandrel")  # results of other people's methods, and their networks
MODEL_FILES = sorted(path for path in (CONF / "model").rglob("*.yaml") if path.stem not in NO_METHODS)
MODELS = [path.relative_to(CONF / "model").with_suffix("").as_posix() for path in MODEL_FILES]  # as model= names them
# A loss that needs no weights from elsewhere, and a discriminator for random_batch.
SMALL_SRGAN = ["loss=srgan_mse", "data.patch_size=12", "model.discriminator.features=4", "model.discriminator.dense=8"]

needs_shared = pytest.mark.skipif(
    not (SHARED / "data").is_dir(),
    reason="the benchmark images are not the project's to distribute; set SRLAB_SHARED to a folder that holds data/",
)


def benchmark_files(name: str) -> list[Path]:
    return sorted((SHARED / "data" / "benchmark" / name / "HR").glob("*.png"))


def read_image(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def write_image(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def build(model: str, small: bool = True, scale: int = 2) -> SuperResolver:
    """The method of conf/model. small: with the network's `tiny` arguments, where only behaviour is tested."""
    config = parse(_at_scale(model, scale), TrainConfig)
    network, kind = config.model.network, find_method(config.model.method)
    if small:
        network.update(kind.Network.tiny)
    torch.manual_seed(0)
    method = kind(network, recipe_of_model(config))
    method.prepare_training()
    return method


@functools.cache
def _composed(model: str) -> DictConfig:
    """The config of a model at x2, which takes a third of a second to compose."""
    return compose("train", [f"model={model}", "scale=2", *(SMALL_SRGAN if model == "srgan" else [])])


def _at_scale(model: str, scale: int) -> DictConfig:
    config = copy.deepcopy(_composed(model))
    config.scale = scale
    return config


@functools.cache
def scales_of(model: str) -> tuple[int, ...]:
    """The scales that a model is tested at: those with published sizes, else all of 2, 3, 4 and 8 that it can be built
    for; 2, 3 and 4 stand for all where it does any. None for a model that cannot be built: test_new_model.py says why.
    """
    found = []
    for scale in (2, 3, 4, 8):
        try:
            own = traits_of(model, scale).scales
        except Exception:  # a network may refuse a scale by any error
            continue
        if own is None:
            return (2, 3, 4)
        if scale in own:
            found.append(scale)
    published = [scale for scale in found if published_size(model, scale) is not None]
    return tuple(published or found)


def published_size(model: str, scale: int) -> int | None:
    """The published number of parameters, which stands under the model's name without its folder."""
    return published_parameters(Path(model).name, scale)


def traits_of(model: str, scale: int) -> Traits:
    """What a model's network says of itself at a scale."""
    section = OmegaConf.to_container(_at_scale(model, scale).model, resolve=True)
    with torch.device("meta"):
        return find_method(section["method"]).Network(**section["network"]).traits


def has_weights(method: SuperResolver) -> bool:
    return bool(method.network.state_dict())


def learns_by_steps(method: SuperResolver) -> bool:
    """Whether it has parameters; interpolation has no weights, and those of fitted methods are buffers."""
    return any(True for _ in method.network.parameters())


def random_batch(method: SuperResolver, scale: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    side = 12 + -12 % method.traits.size_multiple
    lr = torch.rand(2, 3, side, side, generator=generator)
    hr = torch.rand(2, 3, side * scale, side * scale, generator=generator)
    return Batch(lr, hr, scale, random_condition(method, 2))


def random_condition(method: SuperResolver, samples: int) -> torch.Tensor | None:
    """What the network needs beside the image; None where it needs nothing."""
    length = method.traits.condition_length
    return None if length is None else torch.rand(samples, length, generator=torch.Generator().manual_seed(1))


def gradients(method: SuperResolver) -> dict[str, torch.Tensor]:
    """Of the parameters that have one: the modules of other scales have none."""
    return {name: p.grad.clone() for name, p in method.network.named_parameters() if p.grad is not None}


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Waits until a condition holds, and fails where it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
