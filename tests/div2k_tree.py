"""DIV2K in small: its layout, its LR tracks, and a pixel in every LR file that tells which file it is."""

from pathlib import Path

import numpy as np
from helpers import write_image

from srlab.imaging.resize import imresize

COUNT = 12  # images of a part
TRACKS = {  # degradation and scale -> path of an LR file
    ("bicubic", 2): "LR_bicubic/X2/{:04d}x2.png",
    ("unknown", 2): "LR_unknown/X2/{:04d}x2.png",
    ("mild", 4): "LR_mild/{:04d}x4m.png",
    ("wild", 4): "LR_wild/{:04d}x4w{}.png",
}


def mark(degradation: str, scale: int) -> int:
    """The red value of the first pixel of these LR files; green is the image's number, and blue the version."""
    return 7 + list(TRACKS).index((degradation, scale))


def write_div2k(root: Path) -> None:
    """Images of 32 x 24 pixels."""
    random = np.random.default_rng(0)
    for part, first in (("train", 1), ("valid", 801)):
        for number in range(first, first + COUNT):
            image = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            write_image(root / f"DIV2K/DIV2K_{part}_HR/{number:04d}.png", image)
            for (degradation, scale), name in TRACKS.items():
                for version in range(1, 5 if (degradation, part) == ("wild", "train") else 2):
                    lr = imresize(image, 1 / scale)
                    lr[0, 0] = mark(degradation, scale), number % 100, version
                    write_image(root / f"DIV2K/DIV2K_{part}_{name.format(number, version)}", lr)
