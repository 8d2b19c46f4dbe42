"""Fixtures of several test files."""

import os
from pathlib import Path

import numpy as np
import pytest

# Before torch starts its threads: small tensors on few cores are slower with more.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from helpers import write_image

LONG = {"test_readme.py", "test_run.py", "test_launchers.py", "test_sweeps.py", "test_evaluate.py", "test_srgan.py"}


def pytest_collection_modifyitems(items):
    """A file is one process's: the long ones first, lest one be left when the other processes have ended."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Stores of the tests are shared among them, and not with the person who runs them."""
    monkeypatch.setenv("SRLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.delenv("SRLAB_DATA", raising=False)


@pytest.fixture
def photos_folder(tmp_path) -> Path:
    """Twelve crops of a photo, 72 x 60 and larger, one of them grey."""
    from skimage.data import astronaut

    folder = tmp_path / "photos"
    for i in range(12):
        crop = astronaut()[20 * i : 20 * i + 60 + i, 30 * i : 30 * i + 72 + i]
        write_image(folder / f"{i:02d}.png", np.ascontiguousarray(crop[..., 0] if i == 5 else crop))
    return folder
