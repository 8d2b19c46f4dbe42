"""Every kind of file through the real command: what goes in, what comes out, and which line the others get.

The table in docs/use.md has a row for each of these files, and a test compares the two.
"""

import os
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pytest
import pyvips
from helpers import ROOT
from photo_files import (
    HEIGHT,
    TAKEN,
    WIDTH,
    bomb_jxl,
    bomb_png,
    exif,
    p3_profile,
    picture,
    pixels,
    png_bytes,
    read_png,
    save_tiff,
    saved,
    turned,
)  # fmt: skip
from PIL import Image, ImageCms, ImageOps

from srlab.commands.upscale import main
from srlab.errors import SrlabError
from srlab.imaging.resize import imresize
from srlab.photos.photo import open_photo

DOCUMENT = ROOT / "docs" / "use.md"
P3 = p3_profile()
CMYK = bytes(pyvips.Operation.call("profile_load", "cmyk"))  # a profile of a press, for files to carry


@dataclass(frozen=True)
class Case:
    """A file that is enlarged.

    Attributes:
        row: in the table of docs/use.md: the kind, and what comes out.
        name: of the file.
        make: writes it.
        expected: its pixels, (height, width, channels), without libvips; None: as Pillow reads it.
        close: by which pixels may differ, in levels of 8 bits: for other decoders and other conversions of colours.
        profile: that is kept.
        keeps_exif: whether there is EXIF to keep.
    """

    row: tuple[str, str]
    name: str
    make: Callable[[Path], object]
    expected: Callable[[], np.ndarray] | None = None
    close: float = 1.0
    profile: bytes | None = None
    keeps_exif: bool = False


def writes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def by_pillow(image: Image.Image, kind: str, plugin: str | None = None, **options: object) -> Callable[[Path], object]:
    """Written when it is needed: some kinds need a plugin."""

    def make(path: Path) -> None:
        if plugin == "pillow_heif":
            pytest.importorskip(plugin).register_heif_opener()
        elif plugin is not None:
            pytest.importorskip(plugin)
        image.save(path, kind, **options)

    return make


def palette(transparent: bool) -> Image.Image:
    small = picture().quantize(32)
    if transparent:
        small.info["transparency"] = bytes([0, 90, *[255] * 30])
    return small


def cmyk_as_rgb() -> np.ndarray:
    """What Little CMS, by way of Pillow, makes of the values with the same profile."""
    image = picture().convert("CMYK")
    source, target = ImageCms.ImageCmsProfile(BytesIO(CMYK)), ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return np.asarray(ImageCms.profileToProfile(image, source, target, renderingIntent=intent, outputMode="RGB"))


def grey_png(channels: int, bits: int) -> Case:
    kind = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGB with alpha"}[channels]
    return Case(
        (f"PNG, {bits} bits, {kind}", "the same"), f"{kind} {bits}.png", writes(png_bytes(pixels(channels, bits))),
        lambda: pixels(channels, bits),
    )  # fmt: skip


def upright(orientation: int) -> Case:
    stored = turned(picture(), orientation)
    return Case(
        ("JPEG with an orientation, all 8", "upright, and the tag says so"), f"turned {orientation}.jpg",
        by_pillow(stored, "JPEG", quality=98, subsampling=0, exif=exif(orientation)),
        lambda: pixels(3), close=12, keeps_exif=True,
    )  # fmt: skip


