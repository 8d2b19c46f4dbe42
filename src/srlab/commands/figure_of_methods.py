"""`srlab figure`: finds images and methods, runs and measures them as evaluate.py does, and has the figure drawn."""

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from srlab.commands.evaluation import labelled
from srlab.commands.figure_request import Request
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet, Picture
from srlab.errors import SrlabError
from srlab.evaluation.figure_layout import Shown, density
from srlab.evaluation.measure import EvaluationSettings, Method, super_resolved
from srlab.evaluation.paper_figure import Block, Panel, draw_paper_figure
from srlab.evaluation.progress import progress_shown
from srlab.evaluation.saved_images import SavedImages
from srlab.evaluation.text_tables import latex_text
from srlab.evaluation.windows import Window, telling_window
from srlab.imaging.color import rgb_to_ycbcr, ycbcr_to_rgb
from srlab.imaging.crop import crop_to_multiple
from srlab.imaging.files import as_8_bit, to_array, to_tensor
from srlab.imaging.resize import imresize
from srlab.inference.loading import INTERPOLATIONS, located
from srlab.methods import interpolation
from srlab.methods.loading import load_recognised
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.training.devices import inference_device

NEAREST = 5  # names in an error
PART = 6  # of the short side of the image, for the window that is chosen
LEAST = 40  # pixels of a side of it, where there are as many


def write_figure(request: Request) -> list[str]:
    """Writes the figure, and returns what to print.

    Raises:
        SrlabError: a set, image, method or protocol that is not there, a method without the scale, a window outside its
            image, or a file that cannot be written.
    """
    request.check()
    settings = EvaluationSettings(
        protocol=protocol(request.protocol),
        device=inference_device(request.accelerator),
        tile=request.tile,
        ensemble=request.ensemble,
    )
    (whole,) = evaluation_sets(request.image_set, request.root, request.degradation)
    whole.check([request.scale], settings.protocol)
    image_set = replace(whole, pictures=tuple(find_picture(whole, name) for name in request.images))
    methods = _methods(request, settings)
    windows = _windows(request, image_set)
    for method in (method for _, method in methods if isinstance(method, SavedImages)):
        method.check(image_set, [request.scale], settings.protocol)
    with progress_shown() as progress:
        settings = replace(settings, progress=progress)
        blocks = [_block(request, methods, image_set, index, settings, window) for index, window in enumerate(windows)]
    draw_paper_figure(blocks, request.out, request.width, request.dpi)
    return [f"written: {request.out}, {_said([block.window for block in blocks])}", *_latex(request, image_set)]


def find_picture(image_set: ImageSet, name: str) -> Picture:
    """Returns an image of a set by its name; its file's ending may be given, case does not matter, and a part will do.

    Raises:
        SrlabError: there is none, or the part is of several; the error lists those that are most like it.
    """
    pictures = {picture.name: picture for picture in image_set.pictures}
    word = name.casefold()
    alike = [known for known in pictures if known.casefold() in (word, word.rpartition(".")[0])]
    parts = [known for known in pictures if word in known.casefold()]
    for found in ([known for known in pictures if known == name], alike, parts):
        if len(found) == 1:
            return pictures[found[0]]
    listed = parts or difflib.get_close_matches(name, list(pictures), NEAREST, cutoff=0.3) or list(pictures)
    more = f" and {len(listed) - NEAREST} more" if len(listed) > NEAREST else ""
    says = "several images have this in their names" if parts else "no image of this name"
    raise SrlabError(f"image={name}: {says} in {image_set.name}: {', '.join(listed[:NEAREST])}{more}.")


