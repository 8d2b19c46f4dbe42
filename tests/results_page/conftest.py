"""Two sets of small images, measured by two methods at x2 and x4 as evaluate.py does, with the images saved."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from srlab.data.image_sets import ImageSet, Picture
from srlab.data.synthetic import synthetic_image
from srlab.evaluation.measure import EvaluationSettings, evaluate
from srlab.evaluation.results import write_json
from srlab.imaging.crop import crop_to_multiple
from srlab.methods import find_method
from srlab.metrics.protocol import protocol
from srlab.results_page import write_page

SIZE = 64


def image(index: int) -> np.ndarray:
    return synthetic_image(index, SIZE)[: SIZE - 8]


@dataclass(frozen=True)
class Measured:
    """A folder with results.json and images."""

    folder: Path

    def hr(self, name: str, scale: int, picture: str) -> np.ndarray:
        return crop_to_multiple(image(int(picture[-1]) + (3 if name == "set5" else 0)), scale)

    def page(self, name: str = "page.html", results: str = "results.json", **more) -> str:
        path = self.folder / name
        write_page(self.folder / results, self.folder / "images", more.pop("hr", self.hr), path, **more)
        return path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def measured(tmp_path_factory) -> Measured:
    folder = tmp_path_factory.mktemp("measured")
    sets = [
        ImageSet(name, tuple(Picture(f"photo{i}", partial(image, i + first)) for i in range(count)))
        for name, first, count in (("mine", 0, 3), ("set5", 3, 2))
    ]
    methods = [(name, find_method("interpolation")({"kernel": name})) for name in ("bicubic", "bilinear")]
    settings = EvaluationSettings(protocol("luma"), save_images=folder / "images")
    write_json(list(evaluate(methods, sets, [2, 4], settings)), folder / "results.json")
    return Measured(folder)