WORKING = [
    *(grey_png(channels, bits) for bits in (8, 16) for channels in (1, 2, 3, 4)),
    Case(("PNG, palette", "RGB"), "palette.png", by_pillow(palette(False), "PNG")),
    Case(("PNG, palette with transparency", "RGB with alpha"), "palette alpha.png",
         by_pillow(palette(True), "PNG", transparency=bytes([0, 90, *[255] * 30]))),
    Case(("PNG, 1 bit", "grey, 8 bits"), "bilevel.png", by_pillow(picture("L").convert("1"), "PNG")),
    Case(("PNG of one pixel", "the same, larger"), "one.png", writes(png_bytes(pixels(3, 8, 1, 1))),
         lambda: pixels(3, 8, 1, 1)),
    Case(("JPEG, baseline or progressive", "RGB, 8 bits"), "plain.jpg", by_pillow(picture(), "JPEG", quality=95)),
    Case(("JPEG, baseline or progressive", "RGB, 8 bits"), "progressive.jpeg",
         by_pillow(picture(), "JPEG", progressive=True)),
    Case(("JPEG, grey", "grey"), "grey.jpg", by_pillow(picture("L"), "JPEG")),
    Case(("JPEG or TIFF, CMYK", "sRGB, by its profile or libvips's"), "cmyk.jpg",
         by_pillow(picture().convert("CMYK"), "JPEG", quality=98, subsampling=0), cmyk_as_rgb, close=14),
    Case(("JPEG or TIFF, CMYK", "sRGB, by its profile or libvips's"), "cmyk with profile.tif",
         by_pillow(picture().convert("CMYK"), "TIFF", icc_profile=CMYK), cmyk_as_rgb, close=3),
    Case(("JPEG with a profile such as Display P3", "the profile and the same values"), "p3.jpg",
         by_pillow(picture(), "JPEG", icc_profile=P3), profile=P3),
    *(upright(orientation) for orientation in range(1, 9)),
    Case(("WebP, lossy or lossless, with alpha or without", "the same, 8 bits"), "lossy.webp",
         by_pillow(picture(), "WEBP", quality=90)),
    Case(("WebP, lossy or lossless, with alpha or without", "the same, 8 bits"), "lossless.webp",
         by_pillow(picture("RGBA"), "WEBP", lossless=True, exact=True)),
    Case(("TIFF, 8 bits", "the same, with EXIF"), "lzw.tif",
         by_pillow(picture(), "TIFF", compression="tiff_lzw")),
    Case(("TIFF, 8 bits", "the same, with EXIF"), "described.tif",
         by_pillow(turned(picture(), 8), "TIFF", exif=exif(8)), lambda: pixels(3), keeps_exif=True),
    Case(("TIFF, 16 bits", "the same"), "deep.tiff", lambda path: save_tiff(path, pixels(3, 16), photometric="rgb"),
         lambda: pixels(3, 16)),
    Case(("TIFF, 16 bits", "the same"), "deep grey.tiff",
         lambda path: save_tiff(path, pixels(1, 16)[..., 0]), lambda: pixels(1, 16)),
    Case(("BMP", "RGB, 8 bits"), "still.bmp", by_pillow(picture(), "BMP")),
    Case(("GIF, still", "RGB, with alpha where it has some"), "still.gif", by_pillow(palette(False), "GIF")),
    Case(("AVIF", "the same, upright"), "turned.avif",
         by_pillow(turned(picture(), 6), "AVIF", quality=95, subsampling="4:4:4", exif=exif(6)), lambda: pixels(3),
         close=12, keeps_exif=True),
    Case(("HEIC", "8 bits, upright"), "telephone.heic",
         by_pillow(picture(), "HEIF", "pillow_heif", quality=95, chroma=444, exif=exif().tobytes()), lambda: pixels(3),
         close=14, keeps_exif=True),
    Case(("JPEG XL", "8 bits"), "modern.jxl",
         by_pillow(picture(), "JXL", "pillow_jxl", lossless=True), lambda: pixels(3)),
    Case(("a name with spaces, brackets or other scripts", "the same name"), "Über [1] 写真 {0} %s.png",
         writes(png_bytes(pixels(3))), lambda: pixels(3)),
    Case(("a JPEG whose name ends in .png", "what it is"), "misnamed.png", writes(saved(picture(), "JPEG"))),
]  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """A file that gets one line.

    Attributes:
        row: in the table of docs/use.md: the kind, and what the line says.
        name: of the file.
        make: writes it.
        message: that the line matches.
    """

    row: tuple[str, str]
    name: str
    make: Callable[[Path], object]
    message: str


def frames() -> list[Image.Image]:
    return [turned(picture(), orientation).convert("RGB") for orientation in (2, 3)]


