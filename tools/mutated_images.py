"""Damages image files at random, and sees that srlab answers each with an image or with one line.

    python tools/mutated_images.py [COUNT] [SEED]

Each mutated file is read as data sets are, by its header and as a whole, as srlab upscale reads photos, and as the page
of srlab web looks at uploads. Prints a table of what was tried. Exit code 1 where something else than one line came, a
file took more than 5 seconds of the processor, or the memory grew by more than 1 GB.
"""

import io
import random
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fault_campaigns.strangers import Answers
from PIL import Image

from srlab.imaging.files import image_header, read_image
from srlab.photos.photo import open_photo
from srlab.web.photo_header import check_photo

PIXELS = 1 << 22  # that srlab upscale and the page may take
ABSURD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
# Where the sides stand in each kind of file, and how: as a rule behind what the kind begins with.
SIDES = {"png": (16, ">I"), "bmp": (18, "<I"), "gif": (6, "<H"), "webp": (26, "<H")}


def originals() -> dict[str, bytes]:
    """Small files of each kind, and of some ways of packing them, with EXIF where the kind has it."""
    grain = np.random.default_rng(0).integers(0, 256, (24, 30, 3), dtype=np.uint8)
    grain[:12] //= 16  # some of it packs well
    image, exif = Image.fromarray(grain), Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    deep = Image.fromarray(grain[..., 0].astype(np.uint16) * 257)
    ways: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
        "a.png": (image, "PNG", {"exif": exif}),
        "deep.png": (deep, "PNG", {}),
        "palette.png": (image.convert("P"), "PNG", {"transparency": 3}),
        "frames.png": (image, "PNG", {"save_all": True, "append_images": [image.rotate(180)]}),
        "a.jpg": (image, "JPEG", {"exif": exif}),
        "progressive.jpg": (image, "JPEG", {"progressive": True, "quality": 95}),
        "a.tif": (image, "TIFF", {"exif": exif}),
        "lzw.tif": (image, "TIFF", {"compression": "tiff_lzw"}),
        "deflate.tif": (deep, "TIFF", {"compression": "tiff_adobe_deflate"}),
        "pages.tif": (image, "TIFF", {"save_all": True, "append_images": [image]}),
        "a.webp": (image, "WEBP", {"exif": exif}),
        "lossless.webp": (image, "WEBP", {"lossless": True}),
        "a.bmp": (image, "BMP", {}),
        "palette.bmp": (image.convert("P"), "BMP", {}),
        "a.gif": (image, "GIF", {}),
        "frames.gif": (image, "GIF", {"save_all": True, "append_images": [image.rotate(180)]}),
    }
    files = {}
    for name, (picture, kind, options) in ways.items():
        stream = io.BytesIO()
        picture.save(stream, kind, **options)
        files[name] = stream.getvalue()
    return files


def flip(content: bytearray, suffix: str, generator: random.Random) -> None:
    """Changes bits anywhere, or in the first bytes, which say what the file is."""
    most = generator.choice([len(content), min(len(content), 128)])
    for _ in range(generator.choice([1, 2, 8, 32])):
        content[generator.randrange(most)] ^= 1 << generator.randrange(8)


def cut(content: bytearray, suffix: str, generator: random.Random) -> None:
    """Takes away the end, or a piece of the middle."""
    start = generator.randrange(len(content))
    del content[start : len(content) if generator.random() < 0.6 else start + generator.randrange(1, 200)]


def change_number(content: bytearray, suffix: str, generator: random.Random) -> None:
    """Puts an absurd number somewhere: a length, an offset, a count."""
    kind = generator.choice(["<H", ">H", "<I", ">I"])
    at = generator.randrange(max(1, min(len(content), generator.choice([64, 512, len(content)])) - 4))
    limit = 256 ** struct.calcsize(kind) - 1
    struct.pack_into(kind, content, at, min(generator.choice(ABSURD), limit))


