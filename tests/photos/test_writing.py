"""Results as files of every format: what is kept, what is said to be lost, and what a full disk leaves behind."""

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile
from photo_files import TAKEN, exif, p3_profile, pixels, png_bytes, saved
from PIL import Image

from srlab.errors import SrlabError
from srlab.photos import writing
from srlab.photos.formats import FORMATS, format_of
from srlab.photos.photo import open_photo
from srlab.photos.writing import check_fits, lost, write_photo

P3 = p3_profile()


def opened(path: Path, channels: int, bits: int = 8):
    path.write_bytes(png_bytes(pixels(channels, bits)))
    return open_photo(path)


def described(path: Path):
    image = Image.fromarray(pixels(3))
    path.write_bytes(saved(image, "PNG", exif=exif(), icc_profile=P3))
    return open_photo(path)


def bands(array: np.ndarray, rows: int = 5):
    return (array[top : top + rows] for top in range(0, len(array), rows))


def write(out: Path, photo, array: np.ndarray, quality=None):
    kind = format_of(out.suffix, str(out))
    write_photo(out, kind, kind.chosen(quality), photo, bands(array), *array.shape[:2])


def read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("name", FORMATS)
def test_values_and_metadata(tmp_path, name):
    for plugin in {"heic": ["pillow_heif"], "jxl": ["pillow_jxl"]}.get(name, []):
        pytest.importorskip(plugin)
    photo, large = described(tmp_path / "in.png"), pixels(3, 8, 44, 62)
    write(tmp_path / f"out.{name}", photo, large, "lossless" if FORMATS[name].lossless else None)
    with Image.open(tmp_path / f"out.{name}") as image:
        own = image.getexif().get_ifd(0x8769)
        assert (image.size, own[0xA002], own[0xA003], own[0x9003]) == ((62, 44), 62, 44, TAKEN)
        assert image.getexif()[0x010F] == "Maker" and image.getexif().get_ifd(0x8825)[1] == "N"
        assert (image.info.get("icc_profile") == P3) == FORMATS[name].profile
        error = np.abs(np.asarray(image).astype(int) - large)
    exact = name in ("png", "tiff", "webp")
    converted = name == "jxl"  # from the profile to sRGB, as it can hold none
    assert error.max() == 0 if exact else error.mean() < (20 if converted else 6)
    assert bool(lost(photo, FORMATS[name])) == converted
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", f"out.{name}"]


def test_16_bits(tmp_path):
    photo, large = opened(tmp_path / "in.png", 3, 16), pixels(3, 16, 44, 62)
    write(tmp_path / "out.tiff", photo, large)
    assert np.array_equal(tifffile.imread(tmp_path / "out.tiff"), large) and not lost(photo, FORMATS["tiff"])
    write(tmp_path / "out.webp", photo, large, "lossless")
    assert np.array_equal(read(tmp_path / "out.webp"), np.floor(large / 257 + 0.5).astype(np.uint8))
    assert lost(photo, FORMATS["webp"]) == ["16 bits became 8, which is what webp holds"]
    assert lost(photo, FORMATS["avif"]) == ["16 bits became 12, which is what avif holds"]


def test_transparency_becomes_white_where_there_is_none(tmp_path):
    photo = opened(tmp_path / "in.png", 4)
    large = np.zeros((20, 20, 4), np.uint8)
    large[:10] = (200, 100, 50, 255)
    write(tmp_path / "out.jpg", photo, large)
    found = read(tmp_path / "out.jpg").astype(int)
    assert abs(found[:8] - (200, 100, 50)).max() < 6 and (found[12:] > 249).all()
    assert lost(photo, FORMATS["jpg"]) == ["transparency became white: jpg has none"]


@pytest.mark.parametrize("name", ["png", "jpg", "tiff", "webp", "avif"])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_grey_stays_grey_and_alpha_is_there(tmp_path, name, channels):
    photo, large = opened(tmp_path / "in.png", channels), pixels(channels, 8, 44, 62)
    write(tmp_path / f"out.{name}", photo, large)
    with Image.open(tmp_path / f"out.{name}") as image:
        grey = {"webp": "RGB", "avif": "RGB"}.get(name, "L")  # these kinds have no grey of their own for Pillow
        modes = {1: {grey, "L"}, 2: {"LA", "RGBA"}, 4: {"RGBA"}}[channels]
        assert image.mode in (modes if FORMATS[name].alpha or channels == 1 else {"L", "RGB"})
        if channels == 1:
            planes = np.asarray(image.convert("RGB")).astype(int)
            assert np.ptp(planes, axis=2).max() <= 2


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("after", [0, 20])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, small, after):
    """Some bands are written, and then there is no room: for pixels in memory and in a file."""
    monkeypatch.setattr(writing, "SMALL", 2**30 if small else 0)
    photo, out = opened(tmp_path / "in.png", 3), tmp_path / "out.png"
    out.write_bytes(b"what was there")

    def full():
        yield np.zeros((after, 62, 3), np.uint8)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_photo(out, FORMATS["png"], None, photo, full(), 44, 62)
    assert out.read_bytes() == b"what was there"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "out.png"]


def test_a_disk_without_room_for_the_pixels_is_found_before_the_work(tmp_path, monkeypatch):
    photo = opened(tmp_path / "in.png", 3)

    def never():
        raise AssertionError("the network must not begin")
        yield

    with pytest.raises(OSError, match="No space left on device: the pixels need 30,000,000,000,000,000 bytes"):
        write_photo(tmp_path / "out.png", FORMATS["png"], None, photo, never(), 10**8, 10**8)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_pixels_by_way_of_a_file_are_the_same(tmp_path, monkeypatch):
    photo, large = opened(tmp_path / "in.png", 3), pixels(3, 8, 44, 62)
    write(tmp_path / "memory.png", photo, large)
    monkeypatch.setattr(writing, "SMALL", 0)
    write(tmp_path / "file.png", photo, large)
    assert np.array_equal(read(tmp_path / "file.png"), large) and np.array_equal(read(tmp_path / "memory.png"), large)


def test_sides_that_a_format_lacks():
    check_fits(Path("a.webp"), FORMATS["webp"], 16383, 100)
    with pytest.raises(
        SrlabError, match=r"a\.webp: would have 16384x100 pixels, and webp files have sides of 16383 at most"
    ):
        check_fits(Path("a.webp"), FORMATS["webp"], 100, 16384)


def test_what_libvips_cannot_write_is_one_line(tmp_path):
    photo = opened(tmp_path / "in.png", 3)
    with pytest.raises(SrlabError, match=r"out\.webp: cannot be written \(.+\)\. Choose another format\.$") as error:
        write(tmp_path / "out.webp", photo, np.zeros((1, 16384, 3), np.uint8))
    assert "\n" not in str(error.value) and [path.name for path in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize(
    ("name", "quality", "message"),
    [
        ("png", 90, "quality=90: png files are always exact"),
        ("jpg", "lossless", "quality=lossless: jpg has no lossless form; webp, avif, jxl have"),
    ],
)
def test_qualities_that_a_format_lacks(name, quality, message):
    with pytest.raises(SrlabError, match=message):
        FORMATS[name].chosen(quality)


def test_names_of_formats():
    assert format_of("JPEG", "").name == "jpg" and format_of(".tif", "").name == "tiff"
    with pytest.raises(SrlabError, match=r"format=bmp: expected one of png, jpg"):
        format_of("bmp", "format=bmp")