ANIMATED = ("GIF, WebP or PNG, animated", "refused: animated")
LARGE = ("a header of more than max_pixels", "refused before it is decoded")
DAMAGED = ("a file that ends too early", "refused: what is missing")
REFUSED = [
    Refused(ANIMATED, "moving.webp", by_pillow(picture(), "WEBP", save_all=True, append_images=frames()),
            "is animated, with 3 frames; expected a still image"),
    Refused(ANIMATED, "moving.gif", by_pillow(picture(), "GIF", save_all=True, append_images=frames()),
            "is animated, with 3 frames"),
    Refused(ANIMATED, "moving.png", by_pillow(picture(), "PNG", save_all=True, append_images=frames()), "is animated;"),
    Refused(("TIFF, several pages", "refused: how many"), "pages.tif",
            by_pillow(picture(), "TIFF", save_all=True, append_images=frames()), "holds 3 pages; expected one"),
    Refused(("TIFF, floating point", "refused: the range that was found"), "float.tif",
            lambda path: save_tiff(path, np.linspace(-0.5, 3, 60, dtype=np.float32).reshape(6, 10)),
            r"holds 32-bit floating point, from -0\.5 to 3; expected 8 or 16 bits"),
    Refused(DAMAGED, "short.jpg", writes(saved(picture(), "JPEG", quality=98)[:700]),
            r"cannot be decoded \(.*(premature|truncat|end)"),
    Refused(DAMAGED, "short.png", writes(png_bytes(pixels(3))[:-700]), r"cannot be decoded \("),
    Refused(DAMAGED, "short.bmp", writes(saved(picture(), "BMP")[:-400]),
            r"cannot be decoded \(image file is truncated"),
    Refused(("an empty file", "refused: empty"), "empty.jpg", writes(b""), "is empty"),
    Refused(("text, or anything else", "refused: no image"), "text.png", writes(b"these are words\n" * 9),
            "is not an image that srlab can read. Expected PNG, JPEG"),
    Refused(LARGE, "bomb.png", writes(bomb_png(50000)),
            "says that it has 50000x50000 pixels, more than max_pixels=268435456"),
    Refused(LARGE, "bomb.jxl", writes(bomb_jxl(70000, 90000)), "says that it has 90000x70000 pixels"),
    Refused(("a camera's raw file", "refused: to be developed first"), "raw.dng", writes(b"II*\x00" + bytes(60)),
            "is a camera's raw file. Develop it"),
]  # fmt: skip


