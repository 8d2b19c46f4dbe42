"""Photos to try the page with: parts of those that come with scikit-image, in their own resolution."""

import io
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

# name -> (file, title, (left, top, right, bottom))
EXAMPLES = {
    "cat": ("chelsea.png", "Cat", (120, 50, 320, 200)),
    "astronaut": ("astronaut.png", "Astronaut", (130, 10, 330, 160)),
    "coffee": ("coffee.png", "Coffee", (170, 90, 450, 300)),
    "rocket": ("rocket.jpg", "Rocket", (210, 90, 450, 270)),
}


def example(name: str) -> bytes:
    """Returns an example as PNG. Raises KeyError for a name that is not in EXAMPLES."""
    file, _, box = EXAMPLES[name]
    spec = find_spec("skimage")
    assert spec is not None and spec.origin is not None
    with Image.open(Path(spec.origin).parent / "data" / file) as image:
        part = io.BytesIO()
        image.convert("RGB").crop(box).save(part, "PNG")
    return part.getvalue()
