"""The images that show raters both ends of the scale before the test: nearest neighbour is 1, the original is 5.

As in the SRGAN paper (section 3.3) they are not part of the test. They are photos that come with scikit-image.
"""

import numpy as np

from srlab.data import photos
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.resize import imresize

SIDE = 320  # pixels at most: about the size of the images of Set5
ENDS = {"nearest": 1, "HR": 5}


def calibration_images(sets: list[str], scale: int) -> dict[tuple[str, str], np.ndarray]:
    """Makes the calibration images from every photo that no set of the study holds.

    Args:
        sets: names of the study's sets.
        scale: by which "nearest" is shrunk (MATLAB's bicubic) and enlarged again (nearest neighbour).

    Returns:
        (photo, "nearest" or "HR") -> uint8 (H, W, 3).
    """
    names = photos.VALIDATION if "sample" in sets else (*photos.VALIDATION, *photos.TEST)
    images = {}
    for name in names:
        hr = crop_to_multiple(_middle(photos.photo(name)), scale)
        images[name, "nearest"] = imresize(imresize(hr, 1 / scale), scale, "nearest")
        images[name, "HR"] = np.ascontiguousarray(hr)
    return images


def _middle(image: np.ndarray) -> np.ndarray:
    """Crops the middle, at most SIDE pixels a side."""
    top, left = (max(side - SIDE, 0) // 2 for side in image.shape[:2])
    return image[top : top + SIDE, left : left + SIDE]