def _windows(request: Request, image_set: ImageSet) -> list[Window | int]:
    """Returns the window of each image, or the side of one that is to be chosen; checked before anything is computed.

    The side is the same for all images, so that all are enlarged alike.
    """
    sizes = [crop_to_multiple(picture.read(), request.scale).shape[:2] for picture in image_set.pictures]
    side = request.size or max(LEAST, min(map(min, sizes)) // PART)
    given = request.crops if len(request.crops) == len(sizes) else (None,) * len(sizes)
    windows = [side if crop is None else Window(*crop) for crop in given]
    shown = []
    for window, picture, (height, width) in zip(windows, image_set.pictures, sizes, strict=True):
        if isinstance(window, int):
            side = min(window, height, width)
            shown.append(Shown(height, width, Window(0, 0, side, side), len(request.methods) + 1))
            continue
        if not window.lies_in((height, width)):
            raise SrlabError(
                f"crop={','.join(map(str, window))}: is no part of {picture.name}, which is {width}x{height} at "
                f"x{request.scale}. Expected LEFT,TOP,WIDTH,HEIGHT in its pixels."
            )
        shown.append(Shown(height, width, window, len(request.methods) + 1))
    density(shown, request.width, request.dpi)  # or an error
    return windows


def _methods(request: Request, settings: EvaluationSettings) -> list[tuple[str, Method]]:
    """Returns (name in the figure, method), in the order of methods=."""
    files = [source for source in request.methods if source not in INTERPOLATIONS and "{" not in source]
    networks = iter(labelled([_loaded(source, request.scale) for source in files]))
    found: list[tuple[str, Method]] = []
    for source in request.methods:
        if source in INTERPOLATIONS:
            found.append((source.capitalize(), interpolation(source)))
        elif "{" in source:
            found.append(_saved_images(source))
        else:
            found.append(next(networks))
    names = request.names or [settings.name(label, method) for label, method in found]
    return [(name, method) for name, (_, method) in zip(names, found, strict=True)]


def _loaded(source: str, scale: int) -> tuple[Path, SuperResolver]:
    """Returns the file of a network, and its method, which has the scale."""
    path, _ = located(source, scale)
    method = load_recognised(path, scale)
    scales = method.traits.scales
    if scales is not None and scale not in scales:
        raise SrlabError(f"{source}: has {', '.join(f'x{own}' for own in scales)}, not x{scale}. Choose another.")
    return path, method


def _saved_images(source: str) -> tuple[str, Method]:
    """Returns (label, images) for a path with {name} in it; the label is the last folder's without placeholders."""
    path = Path(source)
    label = next((part for part in reversed(path.parts[:-1]) if "{" not in part), path.stem)
    return label, SavedImages(label, str(path.parent), path.name)


def _block(
    request: Request,
    methods: Sequence[tuple[str, Method]],
    image_set: ImageSet,
    index: int,
    settings: EvaluationSettings,
    window: Window | int,
) -> Block:
    """Runs and measures all methods on one image, and chooses the window where only its side is given."""
    scale, measured_by = request.scale, settings.protocol
    pair = image_set.pair(index, scale, measured_by)
    panels = []
    for done, (name, method) in enumerate(methods, 1):
        sr = super_resolved(method, image_set, index, pair, settings)
        panels.append(Panel(name, as_8_bit(sr), measured_by.measure(sr, pair.hr, scale)))
        settings.progress(f"{image_set.name} {pair.name} x{scale}", done, len(methods), name)
    if isinstance(window, int):
        bicubic, border = imresize(to_array(pair.lr), scale), measured_by.crop_border(scale)
        window = telling_window([panel.image for panel in panels], bicubic, pair.hr, window, border)
    hr = crop_to_multiple(image_set.pictures[index].read(), scale)
    if pair.hr.ndim == 2 and hr.ndim == 3:
        panels = [replace(panel, image=_in_colour(panel.image, hr, scale)) for panel in panels]
    return Block(_caption(image_set, pair.name, scale), hr, tuple(panels), window)


def _in_colour(y: np.ndarray, hr: np.ndarray, scale: int) -> np.ndarray:
    """Gives Y of a result, (H, W), the Cb and Cr that bicubic makes of HR's, as papers do: (H, W, 3), all uint8."""
    bicubic = rgb_to_ycbcr(to_tensor(imresize(imresize(hr, 1 / scale), scale)).double())
    ycbcr = torch.cat([to_tensor(y).double(), bicubic[:, 1:]], dim=1)
    return to_array(ycbcr_to_rgb(ycbcr).clamp(0, 1))


def _title(image_set: ImageSet) -> str:
    """Returns what papers call a set."""
    return image_set.name if image_set.entry is None else image_set.entry.title


def _caption(image_set: ImageSet, name: str, scale: int) -> str:
    made = "" if image_set.degradation == "bicubic" else f", {image_set.degradation}"
    return f"{_title(image_set)}: {name} (×{scale}{made})"


def _said(windows: Sequence[Window]) -> str:
    """Returns the windows as the option that draws them again."""
    texts = [",".join(map(str, window)) for window in windows]
    return f"crop={texts[0]}" if len(texts) == 1 else f"'crop=[{','.join(f'[{text}]' for text in texts)}]'"


def _latex(request: Request, image_set: ImageSet) -> list[str]:
    """Returns the line that a paper includes a PDF by; none for other files."""
    if request.out.suffix != ".pdf":
        return []
    names = ", ".join(latex_text(picture.name) for picture in image_set.pictures)
    caption = rf"{latex_text(_title(image_set))}: {names} ($\times{request.scale}$)."
    return [rf"\includegraphics[width={request.width:g}in]{{{request.out.as_posix()}}} \caption{{{caption}}}"]
