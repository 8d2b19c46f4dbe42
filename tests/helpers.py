"""What several test files share: where the real images and weights are, and small images of our own."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
SHARED = Path(os.environ.get("SRLAB_SHARED", ROOT.parent / "shared"))

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
