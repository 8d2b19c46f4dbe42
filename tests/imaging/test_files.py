"""Image files of every kind that people have."""

import numpy as np
import pytest
import torch
from helpers import write_image
from PIL import Image

from srlab.errors import SrlabError
from srlab.imaging.files import read_image, to_array, to_tensor, write_png
from srlab.imaging.folders import list_images

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("mode", "image", "expected"),
    [
        ("RGB", RGB, RGB),
        ("L", RGB[..., 0], RGB[..., 0]),
        ("RGBA", np.dstack([RGB, RGB[..., :1]]), RGB),
        ("LA", np.dstack([RGB[..., 0], RGB[..., 1]]), RGB[..., 0]),
        ("16-bit", (RGB[..., 0].astype(np.uint16) * 257), RGB[..., 0]),
    ],
)
def test_reads_every_mode(tmp_path, mode, image, expected):
    np.testing.assert_array_equal(read_image(write_image(tmp_path / "a.png", image)), expected)


def test_reads_a_palette(tmp_path):
    colours = np.repeat(RGB[:1, :4], 6, axis=0)
    Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours)


def test_round_trip(tmp_path):
    for image in (RGB, RGB[..., 0]):
        write_png(tmp_path / "new" / "a.png", image)
        np.testing.assert_array_equal(read_image(tmp_path / "new" / "a.png"), image)
        np.testing.assert_array_equal(to_array(to_tensor(image)), image)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_to_array_rounds_half_up_and_clips():
    values = torch.tensor([-0.1, 0.5 / 255, 1.5 / 255, 2.4 / 255, 1.2], dtype=torch.float64)
    assert to_array(values.reshape(1, 1, 1, 5)).tolist() == [[0, 1, 2, 2, 255]]


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + b"0" * 40])
def test_what_cannot_be_decoded_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(SrlabError, match=r"a\.png: cannot be decoded"):
        read_image(tmp_path / "a.png")


def test_a_truncated_file_is_not_half_read(tmp_path):
    path = write_image(tmp_path / "a.png", RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SrlabError, match=r"a\.png: cannot be decoded"):
        read_image(path)


def test_folders(tmp_path):
    with pytest.raises(SrlabError, match="no such folder"):
        list_images(tmp_path / "none")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(SrlabError, match="no images"):
        list_images(tmp_path)
    write_image(tmp_path / "b.PNG", RGB)
    write_image(tmp_path / "a.jpg", RGB)
    assert [path.name for path in list_images(tmp_path)] == ["a.jpg", "b.PNG"]