@dataclass
class Run:
    source: Path
    out: Path
    code: int
    lines: list[str]
    errors: list[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """All files at once, through one call of the command."""
    pytest.importorskip("pillow_heif")
    pytest.importorskip("pillow_jxl")
    folder = tmp_path_factory.mktemp("formats")
    source = folder / "photos"
    source.mkdir()
    for case in (*WORKING, *REFUSED):
        case.make(source / case.name)
    with redirect_stdout(StringIO()) as printed, redirect_stderr(StringIO()) as errors:
        words = [str(source), str(folder / "out"), "model=bicubic", "tile=null", "name={name}", "device=cpu"]
        code = main(words)
    return Run(source, folder / "out", code, printed.getvalue().splitlines(), errors.getvalue().splitlines())


def result_of(run: Run, name: str) -> Path:
    """photo.png, or photo_jpg.png where there are several photos of this name."""
    path = Path(name)
    plain = run.out / f"{path.stem}.png"
    return plain if plain.exists() else run.out / f"{path.stem}_{path.suffix[1:]}.png"


def as_pillow_reads(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.load()
        mode = {"P": "RGBA" if image.has_transparency_data else "RGB", "1": "L"}.get(image.mode, image.mode)
        array = np.asarray(ImageOps.exif_transpose(image).convert(mode))
    return array[..., None] if array.ndim == 2 else array


def twice_as_large(array: np.ndarray) -> np.ndarray:
    """By imresize, with colours weighted by alpha; values of 0..255 or 0..65535, not rounded."""
    largest = np.iinfo(array.dtype).max
    values = array.astype(np.float64) / largest
    if array.shape[2] in (1, 3) or (array[..., -1] == array[0, 0, -1]).all():
        return imresize(values, 2).clip(0, 1) * largest
    alpha = imresize(values[..., -1:], 2).clip(0, 1)
    colours = imresize(values[..., :-1] * values[..., -1:], 2).clip(0, 1)
    return np.concatenate([(colours / np.maximum(alpha, 0.5 / largest)).clip(0, 1), alpha], axis=2) * largest


@pytest.mark.parametrize("case", WORKING, ids=lambda case: case.name)
def test_pixels(run, case):
    found = read_png(result_of(run, case.name))
    given = as_pillow_reads(run.source / case.name) if case.expected is None else case.expected()
    assert found.dtype == given.dtype and found.shape == (2 * given.shape[0], 2 * given.shape[1], given.shape[2])
    level = 1 if found.dtype == np.uint8 else 257
    expected = twice_as_large(given)
    # What stands behind pixels that are nearly transparent is not seen, and dividing by alpha enlarges its rounding.
    seen = np.ones_like(expected) if given.shape[2] in (1, 3) else np.where(expected[..., -1:] > 8 * level, 1.0, 0.0)
    error = np.abs(found - expected) * seen / level
    assert error.max() <= case.close
    if case.close <= 1:
        assert error.mean() < 0.3  # rounding to the next level gives 0.25
    if case.close <= 1 and found.dtype == np.uint16:
        assert error.max() < 3 / 257, "16 bits are kept to the last"


@pytest.mark.parametrize("case", WORKING, ids=lambda case: case.name)
def test_metadata(run, case):
    with Image.open(result_of(run, case.name)) as image:
        if case.profile is not None:
            assert image.info["icc_profile"] == case.profile
        tags = image.getexif()
        if case.keeps_exif:
            own = tags.get_ifd(0x8769)
            assert (tags[0x010F], tags[0x0110], own[0x9003]) == ("Maker", "Model 7", TAKEN)
            assert tags.get(0x0112, 1) == 1
            assert (own[0xA002], own[0xA003]) == image.size
            assert tags.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize(
    ("name", "by"), [("cmyk.jpg", "libvips's profile, since it has none"), ("cmyk with profile.tif", "its profile")]
)
def test_cmyk_says_by_which_profile(run, name, by):
    with Image.open(result_of(run, name)) as image:
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert next(line for line in run.lines if name in line).endswith(f"; CMYK became sRGB by {by}")


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_line_for_each_that_is_refused(run, case):
    lines = [line for line in run.errors if f"{run.source / case.name}:" in line]
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert re.search(case.message, lines[0], re.IGNORECASE), lines[0]


def test_the_others_are_written_and_nothing_else(run):
    assert run.code == 1
    assert len(list(run.out.iterdir())) == len(WORKING)
    assert len(run.errors) == len(REFUSED)
    assert run.lines[-1].startswith(f"{len(WORKING)} written, {len(REFUSED)} failed; ")


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("five.tif", lambda path: save_tiff(path, np.zeros((6, 8, 5), np.uint8), photometric="rgb"),
         "has 5 channels of the kind srgb; expected grey or RGB, with alpha or without"),
        ("deep.jxl", by_pillow(Image.fromarray(pixels(1, 16)[..., 0]), "JXL", "pillow_jxl"),
         "has pixels of the mode I;16, which srlab reads from other kinds of files only"),
        ("box.heic", writes(b"\0\0\0\x18ftypheic" + bytes(99)),
         r"cannot be decoded \(not an image that Pillow knows\)"),
    ],
)  # fmt: skip
def test_rare_files_are_one_line(tmp_path, name, make, message):
    if name.endswith(".heic"):
        pytest.importorskip("pillow_heif")
    make(tmp_path / name)
    with pytest.raises(SrlabError, match=f"{name}: {message}") as error:
        open_photo(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_text(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff.png")
    path.write_bytes(png_bytes(pixels(3)))
    with pytest.raises(SrlabError, match=r"^'.*/a\\udcff\.png': its name is not valid UTF-8\. Rename it\.$"):
        open_photo(path)


def test_the_document_has_these_files():
    rows = {
        tuple(cell.strip() for cell in line.strip("| \n").split("|"))
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    }
    assert {case.row for case in (*WORKING, *REFUSED)} - rows == set()


def test_sizes_of_the_sample():
    assert pixels(3).shape == (HEIGHT, WIDTH, 3) and HEIGHT != WIDTH
