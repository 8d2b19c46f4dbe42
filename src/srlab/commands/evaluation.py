"""evaluate.py: from a configuration to rows, tables and figures."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from srlab.config.parse import parse
from srlab.config.schema import EvaluateConfig, EvaluateWeights
from srlab.config.values import as_list, as_scales
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.image_sets import ImageSet
from srlab.errors import SrlabError
from srlab.evaluation.comparison_figure import comparison
from srlab.evaluation.measure import EvaluationSettings, Method, ResultRow, evaluate, that_have
from srlab.evaluation.metric_plane import draw_perception_distortion
from srlab.evaluation.progress import progress_shown
from srlab.evaluation.saved_images import SavedImages
from srlab.evaluation.tables import print_table, write_results
from srlab.folder_lock import owned
from srlab.methods import IMAGES, SPANDREL, find_method, interpolation
from srlab.methods.loading import load_checkpoint, load_weights, load_whole
from srlab.methods.recipe import recipe_of_model
from srlab.methods.spandrel import Spandrel
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.by_name import check_metrics, meters_of
from srlab.metrics.protocol import protocol
from srlab.mos import export as mos
from srlab.training.devices import inference_device
from srlab.weights import zoo

ANY_SCALE = [2, 3, 4]  # for methods that have no scale of their own


def evaluate_config(cfg: DictConfig) -> list[ResultRow]:
    """Measures what the config names, prints the table, writes results and figures, and returns the rows."""
    config = parse(cfg, EvaluateConfig)
    rows = measured(config)
    for path in draw_perception_distortion(rows, Path(config.out)):
        print(f"written: {path}")
    return rows


def measured(config: EvaluateConfig) -> list[ResultRow]:
    """As `evaluate_config`, without the figure of perception and distortion."""
    if config.mos_export:
        mos.check(config)
    if config.precision not in ("32", "bf16", "16"):
        raise SrlabError(f"precision={config.precision}: expected 32, bf16 or 16.")
    names, backbones = as_list(config.metrics), _backbones(config.weights)
    check_metrics(names, backbones)
    methods = _methods(config)
    out = Path(config.out)
    device = inference_device(config.trainer.accelerator)
    settings = EvaluationSettings(
        protocol=protocol(config.protocol.name),
        device=device,
        tile=config.tile,
        ensemble=config.ensemble,
        precision=config.precision,  # type: ignore[arg-type]
        save_images=out / "images" if config.save_images or config.mos_export else None,
    )
    sets = evaluation_sets(
        config.sets, Path(config.data.root).expanduser(), config.data.degradation, config.data.recursive
    )
    scales = _scales(config, methods)
    for image_set in sets:
        image_set.check(scales, settings.protocol)
        for saved in (method for _, method in methods if isinstance(method, SavedImages)):
            saved.check(image_set, scales, settings.protocol)
        for note in image_set.notes:
            print(note, file=sys.stderr, flush=True)
    settings = replace(settings, meters=meters_of(names, backbones, device))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrlabError(f"out={out}: cannot be made ({error.strerror}). Choose a folder of yours.") from None
    with owned(out, "evaluating", "out=OTHER"):
        with progress_shown() as progress:
            settings = replace(settings, progress=progress)
            rows = list(evaluate(methods, sets, scales, settings))
            if config.mos_export:
                rows = mos.add_anchors(rows, sets, scales, settings)
        write_results(rows, out)  # first: nothing that comes later can lose them
        print_table(rows, f"protocol {settings.protocol.name}")
        print(f"written: {out / 'results.json'}, .md, .csv and .tex")
        if config.save_images:
            _draw_comparisons(methods, sets[0], scales, settings, out)
    if config.mos_export:
        others = {label: method.origin for label, method in methods if isinstance(method, SavedImages)}
        origin = {"ckpt": as_list(config.ckpt), "weights": config.weights.network, "saved_images": others}
        print(mos.summary(mos.export(rows, sets, settings, config.mos, origin)))
    return rows


def _draw_comparisons(
    methods: Sequence[tuple[str, Method]],
    image_set: ImageSet,
    scales: list[int],
    settings: EvaluationSettings,
    out: Path,
) -> None:
    """Writes comparison_xN for each scale: bicubic and the methods that can do it, on the first images of a set."""
    if all(label != "bicubic" for label, _ in methods):
        methods = [("bicubic", interpolation()), *methods]
    for scale in scales:
        path = out / f"comparison_x{scale}.png"
        comparison(that_have(scale, methods), image_set, scale, settings, path)
        print(f"written: {path}")


def _backbones(weights: EvaluateWeights) -> dict[str, str | None]:
    return {name: source for name, source in vars(weights).items() if name != "network"}


def _methods(config: EvaluateConfig) -> list[tuple[str, Method]]:
    """Returns (label, method) for every checkpoint of ckpt=, for model= with weights=, and for saved images."""
    if config.model is None or config.model.method != IMAGES:
        if config.folder is not None:
            raise SrlabError(f"folder={config.folder}: is for model=images. Say so too.")
        return [*_networks(config)]
    if config.weights.network is not None:
        raise SrlabError(f"weights={config.weights.network}: model=images has no weights. Say ckpt=PATH beside it.")
    saved = _saved_images(config.folder, config.pattern, config.model.name)
    networks = [] if config.ckpt is None else _networks(replace(config, model=None))
    taken = {f"{label}+" if config.ensemble else label for label, _ in networks}
    for label, _ in saved:
        if label in taken:
            raise SrlabError(f"model.name={label}: a checkpoint has this name too. Give the images another.")
    return [*networks, *saved]


def _saved_images(folder: Any, pattern: str, name: str) -> list[tuple[str, Method]]:
    """Returns (label, images) for folder=DIR, or for each method of folder={NAME: DIR, ...}."""
    folders = folder if isinstance(folder, dict) else {name: folder}
    if not folders or not all(isinstance(path, str) for path in folders.values()):
        given = "null" if folder is None else folder
        raise SrlabError(f"folder={given}: model=images needs a folder of images, or {{NAME: FOLDER, ...}}.")
    return [(str(label), SavedImages(str(label), path, pattern)) for label, path in folders.items()]


def _networks(config: EvaluateConfig) -> list[tuple[str, SuperResolver]]:
    """Returns (label, method) for every checkpoint of ckpt=, or for model= with weights=."""
    if config.ckpt is not None:
        if config.model is not None or config.weights.network is not None:
            raise SrlabError("ckpt= needs neither model= nor weights=: a checkpoint knows its method.")
        paths = [zoo.located(str(path)) for path in as_list(config.ckpt)]
        if not paths:
            raise SrlabError("ckpt=[]: expected a checkpoint, or a list of them.")
        return labelled([(path, load_checkpoint(path)) for path in paths])
    if config.model is None and config.weights.network not in (None, zoo.PRETRAINED):
        path = zoo.located(config.weights.network)
        return labelled([(path, load_whole(path))])
    if config.model is None:
        raise SrlabError("nothing to evaluate: say ckpt=PATH, or model=NAME (and weights=FILE where it has weights).")
    if config.model.method == SPANDREL:
        return [_of_spandrel(config.weights.network, config.model.name)]
    method = find_method(config.model.method)(config.model.network, recipe_of_model(config))
    has_weights = any(True for _ in method.network.parameters())
    if config.weights.network is not None:
        load_weights(method, _weights_file(config.weights.network, config.model.name, as_scales(config.scale)))
    elif has_weights:
        raise SrlabError(f"model={config.model.name} has weights: say weights=FILE, or ckpt=PATH.")
    return [(method.label, method.eval())]


def _of_spandrel(file: str | None, name: str) -> tuple[str, SuperResolver]:
    """Returns (label, method) for model=spandrel weights=FILE."""
    if file is None:
        raise SrlabError("model=spandrel: say weights=FILE, the weights of a network that spandrel recognises.")
    method = Spandrel(str(Path(file).expanduser()), "" if name == SPANDREL else name)
    return method.label, method.eval()


def _weights_file(given: str, model: str, scales: list[int]) -> Path:
    """Returns the file of weights=: a path, pretrained:NAME, or for "pretrained" alone the network of the model."""
    if given == zoo.PRETRAINED:
        return zoo.path(zoo.name_for(model, scales))
    return zoo.located(given) if given.startswith(zoo.PREFIX) else Path(given)


def labelled(loaded: Sequence[tuple[Path, SuperResolver]]) -> list[tuple[str, SuperResolver]]:
    """Returns (label, method) with different labels: the method's own; its run or file is added, then a number.

    Args:
        loaded: (file, method).
    """
    plain = [(method.label, method.traits.scales) for _, method in loaded]
    named = [
        label if plain.count((label, scales)) == 1 else f"{label} ({run_or_file(path)})"
        for (label, scales), (path, _) in zip(plain, loaded, strict=True)
    ]
    unique = [name if named.count(name) == 1 else f"{name} #{i}" for i, name in enumerate(named, 1)]
    return [(name, method) for name, (_, method) in zip(unique, loaded, strict=True)]


def run_or_file(path: Path) -> str:
    """Returns RUN for runs/RUN/checkpoints/best.ckpt, and adds the file's name where it is not the best one."""
    if path.parent.name != "checkpoints":
        return path.stem
    run = path.resolve().parents[1].name
    return run if path.stem == "best" else f"{run} {path.stem}"


def _scales(config: EvaluateConfig, methods: Sequence[tuple[str, Method]]) -> list[int]:
    """Those that were asked for, checked; else all that the methods have, or were trained on."""
    scales = as_scales(config.scale)
    if not scales:
        found = sorted({scale for _, m in methods if isinstance(m, SuperResolver) for scale in _trained(m)})
        if not found:
            raise SrlabError("model=images: say scale=N, by which the images were enlarged.")
        return found
    if all(method.traits.scales is not None for _, method in methods):
        own = sorted({scale for _, method in methods for scale in method.traits.scales or ()})
        for scale in scales:
            if scale not in own:
                has = ", ".join(f"x{s}" for s in own)
                raise SrlabError(f"scale={scale}: the method has {has}. Choose that, or another checkpoint.")
    return scales


def _trained(method: SuperResolver) -> list[int]:
    """Returns the scales that a method was trained on, which may be fewer than it can do."""
    recipe = method.hparams["recipe"] or {}
    return recipe.get("scales") or list(method.traits.scales or ANY_SCALE)
