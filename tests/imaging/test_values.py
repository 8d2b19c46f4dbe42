"""Value ranges are never guessed; photos are upright whatever kind of file they are; a file holds one image."""

import struct

import numpy as np
import pytest
import tifffile
from helpers import write_image
from mutated_images import campaign
from photo_files import exif, picture, png_bytes, png_chunk, saved, turned
from PIL import Image
from rich.progress import Progress

from srlab.data.check import Checker, find_subjects
from srlab.errors import SrlabError
from srlab.imaging.files import image_header, image_size, read_image
from srlab.photos.photo import open_photo

GREY = np.arange(20).reshape(4, 5)


def refusal(path) -> str:
    with pytest.raises(SrlabError) as caught:
        read_image(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("kind", "factor", "expected"),
    [
        ("float32", 1 / 19, "32-bit floating point, from 0 to 1;"),
        ("int32", 1, "32-bit integers with sign, from 0 to 19;"),
        ("uint32", 1, "32-bit integers, from 0 to 19;"),
        ("int16", -1, "16-bit integers with sign, from -19 to 0;"),
        ("int8", -1, "8-bit integers with sign, from -19 to 0;"),
    ],
)
def test_other_numbers_are_refused_with_their_range(tmp_path, kind, factor, expected, channels):
    values = (GREY * factor).astype(kind)
    values = values if channels == 1 else np.dstack([values] * 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack" if channels == 1 else "rgb")
    assert f"a.tif: holds {expected}" in refusal(tmp_path / "a.tif")


@pytest.mark.parametrize("channels", [1, 3])
def test_floating_point_of_64_bits_is_named_though_nothing_here_reads_it(tmp_path, channels):
    values = np.zeros((4, 5, channels)).squeeze()
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack" if channels == 1 else "rgb")
    assert "a.tif: holds 64-bit floating point, of a range that cannot be read;" in refusal(tmp_path / "a.tif")
    with pytest.raises(SrlabError, match=r"a\.tif: holds 64-bit floating point"):
        open_photo(tmp_path / "a.tif")


def test_nan_and_infinite_pixels_are_counted_and_the_first_is_named(tmp_path):
    values = np.full((300, 5, 3), 0.5, np.float32)
    values[270, 2, 1], values[280, 0, 0], values[280, 0, 2] = np.nan, np.inf, -np.inf
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    expected = "from 0.5 to 0.5, with 3 values that are NaN or infinite, the first at row 270, column 2, counted from 0"
    assert expected in refusal(tmp_path / "a.tif")
    with pytest.raises(SrlabError, match=expected):
        open_photo(tmp_path / "a.tif")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_twelve_bits_in_sixteen_are_refused_and_sixteen_are_not(tmp_path, name, channels):
    values = np.linspace(0, 4095, 60).astype(np.uint16).reshape(4, 5, 3)
    path = tmp_path / name
    write_deep(path, values[..., :channels])
    assert "has 16 bits, and no value above 4095" in refusal(path)
    assert "if 4095 is white, multiply by 16 first" in open_photo(path).notes[0]
    write_deep(path, values[..., :channels] * 16)
    np.testing.assert_allclose(np.squeeze(values[..., :channels]) * 16.0 / 257, read_image(path), atol=1)


def write_deep(path, values: np.ndarray) -> None:
    if path.suffix == ".tif":
        grey = values.shape[2] == 1
        tifffile.imwrite(path, values[..., 0] if grey else values, photometric="minisblack" if grey else "rgb")
        return
    path.write_bytes(png_bytes(values))


def test_a_black_image_is_black_whatever_white_is(tmp_path):
    assert not read_image(write_image(tmp_path / "a.png", np.zeros((4, 5), np.uint16))).any()


def test_twelve_bits_that_the_file_declares_are_obeyed(tmp_path):
    """TIFF of BitsPerSample 12, two values in three bytes."""
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(2, 2, bytes([0xFF, 0xF8, 0x00, 0, 0x0F, 0xFF]), bits=12))
    assert read_image(path).tolist() == [[255, 128], [0, 255]]


def test_a_white_that_is_said_by_a_tag_is_refused(tmp_path):
    path, values = tmp_path / "a.tif", struct.pack("<4H", 0, 9000, 16383, 50)
    path.write_bytes(tiff(2, 2, values, bits=16, largest=16383))
    assert "its tag MaxSampleValue says 16383" in refusal(path)
    path.write_bytes(tiff(2, 2, values, bits=16, largest=16380))  # a statistic
    assert read_image(path).max() == 64


def test_white_is_zero_is_inverted_at_every_depth(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(2, 1, struct.pack("<2H", 0, 65535), bits=16, photometric=0))
    assert read_image(path).tolist() == [[255, 0]]
    path.write_bytes(tiff(2, 1, bytes([0, 255]), bits=8, photometric=0))
    assert read_image(path).tolist() == [[255, 0]]


