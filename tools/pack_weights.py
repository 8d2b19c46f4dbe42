"""Makes a network that comes with srlab: src/srlab/weights/zoo/NAME.safetensors, and its card, out of a finished run.

    python tools/pack_weights.py runs/reproduce/srcnn_x2 experiment=reproduce/srcnn "about=SRCNN 9-5-5 at x2" \
        "hardware=one NVIDIA H100" precision=bf16-mixed

The run's name becomes the network's. SRLAB_DATA must have Set5: the file is in float16 where its PSNR stays within
0.005 dB of the run's own. Set14 and B100 are taken from the run's results.json. `note=` may come several times.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from srlab import __version__, finite
from srlab.atomic_write import write_text
from srlab.config.compose import compose
from srlab.data.catalog import find_set
from srlab.data.evaluation_sets import evaluation_sets
from srlab.data.synthetic import TERMS
from srlab.evaluation.complexity import multiply_adds, trainable_parameters
from srlab.evaluation.measure import EvaluationSettings, ResultRow, evaluate
from srlab.methods import find_method
from srlab.methods.loading import load_checkpoint
from srlab.methods.super_resolver import SuperResolver
from srlab.metrics.protocol import protocol
from srlab.networks.network import State
from srlab.run_files import RunFiles
from srlab.weights.checkpoint import Checkpoint, evaluated_weights, facts_of, read_checkpoint
from srlab.weights.fitting import fit
from srlab.weights.packed import write_packed
from srlab.weights.zoo import FOLDER, PREFIX

CLOSE = 0.005  # dB that float16 may cost
WOMAN = "woman"  # of Set5: BSDS200 has the photo that it was cut from
UNQUOTED = str.maketrans("", "", " '")  # a list as the command line has it: [t91,bsds200]
# Keys of a run that are not of its recipe.
OF_THE_MACHINE = ("runs", "name", "resume", "sets", "data.root", "data.cache", "model.network.scale")


def pack(run: RunFiles, experiment: str, about: str, hardware: str, precision: str, notes: list[str]) -> Path:
    """Writes both files; returns the path of the card."""
    checkpoint = read_checkpoint(run.best)
    state = evaluated_weights(checkpoint.state)
    config = OmegaConf.load(run.config)
    name, scales = config.name, (checkpoint.recipe or {})["scales"]
    target = FOLDER / f"{name}.safetensors"
    own = measured(method_of(checkpoint, state, run.best), config.protocol.name)
    for half in (True, False):
        write_packed(target, facts(checkpoint), state, half)
        method = load_checkpoint(target)
        rows = measured(method, config.protocol.name)
        rounding = {row.scale: row.psnr - before.psnr for row, before in zip(rows, own, strict=True)}
        print(f"{name} half={half}: " + ", ".join(f"x{scale} {value:+.5f} dB" for scale, value in rounding.items()))
        if max(map(abs, rounding.values())) <= CLOSE:
            break
    target.chmod(0o644)  # safetensors makes files that others may not read
    training = json.loads(run.results.read_text(encoding="utf-8"))
    card = {
        "name": name,
        "about": about,
        "model": experiment_model(experiment),
        "scales": scales,
        "protocol": config.protocol.name,
        "parameters": trainable_parameters(method),
        "multiply_adds": {scale: multiply_adds(method, scale) for scale in scales},
        "dtype": "float16" if half else "float32",
        "bytes": target.stat().st_size,
        "sha256": hashlib.sha256(target.read_bytes()).hexdigest(),
        "rounding": {scale: round(value, 5) + 0.0 for scale, value in rounding.items()},  # 0.0, not -0.0
        "command": command(experiment, config),
        "training": {
            **{key: round(value, 1) for key, value in training["training"].items()},
            "hardware": hardware,
            "precision": precision,
            "version": __version__,
            "commit": commit(),
        },
        "data": training_images(config.data),
        "results": [*own_results(rows), *saved_results(training["rows"], method.label)],
        "notes": [*woman_notes(config.data.train), *notes],
    }
    write_text(FOLDER / f"{name}.yaml", yaml.safe_dump(card, sort_keys=False, default_flow_style=None, width=118))
    return FOLDER / f"{name}.yaml"


def facts(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a checkpoint holds beside its weights, without what is over: moving average and paths of a machine."""
    return facts_of(checkpoint.method, checkpoint.network, {**(checkpoint.recipe or {}), "ema": 0.0, "weights": {}})


