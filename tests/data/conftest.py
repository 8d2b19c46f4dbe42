"""Small sets in the layouts of real ones."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from div2k_tree import COUNT, write_div2k
from file_server import serving
from helpers import write_image
from tiny_set import tiny_set

from srlab.data.catalog import CATALOG


@pytest.fixture
def div2k(tmp_path, monkeypatch) -> Path:
    """A data.root with DIV2K, 12 images a part in place of 800 and 100."""
    for part in ("train", "valid"):
        monkeypatch.setitem(CATALOG, f"div2k_{part}", replace(CATALOG[f"div2k_{part}"], count=COUNT))
    write_div2k(tmp_path)
    return tmp_path


@pytest.fixture
def sets(div2k, photos_folder, monkeypatch):
    """T91 and BSDS200, the latter in its other folder, of 12 photos each, and Flickr2K, of 3."""
    for name, folder in (("t91", "train/T91"), ("bsds200", "train/BSD200")):
        monkeypatch.setitem(CATALOG, name, replace(CATALOG[name], count=12))
        shutil.copytree(photos_folder, div2k / folder)
    monkeypatch.setitem(CATALOG, "flickr2k", replace(CATALOG["flickr2k"], count=3))
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        write_image(div2k / f"Flickr2K/Flickr2K_HR/{number:06d}.png", image)
    return div2k


@pytest.fixture
def server():
    with serving() as behaviour_and_url:
        yield behaviour_and_url


@pytest.fixture
def tiny(server):
    return tiny_set(server)
