"""Fixtures of several test files."""

import os
from pathlib import Path

import numpy as np
import pytest

# Before torch starts its threads: small tensors on few cores are slower with more.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_MODE", "offline")

from helpers import write_image

# Files whose tests start programs or train, and single tests of that kind elsewhere. `make test-fast` leaves them out.
SLOW_FILES = {"test_readme.py", "test_run.py", "test_launchers.py", "test_running.py", "test_evaluate.py",
              "test_evaluate_images.py", "test_srgan.py", "test_wandb.py", "test_interpolate.py", "test_overlap.py",
              "test_page.py"}  # fmt: skip
SLOW_TESTS = {"test_one_ddp_step_of_every_method", "test_a_whole_study_with_a_server_that_is_killed",
              "test_lpips_equals_the_package", "test_dists_equals_torchmetrics",
              "test_mdsr_moves_only_the_drawn_scale", "test_a_run_is_that_of_any_other_method"}  # fmt: skip


def pytest_collection_modifyitems(items):
    """Marks slow tests, and puts slow files first: a file is one process's, and none should be left at the end."""
    for item in items:
        if item.path.name in SLOW_FILES or item.originalname in SLOW_TESTS:
            item.add_marker("slow")
    items.sort(key=lambda item: item.path.name not in SLOW_FILES)


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