def method_of(checkpoint: Checkpoint, state: State, path: Path) -> SuperResolver:
    """The run's method with its float32 weights."""
    method = find_method(checkpoint.method)(checkpoint.network, {**(checkpoint.recipe or {}), "ema": 0.0})
    fit(method.network, state, path)
    return method.eval()


def measured(method: SuperResolver, rules: str) -> list[ResultRow]:
    """Rows of Set5 at all scales that the method was trained on."""
    sets = evaluation_sets(["set5"], Path(os.environ["SRLAB_DATA"]), "bicubic", False)
    scales = method.hparams["recipe"]["scales"]
    return list(evaluate([(method.label, method)], sets, scales, EvaluationSettings(protocol(rules))))


def own_results(rows: list[ResultRow]) -> list[dict[str, Any]]:
    """The card's rows of Set5, with and without `woman`."""
    found = []
    for row in rows:
        others = [quality for image, quality in row.images.items() if image != WOMAN]
        psnr, ssim = (finite.mean(quality[key] for quality in others) for key in ("psnr", "ssim"))
        found += [
            result("set5", row.scale, row.psnr, row.ssim, "the file"),
            result("set5 without woman", row.scale, psnr, ssim, "the file"),
        ]
    return found


def saved_results(rows: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    """The card's rows of the other sets, as the run has measured them."""
    wanted = [row for row in rows if row["method"] == label and row["set"] != "set5"]
    return [result(row["set"], row["scale"], row["psnr"], row["ssim"], "the run") for row in wanted]


def result(name: str, scale: int, psnr: float, ssim: float, source: str) -> dict[str, Any]:
    return {"set": name, "scale": scale, "psnr": round(psnr, 3), "ssim": round(ssim, 4), "measured": source}


def woman_notes(sets: list[str]) -> list[str]:
    """What a reader must know of Set5 where it overlaps with the training images."""
    if "bsds200" not in sets:
        return []
    return ["BSDS200 has the photo (302003) that Set5's woman was cut from; the rows without woman leave it out."]


def training_images(data: Any) -> list[dict[str, str]]:
    """The card's training images and their terms: sets of the catalog, or generated images."""
    if data.kind == "sample":
        return [{"set": "sample", "terms": TERMS}]
    return [{"set": found, "terms": find_set(found).licence} for found in data.train]


def commit() -> str:
    """The commit of this checkout, whose code has trained the network."""
    words = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def experiment_model(experiment: str) -> str:
    """The word after model= that the experiment chooses."""
    text = (Path(__file__).parents[1] / "conf" / "experiment" / f"{experiment}.yaml").read_text(encoding="utf-8")
    return next(line.partition("/model:")[2].strip() for line in text.splitlines() if "override /model:" in line)


def command(experiment: str, config: Any) -> str:
    """The words that train the network again: the experiment, and what the run's configuration changes of it."""
    own, plain = flat(config), flat(compose("train", [f"experiment={experiment}"]))
    left = [key for key in own if key in OF_THE_MACHINE or key.startswith("weights.")]
    changed = {key: value for key, value in own.items() if key not in left and plain.get(key) != value}
    if changed.get("init_from"):
        changed["init_from"] = PREFIX + Path(changed["init_from"].removeprefix(PREFIX)).name
    words = [f"{key}={str(value).translate(UNQUOTED)}" for key, value in changed.items()]
    return shlex.join(["python", "train.py", f"experiment={experiment}", *words])


def flat(config: Any, before: str = "") -> dict[str, Any]:
    """{"data.train": ...} for {data: {train: ...}}."""
    values = OmegaConf.to_container(config, resolve=True) if OmegaConf.is_config(config) else config
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, dict) and value else {f"{before}{key}": value}
    return found


if __name__ == "__main__":
    folder, *words = sys.argv[1:]
    given = [word.partition("=")[::2] for word in words]
    options = {key: value for key, value in given if key != "note"}
    print(pack(RunFiles(Path(folder)), notes=[value for key, value in given if key == "note"], **options))