def tiff(width: int, height: int, data: bytes, bits: int, largest: int | None = None, photometric: int = 1) -> bytes:
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric), (273, 8), (277, 1)]
    entries += [(278, height), (279, len(data))] + ([] if largest is None else [(281, largest)])
    data += bytes(len(data) % 2)
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHIHxx", tag, 3, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_upright(tmp_path, kind, orientation):
    """As Pillow turns the pixels that were stored, and as srlab upscale reads the file."""
    upright, path = picture(), tmp_path / "a.png"
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    path.write_bytes(saved(turned(upright, orientation), kind, exif=exif(orientation), **options))
    found = read_image(path)
    assert image_size(path) == found.shape[:2] == (upright.height, upright.width)
    assert image_header(path).is_turned == (orientation != 1)
    difference = np.abs(found.astype(int) - np.asarray(upright))
    assert difference.max() <= (8 if kind == "JPEG" else 0)
    photo = open_photo(path)
    np.testing.assert_array_equal(found, np.asarray(photo.pixels()))


def test_exif_behind_the_pixels_of_a_png_counts_and_xmp_does_not(tmp_path):
    path, plain = tmp_path / "a.png", saved(picture(), "PNG")
    path.write_bytes(plain[:-12] + png_chunk(b"eXIf", exif(6).tobytes()[6:]) + plain[-12:])
    assert image_size(path) == read_image(path).shape[:2] == (picture().width, picture().height)
    path.write_bytes(saved(picture(), "TIFF", tiffinfo={700: b'<x tiff:Orientation="6"/>'}))
    assert image_size(path) == read_image(path).shape[:2] == (picture().height, picture().width)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_several_images_in_a_file_are_refused(tmp_path, kind):
    path = tmp_path / "a.png"
    path.write_bytes(saved(picture(), kind, save_all=True, append_images=[picture().rotate(180)]))
    said = "holds several pages" if kind == "TIFF" else "is animated"
    assert said in refusal(path)
    with pytest.raises(SrlabError, match=rf"a\.png: {said}"):
        image_header(path)


def test_the_previews_of_a_camera_are_passed_over(tmp_path):
    (tmp_path / "a.jpg").write_bytes(saved(picture(), "MPO", save_all=True, append_images=[picture().resize((8, 6))]))
    assert read_image(tmp_path / "a.jpg").shape == (picture().height, picture().width, 3)


def test_other_kinds_are_not_opened(tmp_path):
    """Such as EPS, for which Pillow starts Ghostscript."""
    (tmp_path / "a.png").write_bytes(saved(picture(), "EPS"))
    assert "cannot be decoded (not an image of the kinds PNG, JPEG" in refusal(tmp_path / "a.png")


def test_data_check_finds_all_of_them(tmp_path):
    folder = tmp_path / "photos"
    write_image(folder / "good.png", np.asarray(picture()))
    (folder / "turned.jpg").write_bytes(saved(turned(picture(), 6), "JPEG", exif=exif(6)))
    write_image(folder / "fourteen.png", (np.asarray(picture())[..., 0] * np.uint16(64)))
    tifffile.imwrite(folder / "float.tif", np.asarray(picture(), np.float32) / 255, photometric="rgb")
    write_image(folder / "twelve.png", (np.asarray(picture())[..., 1] * np.uint16(16)))
    (folder / "frames.webp").write_bytes(saved(picture(), "WEBP", save_all=True, append_images=[picture("L")]))
    (folder / "cut.jpg").write_bytes(saved(picture(), "JPEG")[:300])
    with Progress(disable=True) as progress:
        (subject,) = find_subjects(str(folder), tmp_path)
        report = Checker(tmp_path, progress).check(subject, [])
    wrong = [finding.text for finding in report.findings if finding.error]
    assert [text.removeprefix(f"{folder}/").partition(":")[0] for text in wrong] == [
        "cut.jpg", "float.tif", "frames.webp", "twelve.png"
    ]  # fmt: skip
    notes = "\n".join(finding.text for finding in report.findings if not finding.error)
    assert "turned upright, as their EXIF says (1): turned.jpg" in notes
    assert "use less than a quarter of them: dark, or of 14 bits and read too dark (1): fourteen.png" in notes


def test_100_mutated_images():
    """`python tools/mutated_images.py` tries 2,000."""
    result = campaign(100, seed=1)
    assert result.failures == [] and sum(result.tried.values()) == 100


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_a_file_that_is_cut_is_refused_by_both_readers(tmp_path, kind, share):
    content, path = saved(picture(), kind), tmp_path / "a.png"
    path.write_bytes(content[: int(share * len(content))])
    assert "cannot be decoded (" in refusal(path)
    with pytest.raises(SrlabError, match=r"a\.png: cannot be decoded \("):
        open_photo(path)


def test_a_header_that_claims_too_much_is_refused_before_anything_is_decoded(tmp_path):
    content = bytearray(saved(Image.new("RGB", (8, 8)), "GIF"))
    content[6:10] = struct.pack("<HH", 13000, 13000)
    (tmp_path / "a.png").write_bytes(content)
    assert "its header claims 13000x13000 pixels, in" in refusal(tmp_path / "a.png")
