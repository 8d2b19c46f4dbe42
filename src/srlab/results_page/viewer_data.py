"""What the viewer's script knows: JSON that is safe within HTML."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np

from srlab import finite
from srlab.evaluation.validation_panel import LARGEST_ERROR
from srlab.labels import printable
from srlab.results_page.embedded import Embedded
from srlab.results_page.pictures import Picture, Place
from srlab.results_page.rows import Row, metric_of, set_title

IN_SCRIPT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
)  # so that no text ends the element, or begins a comment


def viewer_json(places: Sequence[Place]) -> str:
    """Returns the data of layers.js and viewer.js. Without any picture `places` is empty.

    Args:
        places: with their pictures.
    """
    palette = (matplotlib.colormaps["inferno"](np.arange(256), bytes=True)[:, :3]).tobytes()
    content = {
        "palette": base64.b64encode(palette).decode("ascii"),
        "largestError": LARGEST_ERROR,
        "places": [_place(place) for place in places if place.pictures],
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":")).translate(IN_SCRIPT)


def _place(place: Place) -> dict[str, Any]:
    return {
        "title": f"{set_title(place.set)} ×{place.scale}",
        "best": _best(place.rows),
        "pictures": [_picture(picture, place) for picture in place.pictures],
    }


def _best(rows: Sequence[Row]) -> str:
    """Returns the method that the viewer begins with: that of the highest finite PSNR, else the last."""
    measured = [row for row in rows if finite.is_finite(row.means.get("psnr", float("nan")))]
    return max(measured, key=lambda row: row.means["psnr"]).method if measured else rows[-1].method


def _picture(picture: Picture, place: Place) -> dict[str, Any]:
    rows = {row.label: row for row in place.rows}
    width, height = picture.size
    results = [
        _layer(rows[label].method, "result", image, _values(rows[label], picture.name))
        for label, image in picture.results.items()
    ]
    lr = _layer("LR, enlarged pixels", "lr", picture.lr, [["", "HR, shrunk by bicubic"]])
    hr = _layer("HR", "hr", picture.hr, [["", "the reference"]])
    return {"name": printable(picture.name), "width": width, "height": height, "layers": [lr, *results, hr]}


def _layer(label: str, kind: str, image: Embedded, values: list[list[str]]) -> dict[str, Any]:
    return {"label": label, "kind": kind, "grey": image.grey, "values": values, "data": image.uri}


def _values(row: Row, image: str) -> list[list[str]]:
    """Returns titles and numbers of an image as text."""
    metrics = [(metric_of(name), value) for name, value in row.images[image].items()]
    return [[metric.title, f"{metric.text(value)} {metric.unit}".rstrip()] for metric, value in metrics]
