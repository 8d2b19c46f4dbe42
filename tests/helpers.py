"""What several test files share: the real images and weights, small images of our own, small networks."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from srlab.config.compose import compose
from srlab.config.parse import parse
from srlab.config.schema import TrainConfig
from srlab.data.batch import Batch
from srlab.methods import find_method
from srlab.methods.recipe import recipe_of_model
from srlab.methods.super_resolver import SuperResolver

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
SHARED = Path(os.environ.get("SRLAB_SHARED", ROOT.parent / "shared"))

MODELS = sorted(path.stem for path in (CONF / "model").glob("*.yaml") if path.stem != "base")
# A loss that needs no weights from elsewhere, and a discriminator for random_batch.
SMALL_SRGAN = ["loss=srgan_mse", "data.patch_size=12", "model.discriminator.features=4", "model.discriminator.dense=8"]
SMALL = {"features": 8, "blocks": 2, "depth": 4}  # in place of the published sizes where only behaviour is tested

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
    words = [f"model={model}", f"scale={scale}", *(SMALL_SRGAN if model == "srgan" else [])]
    config = parse(compose("train", words), TrainConfig)
    network = config.model.network
    if small:
        network.update({key: value for key, value in SMALL.items() if key in network})
    torch.manual_seed(0)
    method = find_method(config.model.method)(network, recipe_of_model(config))
    method.prepare_training()
    return method


def has_weights(method: SuperResolver) -> bool:
    return any(True for _ in method.network.parameters())


def random_batch(method: SuperResolver, scale: int) -> Batch:
    generator = torch.Generator().manual_seed(0)
    lr = torch.rand(2, 3, 12, 12, generator=generator)
    return Batch(lr, torch.rand(2, 3, 12 * scale, 12 * scale, generator=generator), scale)


def gradients(method: SuperResolver) -> dict[str, torch.Tensor]:
    """Of the parameters that have one: the modules of other scales have none."""
    return {name: p.grad.clone() for name, p in method.network.named_parameters() if p.grad is not None}
