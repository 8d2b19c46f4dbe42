"""Kinds of files that the wheels of libvips lack, by Pillow: BMP, HEIC and JPEG XL, whole images of 8 bits."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from PIL import Image, UnidentifiedImageError

from srlab.errors import SrlabError
from srlab.imaging.opening import not_decoded
from srlab.photos.kinds import HEIC, JXL, Kind

MODES = {"L": "L", "LA": "LA", "RGB": "RGB", "RGBA": "RGBA", "1": "L"}
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
INCH = 25.4  # millimetres


def prepare(kind: Kind) -> None:
    """Imports the plugin that reads and writes a kind. `require_extra` has looked for it."""
    if kind is HEIC:
        import pillow_heif  # noqa: PLC0415 - a package of an extra

        pillow_heif.register_heif_opener()
    elif kind is JXL:
        import pillow_jxl  # noqa: F401, PLC0415 - a package of an extra


def read_by_pillow(path: Path, kind: Kind, check_size: Callable[[int, int], None]) -> pyvips.Image:
    """Reads an image: upright where the kind itself says how it is turned, as HEIC and JPEG XL do.

    Args:
        path: of the file.
        kind: of the file.
        check_size: called with (height, width) before the pixels are decoded.

    Raises:
        SrlabError: it cannot be decoded.
    """
    prepare(kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, which `check_size` judges
            with Image.open(path) as image:
                check_size(image.height, image.width)
                return _as_vips(image, path, kind)
    except SrlabError:
        raise
    except UnidentifiedImageError as error:
        raise not_decoded(path, "not an image that Pillow knows") from error
    except Exception as error:  # damaged files lead decoders to any error
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise not_decoded(path, error) from error


def _as_vips(image: Image.Image, path: Path, kind: Kind) -> pyvips.Image:
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.info.get("primary") is None:
        raise SrlabError(f"{path}: holds {frames} images; expected one. Save each as a file of its own.")
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode not in MODES:
        raise SrlabError(
            f"{path}: has pixels of the mode {image.mode}, which srlab reads from other kinds of files only."
        )
    pixels = np.asarray(image.convert(MODES[image.mode]))
    grey = MODES[image.mode].startswith("L")
    converted = pyvips.Image.new_from_array(pixels, interpretation="b-w" if grey else "srgb")
    across, down = image.info.get("dpi", (INCH, INCH))
    converted = converted.copy(xres=float(across) / INCH, yres=float(down) / INCH)
    for name, field in (("exif", "exif-data"), ("xmp", "xmp-data"), ("icc_profile", "icc-profile-data")):
        if isinstance(content := image.info.get(name), bytes) and content:
            converted.set_type(pyvips.GValue.blob_type, field, content)
    return converted


def write_by_pillow(image: pyvips.Image, path: Path, kind: Kind, metadata: dict[str, bytes], **options: Any) -> None:
    """Writes an image of 8 bits.

    Args:
        image: grey or RGB, perhaps with alpha, uchar.
        path: of the file.
        kind: HEIC or JXL.
        metadata: by libvips's names.
        options: of the plugin, such as quality.
    """
    prepare(kind)
    pixels = image.numpy()
    written = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and image.bands == 1 else pixels)
    own = {"exif-data": "exif", "xmp-data": "xmp"}
    kept = {own[name]: content for name, content in metadata.items() if name in own}
    if "icc-profile-data" in metadata:
        written.info["icc_profile"] = metadata["icc-profile-data"]  # pillow-heif looks for it there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written.save(path, format="HEIF" if kind is HEIC else "JXL", **kept, **options)
