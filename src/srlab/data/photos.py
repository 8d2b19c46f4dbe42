"""Photos that come with scikit-image: a validation and a test set that need no download. Never trained on."""

from pathlib import Path

import numpy as np
import skimage

from srlab.imaging.files import read_image

TEST = ("coffee", "astronaut", "motorcycle_left")
VALIDATION = ("chelsea", "rocket")
_FILES = {
    "coffee": "coffee.png",
    "astronaut": "astronaut.png",
    "motorcycle_left": "motorcycle_left.png",
    "chelsea": "chelsea.png",
    "rocket": "rocket.jpg",
}


def photo(name: str) -> np.ndarray:
    """Reads a photo, (H, W, 3) uint8. Raises KeyError for a name that is not listed above."""
    return read_image(Path(skimage.__file__).parent / "data" / _FILES[name])