def change_size(content: bytearray, suffix: str, generator: random.Random) -> None:
    """Makes the sides absurd."""
    if suffix == "jpg":
        at = next((i for i in range(len(content) - 9) if content[i] == 0xFF and content[i + 1] in (0xC0, 0xC2)), 0)
        places = [(at + 5, ">H"), (at + 7, ">H")]
    elif suffix == "tif":
        first = int.from_bytes(content[4:8], "little")
        places = [(first + 2 + 12 * entry + 8, "<I") for entry in range(2)]
    else:
        at, kind = SIDES[suffix]
        places = [(at, kind), (at + struct.calcsize(kind), kind)]
    for at, kind in places:
        limit = 256 ** struct.calcsize(kind) - 1
        value = min(generator.choice([*ABSURD, 9000, 13000, 40000]), limit)
        struct.pack_into(kind, content, min(at, len(content) - 4), value)


def splice(content: bytearray, suffix: str, generator: random.Random) -> None:
    """Repeats or overwrites a piece of the file by another one."""
    start, at = generator.randrange(len(content)), generator.randrange(len(content))
    piece = content[start : start + generator.randrange(1, 300)]
    content[at : at + generator.choice([0, len(piece)])] = piece


MUTATIONS: dict[str, Callable[[bytearray, str, random.Random], None]] = {
    "bits flipped": flip, "cut": cut, "numbers": change_number, "sides": change_size, "spliced": splice,
}  # fmt: skip


def mutated(generator: random.Random) -> Iterator[tuple[str, str, bytes]]:
    """Yields for ever (kind of mutation, name of the original, content of the file)."""
    files = originals()
    while True:
        name, kind = generator.choice(list(files)), generator.choice(list(MUTATIONS))
        content = bytearray(files[name])
        MUTATIONS[kind](content, name.rpartition(".")[2], generator)
        yield kind, name, bytes(content)


def _upload(path: Path) -> None:
    with path.open("rb") as file:
        check_photo(file, PIXELS)


WAYS: dict[str, Callable[[Path], Any]] = {
    "data": read_image,
    "header": image_header,
    "upscale": lambda path: open_photo(path, PIXELS),
    "web": _upload,
}


@dataclass
class Campaign(Answers):
    """What was tried.

    Attributes:
        tried: files, by (kind of file, kind of mutation).
        refused_by: how many of them were refused, by kind of file and mutation, and way.
    """

    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused_by: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def campaign(count: int, seed: int) -> Campaign:
    """Reads `count` mutated files in every way."""
    generator, result = random.Random(seed), Campaign()
    source = mutated(generator)
    next(source)
    with tempfile.TemporaryDirectory() as folder, result.watched_memory():
        for number in range(count):
            kind, name, content = next(source)
            path = Path(folder) / f"mutated.{name}"
            path.write_bytes(content)
            place = (name.rpartition(".")[2], kind)
            result.tried[place] += 1
            for way, read in WAYS.items():
                named = "" if way == "web" else path.name  # the page shows its errors beside the photo
                what = f"{number} ({name}, {kind}), {way}"
                result.refused_by[*place, way] += result.refused(what, read, path, 1000, named)
            path.unlink()
    return result


def table(result: Campaign) -> str:
    """Returns what was tried and refused, in Markdown."""
    lines = [f"| kind | mutation | files | {' | '.join(f'refused: {way}' for way in WAYS)} |"]
    lines.append("|---|---|" + "---:|" * (1 + len(WAYS)))
    for (kind, mutation), tried in sorted(result.tried.items()):
        refused = " | ".join(str(result.refused_by[kind, mutation, way]) for way in WAYS)
        lines.append(f"| {kind} | {mutation} | {tried} | {refused} |")
    return "\n".join(lines)


def main() -> int:
    count, seed = [*map(int, sys.argv[1:]), *[2000, 0][len(sys.argv) - 1 :]][:2]
    result = campaign(count, seed)
    return result.report(f"{count} mutated images, seed {seed}, each read in {len(WAYS)} ways", table(result))


if __name__ == "__main__":
    raise SystemExit(main())
