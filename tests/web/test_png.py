"""The PNG writer against Pillow and libvips, two other readers."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image

from srlab.data.photos import photo
from srlab.web.png import PngWriter


def written(image: np.ndarray, bands: list[int], profile: bytes | None = None) -> bytes:
    file = io.BytesIO()
    height, width, channels = image.shape
    writer = PngWriter(file, height, width, channels, 8 * image.itemsize, profile)
    for rows in np.split(image, bands):
        writer.write(rows)
    writer.close()
    return file.getvalue()


@pytest.mark.parametrize("bands", [[], [1], [1, 2, 3], [64], [7, 70, 90]])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pixels_come_back(bands, channels):
    image = photo("astronaut")[100:200, 150:271]
    image = np.dstack([image, image[..., :1] // 2])[..., :channels]
    back = np.asarray(Image.open(io.BytesIO(written(image, bands))))
    assert np.array_equal(back.reshape(image.shape), image)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_16_bits(channels):
    image = np.random.default_rng(0).integers(0, 2**16, (70, 33, channels), np.uint16)
    back = pyvips.Image.new_from_buffer(written(image, [5]), "").numpy()
    assert np.array_equal(back.reshape(image.shape), image)


def test_a_profile_and_the_size_of_the_file():
    image = photo("coffee")
    content = written(image, [], b"a profile")
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.info["icc_profile"] == b"a profile"
    by_pillow = io.BytesIO()
    Image.fromarray(image).save(by_pillow, "PNG", compress_level=3)
    assert len(content) < 1.02 * len(by_pillow.getvalue())


def test_rows_that_are_missing():
    writer = PngWriter(io.BytesIO(), 3, 2, 1, 8)
    writer.write(np.zeros((2, 2, 1), np.uint8))
    with pytest.raises(ValueError, match="1 rows"):
        writer.close()
